"""Pooling that goes along with the convolution before it: the same bits, no map between."""

import pytest

import geometries
from claims import assert_same_bits, normal
from cnnbp import Network, summarize
from cnnbp import layers as L  # noqa: N812

#: Every way to sum a convolution, in shapes whose tiles, rows and columns are partial.
CONVOLUTIONS = {
    "direct": (L.Conv2d(7, 5), (1, 16, 10)),
    "in narrow rows": (L.Conv2d(3, 2, stride=2), (2, 28, 8)),
    "of wide rows": (L.Conv2d(2, 3, padding=1), (1, 6, 70)),
    "grouped": (L.Conv2d(6, 3, groups=2), (4, 8, 8)),
    "depthwise": (L.Conv2d(5, 3, groups=5, padding=1), (5, 8, 6)),
    "3x3 by Winograd": (L.Conv2d(30, 3, padding=1, algorithm="winograd"), (16, 10, 34)),
    "5x5 by Winograd": (L.Conv2d(20, 5, algorithm="winograd"), (6, 22, 12)),
    "as a product": (L.Conv2d(8, 1), (130, 6, 6)),
    "odd": (L.Conv2d(4, 3), (1, 9, 11)),
}
POOLINGS = {
    "max": L.MaxPool2d(2),
    "mean, with a function": L.AvgPool2d(2, activation="tanh"),
    "max of threes": L.MaxPool2d(3),
    "max of overlapping windows": L.MaxPool2d(3, stride=2),
}


@pytest.mark.parametrize("batch", geometries.BATCHES[::3])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_bits_are_those_of_one_layer_after_the_other(convolution, pooling, batch, dtype, rng):
    """A trace keeps the map between the two, so there pooling reads it from memory."""
    layer, shape = CONVOLUTIONS[convolution]
    for function in ("relu", "sigmoid"):
        first = L.Conv2d(**{**layer.__dict__, "activation": function})
        layers = [first, POOLINGS[pooling], L.Linear(3)]
        net = Network(layers, input_shape=shape, loss="mse", dtype=dtype, seed=5)
        x, y = normal(rng, (batch, *shape), dtype), normal(rng, (batch, 3), dtype)
        trace = net.trace(x, y)
        output = net.predict(x)
        net.accumulate_gradients(x, y)
        made = {name.replace(".", ".gradient."): g for name, g in net.gradient_dict().items()}
        made["2.output"] = output
        assert_same_bits(made, {name: trace[name] for name in made})


#: Tiles of deltas that start at even and at odd pixels, and at one of each.
SENDING_BACK = {
    "3x3": (L.Conv2d(17, 3, padding=1), (10, 12)),
    "3x3, unpadded": (L.Conv2d(16, 3), (10, 20)),
    "3x3, padded by two": (L.Conv2d(16, 3, padding=2), (8, 6)),
    "3x3, padded on two sides": (L.Conv2d(16, 3, padding=(1, 2)), (8, 6)),
    "5x5": (L.Conv2d(9, 5, padding=2), (12, 22)),
    "5x5, unpadded": (L.Conv2d(33, 5), (14, 8)),
    "5x5, padded by one": (L.Conv2d(8, 5, padding=1), (10, 12)),
    "strided": (L.Conv2d(16, 3, stride=2, padding=1), (16, 20)),
}


@pytest.mark.parametrize("batch", [1, 3, 8, 17, 37])
@pytest.mark.parametrize("function", [None, "relu", "tanh"])
@pytest.mark.parametrize("convolution", SENDING_BACK)
def test_bits_of_what_comes_back_are_those_of_a_map(convolution, function, batch, dtype, rng):
    """By Winograd's algorithm a convolution takes what pooling sends back to a window's maximum.

    A trace keeps the map of deltas between the two.
    """
    layer, size = SENDING_BACK[convolution]
    layer = L.Conv2d(**{**layer.__dict__, "activation": function, "algorithm": "winograd"})
    layers = [L.Conv2d(16, 1, activation="relu"), layer, L.MaxPool2d(2), L.Linear(3)]
    net = Network(layers, input_shape=(2, *size), loss="mse", dtype=dtype, seed=5)
    x, y = normal(rng, (batch, 2, *size), dtype), normal(rng, (batch, 3), dtype)
    trace = net.trace(x, y)
    net.accumulate_gradients(x, y)
    made = {name.replace(".", ".gradient."): g for name, g in net.gradient_dict().items()}
    assert_same_bits(made, {name: trace[name] for name in made})


def test_the_map_that_comes_back_takes_no_memory():
    """The convolution's other map, which its gradient reads, is as large; its delta lies there."""

    def memory(pooling):
        layers = [L.Conv2d(16, 1), L.Conv2d(16, 3, padding=1), pooling, L.Conv2d(4, 8)]
        return summarize(layers, input_shape=(1, 16, 16), batch_size=256).memory.training

    bytes_of_map = 16 * 16 * 16 * 256 * 4
    assert memory(L.MaxPool2d(2)) < 2 * bytes_of_map < memory(L.AvgPool2d(2))


def test_the_map_between_takes_no_memory():
    """Its 16 channels of 16 × 16 would take 4 times what pooling leaves of them, and the input."""

    def memory(pooling):
        layers = [L.Conv2d(16, 3, padding=1, activation="relu"), pooling, L.Linear(3)]
        return summarize(layers, input_shape=(1, 16, 16), batch_size=256).memory

    bytes_of_map = 16 * 16 * 16 * 256 * 4
    apart = memory(L.MaxPool2d(3, stride=2, padding=1))  # windows overlap
    assert apart.prediction > 1.25 * bytes_of_map
    assert memory(L.MaxPool2d(2)).prediction < 0.35 * bytes_of_map
    assert memory(L.AvgPool2d(2)).prediction < 0.35 * bytes_of_map
    # The slope of relu at a maximum is known from the maximum; mean pooling needs it of all pixels.
    kept = 1.25 * bytes_of_map
    assert memory(L.MaxPool2d(2)).training < kept < memory(L.AvgPool2d(2)).training
