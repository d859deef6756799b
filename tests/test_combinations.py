"""Learned combinations: ``x_j = f(Σ_i α_ij (x_i ⋆ k_i) + b_j)``, α the softmax of c."""

import numpy as np
import pytest

import oracle
import oracle_convolutions
from claims import assert_refused, assert_same_bits, integers
from cnnbp import Network, functional
from cnnbp.layers import AvgPool2d, CombineConv2d, Conv2d, Flatten, Linear


def alone(layer, input_shape, dtype) -> Network:
    """A network whose maps are its outputs."""
    return Network([layer], input_shape=input_shape, dtype=np.dtype(dtype).name)


def classifier(sparsity=0.0, *, activation="tanh", dtype="float64") -> Network:
    layers = [
        CombineConv2d(4, 3, activation=activation, sparsity=sparsity),
        AvgPool2d(2),
        CombineConv2d(6, 2, activation=activation, sparsity=2 * sparsity),
        Linear(3),
    ]
    return Network(layers, input_shape=(3, 8, 10), dtype=np.dtype(dtype).name, loss="cross_entropy")


def spread_out(net: Network, rng) -> Network:
    """The same network with shares that differ."""
    state = net.state_dict()
    net.load_state_dict(
        {
            name: rng.standard_normal(array.shape) if name.endswith("combination") else array
            for name, array in state.items()
        }
    )
    return net


def samples(rng, count=19):
    return rng.standard_normal((count, 3, 8, 10)), rng.integers(0, 3, count)


@pytest.mark.parametrize("in_channels", [1, 2, 4, 8])
@pytest.mark.parametrize("batch", [1, 2, 16, 32])
def test_a_step_with_equal_shares_is_exact_on_integers(batch, in_channels, dtype, rng):
    """c = 0, so α is one over a power of two; so is the batch: every sum is exact in any order."""
    options = {"stride": (1, 2), "padding": ((1, 0), (0, 2))}
    net = alone(CombineConv2d(5, (2, 3), **options), (in_channels, 3, 4), dtype)
    weight = integers(rng, (in_channels, 1, 2, 3), dtype, largest=1)
    c, bias = np.zeros((in_channels, 5)), integers(rng, 5, dtype)
    net.load_state_dict({"0.weight": weight, "0.combination": c, "0.bias": bias})
    x = integers(rng, (batch, in_channels, 3, 4), dtype, largest=1)
    options |= {"dilation": (1, 1), "groups": 1}
    kernels = oracle_convolutions.combined_kernels(weight, c)
    output = oracle.conv2d(x, kernels, bias, **options)
    assert np.array_equal(net.predict(x), output)
    target = integers(rng, output.shape, dtype)
    delta = (output - target) / batch
    trace = net.trace(x, target)
    below = oracle.conv2d_delta(delta, kernels, input_size=(3, 4), **options)
    assert np.array_equal(trace["input.delta"], below)
    gradients = oracle_convolutions.combine_conv2d_gradients(
        x, delta, weight, c, sparsity=0.0, **options
    )
    for name, gradient in gradients.items():
        assert np.array_equal(trace[f"0.gradient.{name}"], gradient), name


def test_a_map_that_has_the_whole_share_is_convolved_alone(dtype, rng):
    """exp(−500) is 0 in both types: α is 0 or 1, and an output is one input's convolution."""
    chosen = [2, 0, 2, 1]
    net = alone(CombineConv2d(4, 3), (3, 6, 7), dtype)
    weight, x = integers(rng, (3, 1, 3, 3), dtype), integers(rng, (19, 3, 6, 7), dtype)
    c = np.where(np.arange(3)[:, None] == chosen, 1000.0, 0.0)
    net.load_state_dict({"0.weight": weight, "0.combination": c, "0.bias": np.zeros(4)})
    maps = functional.conv2d(x, weight, groups=3)
    assert np.array_equal(net.predict(x), maps[:, chosen])


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_the_shares_of_a_map_are_the_softmax_over_its_inputs(shift, dtype, rng):
    """Whatever the size of c: the largest is taken off first."""
    net = alone(CombineConv2d(7, 1), (19, 2, 2), dtype)
    c = (3 * rng.standard_normal((19, 7)) + shift).astype(dtype)
    net.load_state_dict({**net.state_dict(), "0.combination": c})
    alpha = net.trace(rng.random((1, 19, 2, 2)), rng.random((1, 28)))["0.alpha"]
    expected = oracle_convolutions.shares(c)
    assert alpha.shape == (19, 7)
    # c − max is rounded, which moves the exponent by (max − c) eps / 2; exp has at most 1.5 ulp.
    units = 4 + (c.max(axis=0) - c).astype(np.float64) / 2
    assert (np.abs(alpha - expected) <= units * np.finfo(dtype).eps * expected).all()


