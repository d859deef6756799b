"""GroupNorm: exact statistics of every sample's groups, the same in training and after."""

import numpy as np
import pytest

import architectures
from claims import assert_refused, assert_same_bits
from cnnbp import Network, check_gradients
from cnnbp.layers import Conv2d, GroupNorm, Linear


def alone(dtype, num_groups, shape=(6, 4, 5), **options) -> Network:
    layers = [GroupNorm(num_groups, **options)]
    return Network(layers, input_shape=shape, dtype=np.dtype(dtype).name)


@pytest.mark.parametrize("num_groups", [1, 2, 3, 6])
@pytest.mark.parametrize("batch", [1, 4, 7, 16, 33])
def test_every_group_has_mean_0_and_variance_1(batch, num_groups, dtype, rng):
    """Up to eps in the variance."""
    x = (5 + 3 * rng.standard_normal((batch, 6, 4, 5))).astype(dtype)
    output = alone(dtype, num_groups, eps=1e-30).predict(x).reshape(batch, num_groups, -1)
    count, eps = output.shape[2], np.finfo(dtype).eps
    assert np.abs(output.mean(2, dtype=np.float64)).max() <= 8 * eps
    assert np.abs(output.var(2, dtype=np.float64) - 1).max() <= 4 * np.sqrt(count) * eps


def test_a_large_mean_costs_the_variance_no_digits(rng):
    """From Σ x² in float32, a mean of 4096 would leave nothing of a variance of 1."""
    noise = rng.integers(-2, 3, (9, 4, 8, 8)).astype(np.float32)
    output = alone("float32", 2, (4, 8, 8)).predict(noise + 4096)
    exact = alone("float64", 2, (4, 8, 8)).predict(noise)
    assert np.abs(output - exact).max() <= 1e-6 * np.abs(exact).max()


def test_training_predictions_and_single_samples_have_the_same_bits(dtype, rng):
    architecture = architectures.NORMALIZED
    net = architecture.build(dtype)
    x, y = architecture.samples(rng, 37, dtype)
    together = net.predict(x)
    assert np.array_equal(net.trace(x, y)["9.output"], together)
    for n in range(37):
        assert np.array_equal(net.predict(x[n : n + 1])[0], together[n])


def test_parameters_are_a_factor_and_a_bias_a_channel():
    state = alone("float32", 2).state_dict()
    assert np.array_equal(state["0.weight"], np.ones(6, np.float32))
    assert np.array_equal(state["0.bias"], np.zeros(6, np.float32))
    assert alone("float32", 2, affine=False).state_dict() == {}
    (line,) = alone("float32", 2).summary().layers
    assert (line.parameters, line.multiply_adds) == (12, 120)


def test_not_trainable_it_holds_its_parameters_and_sends_the_same_delta_back(rng):
    x, y = rng.standard_normal((5, 2, 6, 6)), rng.integers(0, 3, 5)
    gradients, states = [], []
    for trainable in (True, False):
        layers = [Conv2d(4, 3), GroupNorm(2, trainable=trainable), Linear(3)]
        net = Network(layers, input_shape=(2, 6, 6), dtype="float64")
        before = net.state_dict()
        net.accumulate_gradients(x, y)
        gradients.append(net.gradient_dict())
        net.train_step(x, y)
        states.append((before, net.state_dict()))
    assert_same_bits({**gradients[1]}, {n: gradients[0][n] for n in gradients[1]})
    assert not [name for name in gradients[1] if name.startswith("1.")]
    before, after = states[1]
    assert np.array_equal(before["1.weight"], after["1.weight"])


@pytest.mark.parametrize("batch", [1, 3])
def test_check_gradients_agrees(batch, rng):
    architecture = architectures.NORMALIZED
    x, y = architecture.samples(rng, batch)
    assert check_gradients(architecture.build(), x, y, entries=5)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([GroupNorm(4)], ("layer 0 (GroupNorm)", "num_groups is 4", "6 channels", "(6, 3, 3)")),
        ([GroupNorm(12)], ("layer 0 (GroupNorm)", "12", "(6, 3, 3)")),
        ([Linear(8), GroupNorm(8)], ("layer 1 (GroupNorm)", "8", "(8, 1, 1)", "one value")),
        ([Linear(8), GroupNorm(3)], ("layer 1 (GroupNorm)", "3", "(8, 1, 1)")),
    ],
)
def test_groups_that_do_not_fit_are_refused(layers, words):
    assert_refused(lambda: Network(layers, input_shape=(6, 3, 3)), words)
