"""Classes of one's own that inherit from those of the package, as one writes them for torch."""

import copy
import dataclasses
import pickle
import threading

import numpy as np
import pytest

import cnnbp
from cnnbp import losses, optim
from cnnbp.layers import BatchNorm2d, Concat, Conv2d, GlobalAvgPool2d, Layer, Linear, Residual
from cnnbp.layers.activation import ActivationLayer

SHAPE = (1, 8, 8)


class Block(Residual):
    def __init__(self, channels, *, stride=1):
        body = [Conv2d(channels, 3, padding=1, stride=stride), BatchNorm2d()]
        shortcut = None if stride == 1 else [Conv2d(channels, 1, stride=stride)]
        super().__init__(body, shortcut, activation="relu")


#: What `Block(4, stride=2)` stands for.
PLAIN = Residual(
    [Conv2d(4, 3, padding=1, stride=2), BatchNorm2d()],
    [Conv2d(4, 1, stride=2)],
    activation="relu",
)


@dataclasses.dataclass(frozen=True, init=False, repr=False)
class Wide(Conv2d):
    factor: int

    def __init__(self, factor):
        super().__init__(8 * factor, 3, padding=1)
        self._assign(factor=factor)


class Named(cnnbp.Network):
    def __init__(self, name):
        optimizer = optim.SGD(0.1, ema_decay=0.5)
        super().__init__([Linear(2)], input_shape=SHAPE, optimizer=optimizer)
        self.name = name


class Slotted(Named):
    __slots__ = ("size",)

    def __init__(self, name):
        super().__init__(name)
        self.size = 2


class Locked(Named):
    """With an attribute that cannot be copied."""

    def __init__(self, name):
        super().__init__(name)
        self.lock = threading.Lock()

    def __getstate__(self):
        return {n: value for n, value in super().__getstate__().items() if n != "lock"}


def test_a_layer_of_ones_own_is_written_as_what_it_stands_for():
    assert repr(Block(4, stride=2)) == repr(PLAIN)
    assert str(Block(4, stride=2)) == str(PLAIN)
    assert repr(Wide(2)) == "Conv2d(16, 3, padding=1)"


@pytest.mark.parametrize(
    "layers",
    [[Block(4, stride=2)], [Residual([Block(1)])], [Concat([[Wide(1)], []])]],
    ids=["alone", "in-a-body", "in-a-branch"],
)
def test_a_network_of_layers_of_ones_own_comes_back_from_a_file(layers, tmp_path, rng):
    net = cnnbp.Network([*layers, GlobalAvgPool2d(), Linear(3)], input_shape=SHAPE)
    net.save(tmp_path / "net.npz")
    other = cnnbp.Network.load(tmp_path / "net.npz")
    x = rng.random((5, *SHAPE))
    assert other.layers == net.layers
    assert np.array_equal(other.predict(x), net.predict(x))


def test_a_network_tells_of_layers_of_ones_own_as_of_any(rng):
    x, y = rng.random((5, *SHAPE)), np.zeros((5, 3))
    own, plain = (
        cnnbp.Network([layer, GlobalAvgPool2d(), Linear(3)], input_shape=SHAPE)
        for layer in (Block(4, stride=2), PLAIN)
    )
    assert own.layers == plain.layers
    assert str(own.summary()) == str(plain.summary())
    traces = own.trace(x, y), plain.trace(x, y)
    assert [str(traces[0].equation(name)) for name in traces[0]] == [
        str(traces[1].equation(name)) for name in traces[1]
    ]


@pytest.mark.parametrize("kind", [Layer, ActivationLayer])
def test_a_layer_that_inherits_from_none_of_the_package_is_refused(kind):
    class Mine(kind):
        def __init__(self, size):
            pass

        def definition(self):
            return None

    with pytest.raises(TypeError, match=r"layers\[0\] must be a layer of cnnbp.layers, got .*Mine"):
        cnnbp.Network([Mine(3)], input_shape=SHAPE)


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_network_of_ones_own_class_is_copied_with_its_attributes(duplicate):
    other = duplicate(Slotted("mine"))
    assert type(other) is Slotted
    assert (other.name, other.size) == ("mine", 2)
    assert duplicate(Locked("mine")).name == "mine"


def test_a_network_of_ones_own_class_comes_back_from_a_file(tmp_path, rng):
    """With arguments and attributes of its own, which no file holds."""
    net = Named("mine")
    net.train_step(rng.random((5, *SHAPE)), np.zeros((5, 2)))
    net.save(tmp_path / "net.npz")
    other, average = Named.load(tmp_path / "net.npz"), net.averaged()
    assert type(other) is type(average) is Named
    assert not hasattr(other, "name")
    assert not hasattr(average, "name")
    assert np.array_equal(other.state_dict()["0.weight"], net.state_dict()["0.weight"])


@pytest.mark.parametrize("kind", [losses.Loss, losses.CrossEntropy])
def test_a_loss_of_ones_own_is_refused(kind):
    loss = type("Focal", (kind,), {})()
    with pytest.raises(TypeError, match=r"loss must be .* one of cnnbp.losses, got Focal\(\)"):
        cnnbp.Network([Linear(3)], input_shape=SHAPE, loss=loss)


@pytest.mark.parametrize("kind", [optim.Optimizer, optim.SGD])
@pytest.mark.parametrize("name", ["Mine", "Adam"])
def test_an_optimizer_of_ones_own_is_refused(kind, name):
    rule = type(name, (kind,), {})(lr=0.1)
    with pytest.raises(TypeError, match=rf"must be one of cnnbp.optim, got {name}\(lr=0.1"):
        cnnbp.Network([Linear(3)], input_shape=SHAPE, optimizer=rule)
