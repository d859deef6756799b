"""``functional.conv2d`` and its delta and gradients, over geometries that straddle every edge."""

from itertools import pairwise

import numpy as np
import pytest

import geometries
import oracle
from claims import assert_sum_of_products, integers, normal
from cnnbp import functional

small = pytest.mark.parametrize("geometry", geometries.SMALL, ids=str)
real = pytest.mark.parametrize("geometry", geometries.REAL, ids=str)
varied = pytest.mark.parametrize("geometry", geometries.ODD + geometries.DRAWN, ids=str)


def arrays(draw, rng, geometry, dtype):
    """Input, weight, bias and output delta of a geometry, drawn by ``draw``."""
    shapes = (
        geometry.input_shape,
        geometry.weight_shape,
        (geometry.out_channels,),
        geometry.output_shape,
    )
    return [draw(rng, shape, dtype) for shape in shapes]


@small
def test_forward_is_exact_on_integers(geometry, dtype, rng):
    x, weight, bias, _ = arrays(integers, rng, geometry, dtype)
    output = functional.conv2d(x, weight, bias, **geometry.options)
    assert output.dtype == dtype
    assert np.array_equal(output, oracle.conv2d(x, weight, bias, **geometry.options))


@small
def test_delta_is_exact_on_integers(geometry, dtype, rng):
    _, weight, _, delta = arrays(integers, rng, geometry, dtype)
    options = {"input_size": geometry.size, **geometry.options}
    input_delta = functional.conv2d_delta(delta, weight, **options)
    assert input_delta.dtype == dtype
    assert np.array_equal(input_delta, oracle.conv2d_delta(delta, weight, **options))


@small
def test_gradients_are_exact_on_integers(geometry, dtype, rng):
    x, _, _, delta = arrays(integers, rng, geometry, dtype)
    options = {"kernel_size": geometry.kernel_size, **geometry.options}
    weight_gradient, bias_gradient = functional.conv2d_gradients(x, delta, **options)
    assert weight_gradient.dtype == bias_gradient.dtype == dtype
    expected_weight, expected_bias = oracle.conv2d_gradients(x, delta, **options)
    assert np.array_equal(weight_gradient, expected_weight)
    assert np.array_equal(bias_gradient, expected_bias)


@real
def test_layers_of_real_networks_are_exact_on_integers(geometry, rng):
    x, weight, bias, delta = arrays(integers, rng, geometry, np.float32)
    options, size, kernel_size = geometry.options, geometry.size, geometry.kernel_size
    for name, inputs, more in (
        ("conv2d", (x, weight, bias), {}),
        ("conv2d_delta", (delta, weight), {"input_size": size}),
        ("conv2d_gradients", (x, delta), {"kernel_size": kernel_size}),
    ):
        computed = getattr(functional, name)(*inputs, **options, **more)
        expected = getattr(oracle, name)(*inputs, **options, **more)
        for got, want in zip(_as_tuple(computed), _as_tuple(expected), strict=True):
            assert np.array_equal(got, want), name


def _as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


@varied
def test_forward_rounds_no_more_than_a_sum_of_products(geometry, dtype, rng):
    x, weight, bias, _ = arrays(normal, rng, geometry, dtype)
    assert_sum_of_products(
        functional.conv2d(x, weight, bias, **geometry.options),
        oracle.conv2d(x, weight, bias, **geometry.options),
        magnitude=oracle.conv2d(abs(x), abs(weight), abs(bias), **geometry.options),
        terms=np.prod(geometry.weight_shape[1:]) + 1,
    )


@varied
def test_delta_rounds_no_more_than_a_sum_of_products(geometry, dtype, rng):
    _, weight, _, delta = arrays(normal, rng, geometry, dtype)
    options = {"input_size": geometry.size, **geometry.options}
    assert_sum_of_products(
        functional.conv2d_delta(delta, weight, **options),
        oracle.conv2d_delta(delta, weight, **options),
        magnitude=oracle.conv2d_delta(abs(delta), abs(weight), **options),
        terms=np.prod(geometry.kernel_size) * geometry.out_channels // geometry.groups,
    )


