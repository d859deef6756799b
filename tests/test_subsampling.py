"""Trainable subsampling: ``x_j = f(β_j · down(x_j) + b_j)``."""

import numpy as np
import pytest

import oracle
from claims import assert_refused, assert_same_bits, integers
from cnnbp import Network
from cnnbp.layers import AvgPool2d, Conv2d, Flatten, Linear, Subsample2d


def alone(kernel_size, input_shape, dtype) -> Network:
    """A network whose maps are its outputs."""
    return Network([Subsample2d(kernel_size)], input_shape=input_shape, dtype=dtype.name)


@pytest.mark.parametrize("kernel_size", [(1, 1), (2, 2), (1, 4), (2, 3), (6, 12)])
@pytest.mark.parametrize("batch", [1, 2, 4, 8, 16, 32])
def test_a_step_is_exact_on_integers(batch, kernel_size, dtype, rng):
    """Integers, divided by batches of powers of two: every sum is exact in any order."""
    net = alone(kernel_size, (3, 6, 12), dtype)
    beta, bias = integers(rng, 3, dtype), integers(rng, 3, dtype)
    net.load_state_dict({"0.beta": beta, "0.bias": bias})
    x = integers(rng, (batch, 3, 6, 12), dtype)
    output = oracle.subsample2d(x, beta, bias, kernel_size=kernel_size)
    assert np.array_equal(net.predict(x), output)
    target = integers(rng, output.shape, dtype)
    delta = (output - target) / batch
    of_beta, of_bias = oracle.subsample2d_gradients(x, delta, kernel_size=kernel_size)
    trace = net.trace(x, target)
    below = oracle.subsample2d_delta(delta, beta, kernel_size=kernel_size)
    assert np.array_equal(trace["input.delta"], below)
    assert np.array_equal(trace["0.gradient.beta"], of_beta)
    assert np.array_equal(trace["0.gradient.bias"], of_bias)


@pytest.mark.parametrize("n", [2, 4])
def test_it_starts_as_the_toolboxs_pooling(n, dtype, rng):
    """β = 1/n², b = 0 and no f, down to the bits: n² is a power of two."""
    x, y = rng.standard_normal((19, 2, 8, 8)).astype(dtype), rng.random((19, 2 * (8 // n) ** 2))
    traces = []
    for layer in (Subsample2d(n), AvgPool2d(n)):
        net = Network([layer], input_shape=(2, 8, 8), dtype=dtype.name)
        trace = net.trace(x, y)
        traces.append({name: trace[name] for name in ("0.output", "input.delta")})
    assert_same_bits(*traces)


def test_every_map_has_a_factor_and_a_bias_that_are_trained(dtype, rng):
    layers = [Conv2d(4, 3, activation="tanh"), Subsample2d((2, 3), activation="tanh"), Linear(3)]
    net = Network(layers, input_shape=(1, 10, 11), dtype=dtype.name)
    first = net.state_dict()
    assert np.array_equal(first["1.beta"], np.full(4, 1 / 6, dtype))
    assert np.array_equal(first["1.bias"], np.zeros(4, dtype))
    net.train_step(rng.standard_normal((5, 1, 10, 11)), [0, 1, 2, 0, 1])
    assert (net.state_dict()["1.beta"] != first["1.beta"]).all()
    assert (net.state_dict()["1.bias"] != first["1.bias"]).all()


def test_its_cost_is_two_numbers_a_map_and_a_multiply_add_a_pixel():
    net = Network([Subsample2d(2)], input_shape=(6, 28, 28))
    (line,) = net.summary().layers
    assert (line.output_shape, line.parameters) == ((6, 14, 14), 12)
    assert line.multiply_adds == 6 * 14 * 14


def test_a_saved_network_goes_on_with_the_same_bits(tmp_path, rng):
    net = Network.from_spec("3c3-2t-4o", input_shape=(1, 10, 10))
    x, y = rng.random((5, 1, 10, 10)), [0, 1, 2, 3, 0]
    net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.layers == net.layers
    assert again.train_step(x, y) == net.train_step(x, y)
    assert_same_bits(again.state_dict(), net.state_dict())


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Subsample2d(2)], ("layer 0 (Subsample2d)", "(2, 2)", "(3, 6, 9)", "divide")),
        ([Subsample2d((4, 3))], ("layer 0 (Subsample2d)", "(4, 3)", "(3, 6, 9)", "divide")),
        ([Subsample2d(10)], ("layer 0 (Subsample2d)", "(10, 10)", "(3, 6, 9)")),
        ([Flatten(), Subsample2d(1)], ("layer 1 (Subsample2d)", "162", "maps")),
    ],
)
def test_maps_that_blocks_do_not_tile_are_refused(layers, words):
    assert_refused(lambda: Network(layers, input_shape=(3, 6, 9)), words)
