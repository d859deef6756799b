"""Pooling and its deltas: which pixels a window holds, what it divides by, where a maximum is."""

import numpy as np
import pytest

import oracle
import pool_geometries
from claims import assert_sum_of_products, integers, normal
from cnnbp import functional

pools = pytest.mark.parametrize("pool", pool_geometries.POOLS, ids=str)
max_pools = pytest.mark.parametrize(
    "pool", pool_geometries.POOLS + pool_geometries.DILATED_POOLS, ids=str
)
divisors = pytest.mark.parametrize(
    "divisor",
    [
        {"count_include_pad": True, "divisor_override": None},
        {"count_include_pad": False, "divisor_override": None},
        {"count_include_pad": True, "divisor_override": 3},
    ],
    ids=["with-padding", "without-padding", "by-3"],
)


@divisors
@pools
def test_an_average_is_the_mean_of_its_window(pool, divisor, dtype, rng):
    x, options = normal(rng, pool.input_shape, dtype), divisor | pool.window
    output = functional.avg_pool2d(x, **options)
    assert output.dtype == dtype
    assert_sum_of_products(
        output,
        oracle.avg_pool2d(x, **options),
        magnitude=oracle.avg_pool2d(abs(x), **options),
        terms=np.prod(pool.kernel_size) + 1,  # a factor 1 / n, itself rounded
    )


@divisors
@pools
def test_an_average_shares_its_delta_out(pool, divisor, dtype, rng):
    options = divisor | pool.window
    shape = oracle.avg_pool2d(np.zeros(pool.input_shape), **options).shape
    delta = normal(rng, shape, dtype)
    assert_sum_of_products(
        functional.avg_pool2d_delta(delta, input_size=pool.size, **options),
        oracle.avg_pool2d_delta(delta, input_size=pool.size, **options),
        magnitude=oracle.avg_pool2d_delta(abs(delta), input_size=pool.size, **options),
        terms=np.prod(pool.kernel_size) + 1,
    )


@pools
def test_averages_and_their_deltas_are_adjoint(pool, dtype, rng):
    """``⟨pool(x), δ⟩ = ⟨x, delta(δ)⟩``, exact on integers where sums are divided by 4."""
    options = {"divisor_override": 4, **pool.window}
    x = integers(rng, pool.input_shape, dtype)
    output = functional.avg_pool2d(x, **options)
    delta = integers(rng, output.shape, dtype)
    input_delta = functional.avg_pool2d_delta(delta, input_size=pool.size, **options)
    assert np.vdot(output.astype(np.float64), delta) == np.vdot(x.astype(np.float64), input_delta)


@max_pools
def test_a_maximum_and_its_position_are_exact(pool, dtype, rng):
    """Small integers tie often: the first in row-major order is the maximum's position."""
    x = integers(rng, pool.input_shape, dtype)
    options = {"dilation": pool.dilation, **pool.window}
    output, positions = functional.max_pool2d(x, **options)
    expected, expected_positions = oracle.max_pool2d(x, **options)
    assert output.dtype == dtype
    assert positions.dtype == np.int64
    assert np.array_equal(output, expected)
    assert np.array_equal(positions, expected_positions)


@max_pools
def test_a_maximum_places_its_delta_where_it_was_found(pool, dtype, rng):
    """Integers again: windows that overlap add their deltas exactly."""
    x = integers(rng, pool.input_shape, dtype)
    options = {"dilation": pool.dilation, **pool.window}
    output, positions = functional.max_pool2d(x, **options)
    delta = integers(rng, output.shape, dtype)
    assert np.array_equal(
        functional.max_pool2d_delta(delta, positions, input_size=pool.size),
        oracle.max_pool2d_delta(delta, positions, input_size=pool.size),
    )


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_windows_that_tile_the_image_keep_the_total_of_the_deltas(kernel_size, dtype, rng):
    delta = integers(rng, (17, 3, 2, 3), dtype)
    size = (2 * kernel_size, 3 * kernel_size)
    shared = functional.avg_pool2d_delta(delta, kernel_size, input_size=size)
    x = normal(rng, (17, 3, *size), dtype)
    _, positions = functional.max_pool2d(x, kernel_size)
    placed = functional.max_pool2d_delta(delta, positions, input_size=size)
    assert np.array_equal(shared.sum(axis=(2, 3)), delta.sum(axis=(2, 3)))
    assert np.array_equal(placed.sum(axis=(2, 3)), delta.sum(axis=(2, 3)))


def test_a_nan_in_a_window_is_its_maximum(dtype, rng):
    """A spoiled value must not vanish behind a comparison that it never wins."""
    x = normal(rng, (17, 2, 6, 6), dtype)
    spoiled = rng.random(x.shape) < 0.1
    x[spoiled] = np.nan
    output, _ = functional.max_pool2d(x, 2)
    holds_nan = functional.max_pool2d(spoiled.astype(dtype), 2)[0] == 1
    assert np.array_equal(np.isnan(output), holds_nan)


def test_a_window_of_minus_infinity_has_a_position_inside_it(dtype):
    x = np.full((3, 2, 4, 4), -np.inf, dtype)
    output, positions = functional.max_pool2d(x, 2)
    assert (output == -np.inf).all()
    assert np.array_equal(positions[0, 0], [[0, 2], [8, 10]])


def test_padding_never_wins_a_maximum(dtype):
    x = np.full((2, 1, 3, 3), -5, dtype)
    output, _ = functional.max_pool2d(x, 3, stride=2, padding=1)
    assert (output == -5).all()


def test_the_stride_defaults_to_the_kernel_size(rng):
    x = normal(rng, (2, 3, 6, 9), np.float32)
    assert functional.avg_pool2d(x, (2, 3)).shape == (2, 3, 3, 3)
    assert functional.max_pool2d(x, (3, 2))[0].shape == (2, 3, 2, 4)
