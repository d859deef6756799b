"""Operations and definitions that cannot be: sizes against each other, and beyond all bounds.

Types and spellings of single arguments are in ``test_functional_arguments`` and ``test_layers``,
names in ``test_layer_names``.
"""

from collections.abc import Callable

import numpy as np
import pytest

import cnnbp
from claims import assert_refused
from cnnbp import functional as F  # noqa: N812
from cnnbp import layers as L  # noqa: N812


def case(call: Callable, *words: str) -> tuple[Callable, tuple[str, ...]]:
    """A call to be refused, and the words that the error must say: an argument, a shape, a size."""
    return call, words


def table(cases: dict):
    return pytest.mark.parametrize(("call", "words"), cases.values(), ids=cases.keys())


X = np.ones((3, 4, 6, 5), np.float32)
WEIGHT = np.ones((2, 4, 3, 3), np.float32)
DELTA = np.ones((3, 2, 4, 3), np.float32)
POSITIONS = np.zeros((3, 4, 3, 2), np.int64)
NUMBERS = (0, -1, 2**31, 2**62, 2**63, 2**100, 1.5, "two", None, (1, 2, 3), (1, 0), True)


def empty(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


CONVOLUTIONS = {
    "x-of-rank-2": case(lambda: F.conv2d(X[0, 0], WEIGHT), "x", "(6, 5)"),
    "x-of-rank-5": case(lambda: F.conv2d(X[None], WEIGHT), "x", "(1, 3, 4, 6, 5)"),
    "x-without-samples": case(lambda: F.conv2d(X[:0], WEIGHT), "x", "(0, 4, 6, 5)"),
    "x-without-channels": case(lambda: F.conv2d(X[:, :0], WEIGHT), "x", "(3, 0, 6, 5)"),
    "x-without-rows": case(lambda: F.conv2d(X[:, :, :0], WEIGHT), "x", "(3, 4, 0, 5)"),
    "weight-of-rank-3": case(lambda: F.conv2d(X, WEIGHT[0]), "weight", "(4, 3, 3)"),
    "weight-without-kernels": case(lambda: F.conv2d(X, WEIGHT[:0]), "weight", "(0, 4, 3, 3)"),
    "weight-without-taps": case(lambda: F.conv2d(X, WEIGHT[..., :0]), "weight", "(2, 4, 3, 0)"),
    "channels-that-differ": case(
        lambda: F.conv2d(X[:, :3], WEIGHT), "weight", "(3, 3, 6, 5)", "(2, 4, 3, 3)"
    ),
    "bias-of-another-length": case(lambda: F.conv2d(X, WEIGHT, empty(3)), "bias", "(3,)", "2"),
    "bias-of-rank-2": case(lambda: F.conv2d(X, WEIGHT, empty(2, 1)), "bias", "(2, 1)"),
    "kernel-larger-than-the-image": case(lambda: F.conv2d(X, empty(2, 4, 3, 6)), "6", "5"),
    "dilated-kernel-larger-than-the-image": case(
        lambda: F.conv2d(X, WEIGHT, dilation=3), "7", "(6, 5)"
    ),
    "groups-that-do-not-divide": case(lambda: F.conv2d(X, WEIGHT, groups=3), "groups", "3"),
    "groups-that-do-not-divide-the-kernels": case(
        lambda: F.conv2d(X, empty(3, 2, 3, 3), groups=2), "groups", "2", "3"
    ),
    "delta-of-another-size": case(
        lambda: F.conv2d_delta(DELTA[..., :2], WEIGHT, input_size=(6, 5)),
        "output_delta",
        "(3, 2, 4, 2)",
        "4, 3",
    ),
    "delta-of-other-channels": case(
        lambda: F.conv2d_delta(DELTA[:, :1], WEIGHT, input_size=(6, 5)),
        "(3, 1, 4, 3)",
        "(2, 4, 3, 3)",
    ),
    "delta-for-an-image-too-small": case(
        lambda: F.conv2d_delta(DELTA, WEIGHT, input_size=(2, 2)), "2", "3"
    ),
    "delta-for-an-image-too-large": case(
        lambda: F.conv2d_delta(DELTA, WEIGHT, input_size=(2**31, 2**31)), "input_size"
    ),
    "gradients-of-different-batches": case(
        lambda: F.conv2d_gradients(X[:2], DELTA, kernel_size=3), "(3, 2, 4, 3)", "(2, 2, 4, 3)"
    ),
    "gradients-of-a-delta-of-another-size": case(
        lambda: F.conv2d_gradients(X, DELTA[:, :, :3], kernel_size=3),
        "output_delta",
        "(3, 2, 3, 3)",
        "4, 3",
    ),
    "gradients-of-a-kernel-too-large": case(
        lambda: F.conv2d_gradients(X, DELTA, kernel_size=2**31), "kernel_size", str(2**31)
    ),
    "gradients-without-samples": case(
        lambda: F.conv2d_gradients(X[:0], DELTA[:0], kernel_size=3), "(0, 4, 6, 5)"
    ),
}


@table(CONVOLUTIONS)
def test_convolutions_refuse(call, words):
    assert_refused(call, words)


@pytest.mark.parametrize("value", [n for n in NUMBERS if n is not None], ids=repr)
@pytest.mark.parametrize("option", ["stride", "dilation"])
@pytest.mark.parametrize("function", ["conv2d", "conv2d_delta", "conv2d_gradients"])
def test_steps_that_are_no_steps_are_refused(function, option, value):
    arguments = {
        "conv2d": lambda **more: F.conv2d(X, WEIGHT, **more),
        "conv2d_delta": lambda **more: F.conv2d_delta(DELTA, WEIGHT, input_size=(6, 5), **more),
        "conv2d_gradients": lambda **more: F.conv2d_gradients(X, DELTA, kernel_size=3, **more),
    }
    assert_refused(lambda: arguments[function](**{option: value}), (option,))


@pytest.mark.parametrize(
    "value",
    [-1, (0, -1), 2**31, 2**62, 2**64, 1.5, "full", None, (1, 2, 3), ((1, 2), 3.5)],
    ids=repr,
)
def test_paddings_that_are_none_are_refused(value):
    assert_refused(lambda: F.conv2d(X, WEIGHT, padding=value), ("padding",))


def test_paddings_whose_image_has_no_room_in_memory_are_refused():
    """Each number is fine; the product of the output's sizes is not."""
    with pytest.raises((ValueError, MemoryError)):
        F.conv2d(X, WEIGHT, padding=2**30)


@pytest.mark.parametrize("value", [0, -1, 2**31, 2**63, 1.5, "two", (1, 1), None], ids=repr)
def test_groups_that_are_none_are_refused(value):
    assert_refused(lambda: F.conv2d(X, WEIGHT, groups=value), ("groups",))


def test_same_padding_with_a_stride_is_refused():
    assert_refused(lambda: F.conv2d(X, WEIGHT, padding="same", stride=2), ("padding", "same"))


POOLINGS = {
    "average-of-rank-2": case(lambda: F.avg_pool2d(X[0, 0], 2), "x", "(6, 5)"),
    "average-without-samples": case(lambda: F.avg_pool2d(X[:0], 2), "x", "(0, 4, 6, 5)"),
    "window-larger-than-the-image": case(lambda: F.avg_pool2d(X, 7), "7", "(6, 5)"),
    "maximum-window-larger-than-the-image": case(
        lambda: F.max_pool2d(X, 3, dilation=3), "7", "(6, 5)"
    ),
    "window-without-a-pixel": case(
        lambda: F.max_pool2d(empty(1, 1, 2, 2), (2, 1), stride=1, padding=(1, 0), dilation=(3, 1)),
        "dilation",
        "(1, 2, 2)",
    ),
    "average-padding-over-half": case(lambda: F.avg_pool2d(X, 3, padding=2), "padding", "2", "3"),
    "maximum-padding-over-half": case(lambda: F.max_pool2d(X, 3, padding=2), "padding", "2", "3"),
    "average-divided-by-0": case(
        lambda: F.avg_pool2d(X, 2, divisor_override=0), "divisor_override", "0"
    ),
    "average-divided-by-a-fraction": case(
        lambda: F.avg_pool2d(X, 2, divisor_override=1.5), "divisor_override", "1.5"
    ),
    "delta-of-another-size": case(
        lambda: F.avg_pool2d_delta(empty(3, 4, 2, 2), 2, input_size=(6, 5)),
        "output_delta",
        "(3, 4, 2, 2)",
        "3, 2",
    ),
    "delta-without-samples": case(
        lambda: F.avg_pool2d_delta(empty(0, 4, 3, 2), 2, input_size=(6, 5)), "(0, 4, 3, 2)"
    ),
    "positions-of-another-shape": case(
        lambda: F.max_pool2d_delta(empty(3, 4, 3, 2), POSITIONS[:2], input_size=(6, 5)),
        "positions",
        "(2, 4, 3, 2)",
        "(3, 4, 3, 2)",
    ),
    "positions-past-the-image": case(
        lambda: F.max_pool2d_delta(empty(3, 4, 3, 2), POSITIONS + 30, input_size=(6, 5)),
        "positions",
        "30",
    ),
    "positions-before-the-image": case(
        lambda: F.max_pool2d_delta(empty(3, 4, 3, 2), POSITIONS - 1, input_size=(6, 5)),
        "positions",
        "-1",
    ),
    "one-position-far-away": case(
        lambda: F.max_pool2d_delta(empty(3, 4, 3, 2), far_position(), input_size=(6, 5)),
        "positions",
        str(2**62),
    ),
}


def far_position() -> np.ndarray:
    positions = POSITIONS.copy()
    positions[2, 3, 2, 1] = 2**62
    return positions


@table(POOLINGS)
def test_poolings_refuse(call, words):
    assert_refused(call, words)


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
@pytest.mark.parametrize("pool", [F.avg_pool2d, F.max_pool2d])
def test_windows_that_are_none_are_refused(pool, value):
    assert_refused(lambda: pool(X, value), ("kernel_size",))
    if value is not None:
        assert_refused(lambda: pool(X, 2, stride=value), ("stride",))


LINEAR = {
    "features-that-differ": case(
        lambda: F.linear(empty(3, 5), empty(2, 6)), "weight", "(3, 5)", "(2, 6)"
    ),
    "weight-of-rank-1": case(lambda: F.linear(empty(3, 5), empty(5)), "weight", "(5,)"),
    "bias-of-another-length": case(
        lambda: F.linear(empty(3, 5), empty(2, 5), empty(3)), "bias", "(3,)"
    ),
    "x-without-samples": case(lambda: F.linear(empty(0, 5), empty(2, 5)), "x", "(0, 5)"),
    "delta-of-other-features": case(
        lambda: F.linear_delta(empty(3, 4), empty(2, 5)), "output_delta", "(3, 4)", "(2, 5)"
    ),
    "gradients-of-different-batches": case(
        lambda: F.linear_gradients(empty(3, 5), empty(4, 2)), "output_delta", "(3, 5)", "(4, 2)"
    ),
}


@table(LINEAR)
def test_linear_layers_refuse(call, words):
    assert_refused(call, words)


def build(*layers, input_shape=(1, 12, 12), **options) -> cnnbp.Network:
    return cnnbp.Network(list(layers), input_shape=input_shape, **options)


DEFINITIONS = {
    "kernel-larger-than-the-maps": case(
        lambda: build(L.Conv2d(6, 5), L.AvgPool2d(2), L.Conv2d(12, 5)), "layer 2 (Conv2d)", "5", "4"
    ),
    "window-larger-than-the-maps": case(
        lambda: build(L.Conv2d(6, 11), L.AvgPool2d(3)), "layer 1 (AvgPool2d)", "3", "2"
    ),
    "groups-that-do-not-divide-the-input": case(
        lambda: build(L.Conv2d(6, 3), L.Conv2d(8, 3, groups=4)),
        "layer 1 (Conv2d)",
        "groups",
        "4",
        "6",
    ),
    "groups-that-do-not-divide-the-output": case(
        lambda: build(L.Conv2d(6, 3), L.Conv2d(8, 3, groups=3)),
        "layer 1 (Conv2d)",
        "groups",
        "3",
        "8",
    ),
    "padding-over-half-of-a-window": case(
        lambda: build(L.ReLU(), L.MaxPool2d(2, padding=2)), "layer 1 (MaxPool2d)", "padding"
    ),
    "more-taps-than-are-counted": case(
        lambda: build(L.MaxPool2d(257), L.Linear(10), input_shape=(1, 257, 257)),
        "layer 0 (MaxPool2d)",
        "(257, 257)",
        "65536",
    ),
    # Each window has a step over the map as well, which is sought along the whole padding.
    "more-taps-before-their-steps": case(
        lambda: build(L.MaxPool2d((1, 70_000), 1, (0, 69_999), dilation=2), input_shape=(1, 1, 1)),
        "layer 0 (MaxPool2d)",
        "(1, 70000)",
        "expected at most 65536",
    ),
    "classes-that-are-maps": case(
        lambda: build(L.Conv2d(6, 3), loss="cross_entropy"), "cross_entropy", "(6, 10, 10)"
    ),
    "kernel-past-counting": case(lambda: L.Conv2d(6, 2**31), "kernel_size", str(2**31)),
    "padding-past-counting": case(lambda: L.Conv2d(6, 3, padding=2**62), "padding", str(2**62)),
    "features-past-counting": case(lambda: L.Linear(2**40), "out_features", str(2**40)),
    "a-product-that-overflows": case(
        lambda: build(*(L.Conv2d(2**31 - 1, 1) for _ in range(3)), L.Linear(10)), "layer 1 (Conv2d)"
    ),
    "an-image-that-overflows": case(
        lambda: build(L.Conv2d(6, 5), input_shape=(2**31 - 1, 2**31 - 1, 2**31 - 1)), "input_shape"
    ),
    "maps-that-overflow": case(
        lambda: build(L.Conv2d(6, 5, padding=2**31 - 1)), "layer 0 (Conv2d)"
    ),
}


@table(DEFINITIONS)
def test_definitions_refuse(call, words):
    assert_refused(call, words)


@pytest.mark.parametrize("threads", [0, -1, 2**31, 2**63, 1.5, "2", None, True], ids=repr)
def test_a_number_of_threads_that_is_none_is_refused(threads):
    before = cnnbp.get_num_threads()
    assert_refused(lambda: cnnbp.set_num_threads(threads), ("threads", str(threads)))
    assert cnnbp.get_num_threads() == before
