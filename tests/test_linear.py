"""``functional.linear`` and its delta and gradients, at the edges of lanes and register tiles."""

from itertools import product

import numpy as np
import pytest

import geometries
import oracle
from claims import assert_sum_of_products, integers, normal
from cnnbp import functional

#: (batch, in_features, out_features): each edge on its own, and two real layers.
SHAPES = [
    *((n, 5, 3) for n in geometries.BATCHES),
    *((3, i, o) for i, o in product(geometries.CHANNELS, repeat=2)),
    (50, 192, 10),
    (17, 800, 500),
]
shapes = pytest.mark.parametrize(("batch", "in_features", "out_features"), SHAPES)


def arrays(draw, rng, batch, in_features, out_features, dtype):
    sizes = (
        (batch, in_features),
        (out_features, in_features),
        (out_features,),
        (batch, out_features),
    )
    return [draw(rng, size, dtype) for size in sizes]


@shapes
def test_all_three_passes_are_exact_on_integers(batch, in_features, out_features, dtype, rng):
    x, weight, bias, delta = arrays(integers, rng, batch, in_features, out_features, dtype)
    gradients = functional.linear_gradients(x, delta)
    assert np.array_equal(functional.linear(x, weight, bias), oracle.linear(x, weight, bias))
    assert np.array_equal(
        functional.linear_delta(delta, weight), oracle.linear_delta(delta, weight)
    )
    for got, want in zip(gradients, oracle.linear_gradients(x, delta), strict=True):
        assert got.dtype == dtype
        assert np.array_equal(got, want)


@pytest.mark.parametrize(
    ("batch", "in_features", "out_features"),
    [(1, 7, 5), (17, 13, 11), (50, 192, 10), (33, 800, 500)],
)
def test_all_three_passes_round_no_more_than_sums_of_products(
    batch, in_features, out_features, dtype, rng
):
    x, weight, bias, delta = arrays(normal, rng, batch, in_features, out_features, dtype)
    for name, inputs, terms in (
        ("linear", (x, weight, bias), in_features + 1),
        ("linear_delta", (delta, weight), out_features),
        ("linear_gradients", (x, delta), batch),
    ):
        computed = getattr(functional, name)(*inputs)
        expected = getattr(oracle, name)(*inputs)
        magnitude = getattr(oracle, name)(*map(abs, inputs))
        if name != "linear_gradients":
            computed, expected, magnitude = [computed], [expected], [magnitude]
        for got, want, size in zip(computed, expected, magnitude, strict=True):
            assert_sum_of_products(got, want, magnitude=size, terms=terms)


def test_the_bias_may_be_left_out(rng):
    x, weight = normal(rng, (5, 7), np.float32), normal(rng, (3, 7), np.float32)
    assert np.array_equal(
        functional.linear(x, weight), functional.linear(x, weight, np.zeros(3, np.float32))
    )
