"""Networks that part and join: what is refused, what is named, what is kept."""

import numpy as np
import pytest

import architectures
from claims import assert_refused, assert_same_bits
from cnnbp import Network, check_gradients
from cnnbp.layers import (
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
)


def test_parameters_are_named_by_the_way_to_them():
    body, shortcut = [Conv2d(4, 3, padding=1), BatchNorm2d()], [Conv2d(4, 1)]
    layers = [Residual(body, shortcut), Concat([[Residual([Conv2d(4, 1)])], []]), Linear(2)]
    names = Network(layers, input_shape=(3, 5, 5)).state_dict()
    assert [name for name in names if name.endswith("weight")] == [
        "0.body.0.weight",
        "0.body.1.weight",
        "0.shortcut.0.weight",
        "1.branches.0.0.body.0.weight",
        "2.weight",
    ]


def test_a_summary_lists_the_layers_within():
    net = Network([Residual([Conv2d(3, 3, padding=1)]), Linear(2)], input_shape=(3, 4, 4))
    lines = net.summary().layers
    assert [(line.name, line.layer) for line in lines] == [
        ("0", "Residual()"),
        ("0.body.0", "Conv2d(3, 3, padding=1)"),
        ("1", "Linear(2)"),
    ]
    assert [line.parameters for line in lines] == [0, 3 * 3 * 9 + 3, 2 * 48 + 2]


def test_the_identity_added_to_itself_doubles(dtype, rng):
    """Concat of nothing and nothing has every channel twice: exact in any type."""
    x = rng.standard_normal((5, 3, 4, 4)).astype(dtype)
    net = Network([Concat([[], []])], input_shape=(3, 4, 4), dtype=dtype.name)
    assert np.array_equal(net.predict(x), np.concatenate([x, x], axis=1))
    net = Network([Residual([Concat([[], []]), Conv2d(3, 1)])], input_shape=(3, 4, 4),
                  dtype=dtype.name)  # fmt: skip
    both = np.tile(np.eye(3, dtype=dtype) / 2, (1, 2))[:, :, None, None]
    net.load_state_dict({"0.body.1.weight": both, "0.body.1.bias": np.zeros(3)})
    assert np.array_equal(net.predict(x), x + x)


def test_an_activation_at_a_fork_is_seen_by_its_own_branch_alone(rng):
    """The ReLU may not be attached to the maps that the shortcut reads, too."""
    x = rng.standard_normal((3, 2, 3, 3)).astype(np.float32)
    net = Network([Conv2d(2, 1), Residual([ReLU()])], input_shape=(2, 3, 3))
    maps = Network([Conv2d(2, 1)], input_shape=(2, 3, 3))
    maps.load_state_dict(net.state_dict())
    u = maps.predict(x)
    assert np.array_equal(net.predict(x), np.maximum(u, 0) + u)


@pytest.mark.parametrize("name", ["resnet", "branched"])
def test_a_saved_network_goes_on_with_the_same_bits(name, tmp_path, rng):
    net = architectures.ALL[name].build()
    x, y = architectures.ALL[name].samples(rng, 7)
    net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.layers == net.layers
    assert again.train_step(x, y) == net.train_step(x, y)
    assert_same_bits(again.state_dict(), net.state_dict())


@pytest.mark.parametrize("name", ["resnet", "branched", "depthwise"])
def test_check_gradients_agrees(name, rng):
    architecture = architectures.ALL[name]
    x, y = architecture.samples(rng, 3)
    assert check_gradients(architecture.build(), x, y, entries=5)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([Residual([Conv2d(6, 3)])], ("layer 0 (Residual)", "(6, 6, 6)", "(3, 8, 8)", "shortcut")),
        (
            [Residual([Conv2d(6, 3, stride=2)], [Conv2d(6, 1, stride=2)])],
            ("layer 0 (Residual)", "(6, 3, 3)", "(6, 4, 4)"),
        ),
        (
            [Concat([[MaxPool2d(2)], [], [AvgPool2d(2)]])],
            ("layer 0 (Concat)", "branch 1", "(3, 8, 8)", "(3, 4, 4)"),
        ),
        ([Residual([Residual([Conv2d(3, 9)])])], ("layer 0.body.0.body.0 (Conv2d)", "(9, 9)")),
        ([Concat([[Flatten(), Conv2d(1, 1)], []])], ("layer 0.branches.0.1 (Conv2d)", "vector")),
    ],
)
def test_branches_that_disagree_are_refused(layers, words):
    assert_refused(lambda: Network(layers, input_shape=(3, 8, 8)), words)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Residual([]), ("body", "at least one")),
        (lambda: Residual(ReLU()), ("body", "ReLU()")),
        (lambda: Residual([ReLU()], ["relu"]), ("shortcut[0]", "'relu'")),
        (lambda: Concat([[ReLU()]]), ("branches", "at least 2")),
        (lambda: Concat([[ReLU()], [3]]), ("branches[1][0]", "3")),
    ],
)
def test_bad_parts_are_refused(make, words):
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    "layer",
    [
        Residual([Conv2d(4, 1)]),
        Residual([Conv2d(4, 1), ReLU()], [Conv2d(4, 1)], activation="relu"),
        Concat([[Conv2d(4, 1)], []]),
    ],
)
def test_a_layer_of_layers_is_what_its_repr_says_and_is_short_in_a_summary(layer):
    assert eval(repr(layer), globals()) == layer
    inner = "activation='relu'" if layer.options()["activation"] else ""
    assert str(layer) == f"{type(layer).__name__}({inner})"