@varied
def test_gradients_round_no_more_than_a_sum_of_products(geometry, dtype, rng):
    x, _, _, delta = arrays(normal, rng, geometry, dtype)
    options = {"kernel_size": geometry.kernel_size, **geometry.options}
    for got, want, magnitude in zip(
        functional.conv2d_gradients(x, delta, **options),
        oracle.conv2d_gradients(x, delta, **options),
        oracle.conv2d_gradients(abs(x), abs(delta), **options),
        strict=True,
    ):
        terms = geometry.batch * np.prod(geometry.output_size)
        assert_sum_of_products(got, want, magnitude=magnitude, terms=terms)


@varied
def test_forward_delta_and_gradient_are_adjoint(geometry, dtype, rng):
    """``⟨conv(x, w), δ⟩ = ⟨x, delta(δ, w)⟩ = ⟨w, gradient(x, δ)⟩``, without the oracle."""
    x, weight, _, delta = arrays(integers, rng, geometry, dtype)
    options = geometry.options
    output = functional.conv2d(x, weight, **options)
    input_delta = functional.conv2d_delta(delta, weight, input_size=geometry.size, **options)
    gradient, _ = functional.conv2d_gradients(x, delta, kernel_size=geometry.kernel_size, **options)
    products = [
        np.vdot(a.astype(np.float64), b)
        for a, b in ((output, delta), (x, input_delta), (weight, gradient))
    ]
    assert all(a == b for a, b in pairwise(products))


def test_the_kernel_gradient_is_the_notes_convolution_form(dtype, rng):
    x = integers(rng, (5, 3, 9, 8), dtype)
    delta = integers(rng, (5, 7, 6, 6), dtype)
    gradient, _ = functional.conv2d_gradients(x, delta, kernel_size=(4, 3))
    by_convolution = oracle.kernel_gradient_by_convolution(x, delta)
    assert np.array_equal(gradient, by_convolution[:, :, ::-1, ::-1])


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, (2, 5)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_keeps_the_size_and_pads_the_end_by_the_odd_pixel(kernel_size, dilation, rng):
    rows, cols = np.broadcast_to(kernel_size, 2)
    x = integers(rng, (3, 2, 9, 7), np.float64)
    weight = integers(rng, (4, 2, rows, cols), np.float64)
    total = [dilation * (k - 1) for k in (rows, cols)]
    padding = [(n // 2, n - n // 2) for n in total]
    options = {"stride": (1, 1), "dilation": (dilation, dilation), "groups": 1}
    same = functional.conv2d(x, weight, padding="same", dilation=dilation)
    assert same.shape[2:] == x.shape[2:]
    assert np.array_equal(same, oracle.conv2d(x, weight, padding=padding, **options))


def test_options_default_to_a_plain_valid_convolution(rng):
    x, weight = integers(rng, (3, 2, 5, 6), np.float32), integers(rng, (4, 2, 3, 3), np.float32)
    plain = functional.conv2d(x, weight)
    spelled = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    assert np.array_equal(plain, functional.conv2d(x, weight, np.zeros(4, np.float32), **spelled))
    assert np.array_equal(plain, functional.conv2d(x, weight, padding="valid"))


@pytest.mark.parametrize("batch", geometries.BATCHES)
def test_samples_do_not_mix(batch, dtype, rng):
    """A NaN in one sample leaves the bits of its neighbours in the block alone."""
    x, weight = normal(rng, (batch, 2, 4, 4), dtype), normal(rng, (7, 2, 3, 3), dtype)
    clean = functional.conv2d(x, weight)
    spoiled = batch // 2
    x[spoiled] = np.nan
    output = functional.conv2d(x, weight)
    others = np.arange(batch) != spoiled
    assert np.array_equal(output[others], clean[others])
    assert np.isnan(output[spoiled]).all()


@pytest.mark.parametrize("in_channels", [1, 2, 3, 4, 6])
def test_a_tap_does_not_see_an_infinite_delta_that_it_does_not_meet(in_channels, dtype):
    """The corner of the output meets no pixel through the first row and column of the kernel."""
    x = np.ones((17, in_channels, 5, 5), dtype)
    delta = np.zeros((17, 2, 5, 5), dtype)
    delta[:, 0, 0, 0] = np.inf
    gradient, _ = functional.conv2d_gradients(x, delta, kernel_size=3, padding=1)
    assert np.all(gradient[0, :, 1:, 1:] == np.inf)
    assert np.all(gradient[0, :, 0, :] == 0)
    assert np.all(gradient[0, :, :, 0] == 0)
    assert np.all(gradient[1] == 0)