def test_kernels_combinations_and_biases_are_all_trained(rng):
    net = classifier()
    first = net.state_dict()
    assert first["0.weight"].shape == (3, 1, 3, 3)
    assert np.array_equal(first["0.combination"], np.zeros((3, 4)))
    assert np.array_equal(first["0.bias"], np.zeros(4))
    net.train_step(*samples(rng))
    for name in first:
        assert (net.state_dict()[name] != first[name]).all(), name


def test_the_penalty_is_part_of_the_loss_wherever_it_is_told(rng):
    """λ Σ |α| = λ · output maps, as shares add up to 1: 0.1 · 4 + 0.2 · 6."""
    free, sparse = (spread_out(classifier(s), np.random.default_rng(3)) for s in (0.0, 0.1))
    x, y = samples(rng, 300)  # more than evaluate takes at once
    for tell in (
        lambda net: net.evaluate(x, y)["loss"],
        lambda net: float(net.trace(x, y)["loss"]),
        lambda net: net.accumulate_gradients(x, y),
        lambda net: net.train_step(x, y),
    ):
        assert tell(sparse) - tell(free) == pytest.approx(1.6, rel=1e-13)


def test_the_penaltys_gradient_is_nothing_but_rounding(rng):
    """λ (|α_ij| − α_ij Σ_k |α_kj|), where Σ_k |α_kj| is 1 to a few units of the last place."""
    x, y = samples(rng)
    gradients = []
    for sparsity in (0.0, 10.0):
        net = spread_out(classifier(sparsity), np.random.default_rng(3))
        net.accumulate_gradients(x, y)
        gradients.append(net.gradient_dict())
    free, sparse = gradients
    for name in free:
        allowed = 20 * 8 * np.finfo(np.float64).eps if name.endswith("combination") else 0
        assert np.abs(free[name] - sparse[name]).max() <= allowed, name


def test_the_penaltys_gradient_is_scaled_with_the_losss(dtype, rng):
    """To the bit by a power of two, though it is nothing but rounding."""
    x, y = samples(rng)
    plain, scaled = (
        spread_out(classifier(10.0, dtype=dtype), np.random.default_rng(3)) for _ in range(2)
    )
    assert plain.accumulate_gradients(x, y) == scaled.accumulate_gradients(x, y, scale=0.25)
    for name, gradient in plain.gradient_dict().items():
        assert np.array_equal(scaled.gradient_dict()[name], gradient / 4), name


def test_held_shares_and_kernels_stay_and_let_the_delta_through(rng):
    """Frozen, the layer has no gradients; a layer before it learns the same as without freezing."""
    x, y = rng.standard_normal((5, 1, 8, 8)), rng.integers(0, 3, 5)
    gradients = []
    for trainable in (True, False):
        layers = [
            Conv2d(3, 3, activation="tanh"),
            CombineConv2d(4, 2, trainable=trainable),
            Linear(3),
        ]
        net = Network(layers, input_shape=(1, 8, 8), dtype="float64")
        before = net.state_dict()
        net.accumulate_gradients(x, y)
        gradients.append(net.gradient_dict())
        net.apply_gradients()
        held = [name for name in before if np.array_equal(before[name], net.state_dict()[name])]
        names = ["1.weight", "1.combination", "1.bias"]
        assert held == ([] if trainable else names)
    assert "1.combination" not in gradients[1]
    assert np.array_equal(gradients[0]["0.weight"], gradients[1]["0.weight"])


def test_it_costs_a_kernel_an_input_map_and_a_share_a_pair():
    (line,) = alone(CombineConv2d(12, 5), (6, 12, 12), "float32").summary().layers
    assert (line.layer, line.output_shape) == ("CombineConv2d(12, 5)", (12, 8, 8))
    assert line.parameters == 6 * 25 + 6 * 12 + 12
    assert line.multiply_adds == (6 * 25 + 6 * 12) * 64


def test_a_saved_network_goes_on_with_the_same_bits(tmp_path, rng):
    net = Network.from_spec("3l3-2s-4l2-4o", input_shape=(2, 10, 10))
    x, y = rng.random((5, 2, 10, 10)), [0, 1, 2, 3, 0]
    net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.layers == net.layers
    assert again.train_step(x, y) == net.train_step(x, y)
    assert_same_bits(again.state_dict(), net.state_dict())


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([CombineConv2d(4, 7)], ("layer 0 (CombineConv2d)", "(7, 7)", "(3, 6, 9)")),
        ([Conv2d(2, 3), CombineConv2d(4, 5)], ("layer 1 (CombineConv2d)", "(5, 5)", "(2, 4, 7)")),
        ([Flatten(), CombineConv2d(4, 1)], ("layer 1 (CombineConv2d)", "162", "maps")),
    ],
)
def test_what_cannot_be_combined_is_refused(layers, words):
    assert_refused(lambda: Network(layers, input_shape=(3, 6, 9)), words)
