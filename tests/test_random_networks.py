"""Steps of networks that nobody thought of: graph, options and batches are drawn."""

import numpy as np
import pytest

from claims import assert_same_bits
from cnnbp import Network
from cnnbp.layers import (
    AvgPool2d,
    BatchNorm2d,
    Concat,
    Conv2d,
    Dropout,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
)

ACTIVATIONS = (None, "relu", "relu", "tanh", "leaky_relu")
OVERLAPPING = {"kernel_size": 3, "stride": 1, "padding": 1}


class Drawing:
    """Draws layers that keep the size of their maps, and knows how many channels these have."""

    def __init__(self, rng: np.random.Generator, channels: int) -> None:
        self.rng = rng
        self.channels = channels

    def any_of(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def activation(self) -> dict[str, str]:
        name = self.any_of(*ACTIVATIONS)
        return {} if name is None else {"activation": name}

    def convolution(self, channels: int | None = None) -> Layer:
        """Of few and of many channels: first maps that are cheap, and Winograd's algorithm."""
        kernel = self.any_of(1, 3, 3, 3, 5)
        algorithms = ("auto", "direct") if kernel == 1 else ("auto", "direct", "winograd")
        self.channels = channels or self.any_of(1, 3, 8, 16, 24, 33)
        return Conv2d(
            self.channels,
            kernel,
            padding=kernel // 2,
            bias=self.any_of(True, False),
            algorithm=self.any_of(*algorithms),
            trainable=self.any_of(True, True, True, False),
            **self.activation(),
        )

    def layers(self, depth: int) -> list[Layer]:
        return [self.layer(depth) for _ in range(self.rng.integers(1, 4))]

    def layer(self, depth: int) -> Layer:
        kinds = [*3 * [self.convolution], self.norm, self.pooling, ReLU, lambda: Dropout(0.3)]
        inner = [lambda: self.residual(depth - 1), lambda: self.concat(depth - 1)]
        return self.any_of(*kinds, *(inner if depth > 0 else []))()

    def norm(self) -> Layer:
        return BatchNorm2d(trainable=self.any_of(True, True, False), **self.activation())

    def pooling(self) -> Layer:
        return self.any_of(MaxPool2d, AvgPool2d)(**OVERLAPPING)

    def residual(self, depth: int) -> Layer:
        before, body = self.channels, self.layers(depth)
        if self.any_of(True, False):
            inner = Drawing(self.rng, before)
            shortcut = [*self.any_of([], [inner.norm()]), inner.convolution(self.channels)]
        else:
            body, shortcut = [*body, self.convolution(before)], None
        return Residual([*body, *self.any_of([], [self.norm()])], shortcut, **self.activation())

    def concat(self, depth: int) -> Layer:
        branches, drawn = [], [Drawing(self.rng, self.channels) for _ in range(2)]
        branches = [drawing.layers(depth) for drawing in drawn]
        self.channels = sum(drawing.channels for drawing in drawn)
        return Concat(branches, **self.activation())


def draw(seed: int) -> tuple[Network, np.random.Generator]:
    rng = np.random.default_rng(seed)
    size = (2 * rng.integers(2, 8), 2 * rng.integers(2, 8))
    drawing = Drawing(rng, rng.integers(1, 4))
    input_shape = (int(drawing.channels), *map(int, size))
    halving = drawing.any_of(MaxPool2d, AvgPool2d)(2)
    layers = [*drawing.layers(2), halving, *drawing.layers(2), Linear(4)]
    dtype = drawing.any_of("float32", "float64")
    options = {"loss": "cross_entropy", "dtype": dtype, "seed": seed}
    return Network(layers, input_shape=input_shape, **options), rng


@pytest.mark.parametrize("seed", range(132))
def test_steps_have_the_bits_of_a_trace_and_predictions_those_of_the_parameters(seed):
    """A trace fuses, shares and overwrites nothing. Batches differ, so that memory is reused.

    Large ones have maps of 2 MB and more, which may be made again for the backward pass.
    """
    network, rng = draw(seed)
    again, _ = draw(seed)
    for count in rng.integers(1, 40, 3) if seed < 120 else rng.integers(400, 1200, 2):
        x = rng.standard_normal((count, *network.input_shape)).astype(network.definition.dtype)
        y = rng.integers(0, 4, count)
        if count == 1 and any("running_mean" in name for name in network.state_dict()):
            continue  # no variance of one value a channel
        trace = network.trace(x, y)
        network.zero_gradients()
        network.accumulate_gradients(x, y)
        gradients = network.gradient_dict()
        traced = {name: trace[".gradient.".join(name.rsplit(".", 1))] for name in gradients}
        assert_same_bits(gradients, traced)
        network.train_step(x, y)
        again.load_state_dict(network.state_dict())
        assert_same_bits({"outputs": network.predict(x)}, {"outputs": again.predict(x)})
