"""The oracle against itself: other ways to say the same, so that it does not err alone."""

import numpy as np
import pytest

import geometries
import oracle
import oracle_activations
import oracle_losses
import pool_geometries
from claims import integers

STRIDE_ONE = [g for g in geometries.ODD if (g.stride, g.dilation, g.groups) == ((1, 1), (1, 1), 1)]


def test_a_convolution_by_hand():
    image = np.array([[1, 2, 0], [0, 1, 3], [2, 0, 1]])[None, None]
    kernel = np.array([[1, 0], [2, -1]])[None, None]
    plain = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    # 1·1 + 2·0 − 1, 2·1 + 2·1 − 3; 0·1 + 2·2 − 0, 1·1 + 2·0 − 1
    assert oracle.conv2d(image, kernel, [10], **plain).tolist() == [[[[10, 11], [14, 10]]]]


@pytest.mark.parametrize("geometry", STRIDE_ONE, ids=str)
def test_both_forms_of_the_kernel_gradient_agree(geometry, rng):
    """By patches and by convolution; the notes' kernel is the weight turned by 180°."""
    x = integers(rng, geometry.input_shape, np.float64)
    delta = integers(rng, geometry.output_shape, np.float64)
    by_patches, _ = oracle.conv2d_gradients(
        x, delta, kernel_size=geometry.kernel_size, **geometry.options
    )
    padded = np.pad(x, ((0, 0), (0, 0), *geometry.padding))
    by_convolution = oracle.kernel_gradient_by_convolution(padded, delta)
    assert np.array_equal(by_patches, by_convolution[:, :, ::-1, ::-1])


@pytest.mark.parametrize("geometry", geometries.ODD + geometries.DRAWN, ids=str)
def test_convolution_delta_and_gradient_are_adjoint(geometry, rng):
    x = integers(rng, geometry.input_shape, np.float64)
    weight = integers(rng, geometry.weight_shape, np.float64)
    delta = integers(rng, geometry.output_shape, np.float64)
    options = geometry.options
    total = (oracle.conv2d(x, weight, **options) * delta).sum()
    input_delta = oracle.conv2d_delta(delta, weight, input_size=geometry.size, **options)
    gradient, _ = oracle.conv2d_gradients(x, delta, kernel_size=geometry.kernel_size, **options)
    assert total == (x * input_delta).sum() == (weight * gradient).sum()


@pytest.mark.parametrize("pool", pool_geometries.POOLS, ids=str)
def test_pooling_a_constant_gives_the_constant(pool):
    ones = np.ones(pool.input_shape)
    options = {"count_include_pad": False, "divisor_override": None}
    average = oracle.avg_pool2d(ones, **options, **pool.window)
    largest, _ = oracle.max_pool2d(ones, dilation=pool.dilation, **pool.window)
    assert (average == 1).all()
    assert (largest == 1).all()
    assert average.shape == largest.shape


@pytest.mark.parametrize("function", list(oracle_activations.ACTIVATIONS))
def test_activation_deltas_match_central_differences(function, rng):
    """Of ``Σ δ ∘ f(u)``; the error of a central difference is of the order h²."""
    u, delta, h = rng.standard_normal((4, 3)), rng.standard_normal((4, 3)), 1e-5
    u += 0.1 * np.sign(u)  # away from the kink of relu
    f = oracle_activations.ACTIVATIONS[function]
    slopes = np.zeros_like(u)
    for place in np.ndindex(u.shape):
        step = np.zeros_like(u)
        step[place] = h
        slopes[place] = (delta * (f(u + step) - f(u - step))).sum() / (2 * h)
    computed = oracle_activations.activation_delta(delta, u, f(u), function)
    assert np.allclose(computed, slopes, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["mse", "cross_entropy", "bce_with_logits", "l1", "huber"])
def test_loss_deltas_match_central_differences(name, rng):
    loss = getattr(oracle_losses, name)
    output, target, h = rng.standard_normal((4, 3)), rng.random((4, 3)), 1e-5
    for place in np.ndindex(output.shape):
        step = np.zeros_like(output)
        step[place] = h
        slope = (loss(output + step, target)[0] - loss(output - step, target)[0]) / (2 * h)
        assert loss(output, target)[1][place] == pytest.approx(slope, abs=1e-9)
