"""A single sample has one lane, and kernels of its own: the bits are those of any batch."""

from dataclasses import replace

import numpy as np
import pytest

import architectures
import geometries
import oracle
from claims import integers, normal
from cnnbp import functional

small = pytest.mark.parametrize("geometry", geometries.SMALL, ids=str)

#: One full block and a single sample after it.
BATCH = 17

#: Maps of one, two, three, four and six of Winograd's tiles.
TILED = [(4, 4), (3, 8), (12, 2), (8, 7), (5, 12)]


def assert_alone_as_together(predict, x):
    """Of the first sample, which is one of sixteen lanes, and of the last, which has one."""
    together = predict(x)
    for n in (0, len(x) - 1):
        assert np.array_equal(predict(x[n : n + 1])[0], together[n])


@small
def test_a_convolution_has_the_bits_of_a_batch(geometry, dtype, rng):
    geometry = replace(geometry, batch=BATCH)
    x, weight = (normal(rng, s, dtype) for s in (geometry.input_shape, geometry.weight_shape))
    bias = normal(rng, geometry.out_channels, dtype)
    assert_alone_as_together(lambda x: functional.conv2d(x, weight, bias, **geometry.options), x)


@small
def test_a_delta_has_the_bits_of_a_batch(geometry, dtype, rng):
    geometry = replace(geometry, batch=BATCH)
    delta, weight = (normal(rng, s, dtype) for s in (geometry.output_shape, geometry.weight_shape))
    options = {"input_size": geometry.size, **geometry.options}
    assert_alone_as_together(lambda d: functional.conv2d_delta(d, weight, **options), delta)


@small
def test_gradients_are_exact_on_integers(geometry, dtype, rng):
    geometry = replace(geometry, batch=1)
    x, delta = (integers(rng, s, dtype) for s in (geometry.input_shape, geometry.output_shape))
    options = {"kernel_size": geometry.kernel_size, **geometry.options}
    computed = functional.conv2d_gradients(x, delta, **options)
    expected = oracle.conv2d_gradients(x, delta, **options)
    for got, want in zip(computed, expected, strict=True):
        assert np.array_equal(got, want)


@pytest.mark.parametrize("name", architectures.ALL)
def test_a_prediction_has_the_bits_of_a_batch(name, dtype, rng):
    network = architectures.ALL[name].build(dtype)
    x, y = architectures.ALL[name].samples(rng, BATCH, dtype)
    network.train_step(x, y)
    assert_alone_as_together(network.predict, x)


@pytest.mark.parametrize("size", TILED)
@pytest.mark.parametrize("channels", [(16, 16), (20, 23), (37, 64)], ids=str)
def test_products_of_few_tiles_have_the_bits_of_a_batch(channels, size, rng):
    x = normal(rng, (BATCH, channels[0], *size), np.float32)
    weight = normal(rng, (channels[1], channels[0], 3, 3), np.float32)
    assert_alone_as_together(
        lambda x: functional.conv2d(x, weight, padding=1, algorithm="winograd"), x
    )


@pytest.mark.parametrize("in_features", [1, 3, 4, 15, 16, 17, 37])
@pytest.mark.parametrize("out_features", [1, 7, 8, 9, 16, 24, 33, 71])
def test_a_product_of_few_columns_has_the_bits_of_many(in_features, out_features, dtype, rng):
    x = normal(rng, (16, in_features), dtype)
    weight, bias = normal(rng, (out_features, in_features), dtype), normal(rng, out_features, dtype)
    together = functional.linear(x, weight, bias)
    for count in range(1, 6):
        some = functional.linear(x[:count], weight, bias)
        assert np.array_equal(some, together[:count])
