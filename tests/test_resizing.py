"""Layers that change a map's size: exact on integers, adjoint, and what they refuse."""

import numpy as np
import pytest

import architectures
import oracle_layers
from claims import assert_refused, integers
from cnnbp import Network, check_gradients
from cnnbp.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Conv2d,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Upsample,
    ZeroPad2d,
)

#: Layers whose shares are multiples of 1/16 on maps of 4 x 6, so that sums of integers are exact.
EXACT = [
    AdaptiveAvgPool2d((2, 3)),
    AdaptiveAvgPool2d((4, 6)),
    AdaptiveAvgPool2d((3, 12)),
    AdaptiveAvgPool2d((8, 4)),
    ZeroPad2d(1),
    ZeroPad2d(((0, 3), (2, 0))),
    ZeroPad2d(0),
    Upsample(1),
    Upsample(2),
    Upsample((3, 5)),
    Upsample(2, mode="bilinear"),
    Upsample((1, 4), mode="bilinear"),
    Upsample((2, 1), mode="bilinear"),
]

#: And such whose shares are rounded.
ROUNDED = [
    AdaptiveAvgPool2d((3, 5)),
    AdaptiveAvgPool2d((7, 11)),
    GlobalAvgPool2d(),
    Upsample((3, 5), mode="bilinear"),
    Upsample((2, 3), mode="bilinear", align_corners=True),
]

SHAPE = (3, 4, 6)


def trace(layer: Layer, x: np.ndarray, target=None) -> dict[str, np.ndarray]:
    net = Network([layer], input_shape=x.shape[1:], dtype=x.dtype.name)
    if target is None:
        target = np.zeros((len(x), np.prod(net.predict(x).shape[1:])))
    return net.trace(x, target)


def matrices(layer: Layer, size) -> tuple[np.ndarray, np.ndarray]:
    """Of rows and columns, from the oracle."""
    made = oracle_layers.make(type(layer).__name__, layer.options(), {}, None)
    return made.matrix(0, size[0]), made.matrix(1, size[1])


@pytest.mark.parametrize("layer", EXACT, ids=repr)
@pytest.mark.parametrize("batch", [1, 3, 4, 8, 17])
def test_a_step_is_exact_on_integers(batch, layer, dtype, rng):
    """Both ways: E = ½ Σ y² / N, whose delta is y / N, with N·y as the target's difference."""
    x = integers(rng, (batch, *SHAPE), dtype)
    rows, columns = matrices(layer, SHAPE[1:])
    output = rows @ x @ columns.T
    target = output - batch * integers(rng, output.shape, dtype)
    seen = trace(layer, x, target.reshape(batch, -1))
    assert np.array_equal(seen["0.output"], output)
    delta = (output - target) / batch
    assert np.array_equal(seen["0.delta"], delta)
    assert np.array_equal(seen["input.delta"], rows.T @ delta @ columns)


@pytest.mark.parametrize("layer", EXACT + ROUNDED, ids=repr)
def test_the_delta_is_the_adjoint(layer, dtype, rng):
    """<y, y> = <x, up(y)> for the delta y / N; to the rounding of a sum of that many products."""
    x = rng.standard_normal((19, *SHAPE)).astype(dtype)
    seen = trace(layer, x)
    output, below = (seen[name].astype(np.float64) for name in ("0.output", "input.delta"))
    left, right = (output * output).sum(), 19 * (x * below).sum()
    assert abs(left - right) <= 16 * np.finfo(dtype).eps * left


@pytest.mark.parametrize("layer", ROUNDED, ids=repr)
def test_shares_are_those_of_the_definition(layer, dtype, rng):
    x = rng.standard_normal((19, *SHAPE)).astype(dtype)
    rows, columns = matrices(layer, SHAPE[1:])
    error = np.abs(trace(layer, x)["0.output"] - rows @ x @ columns.T)
    assert error.max() <= 16 * np.finfo(dtype).eps * np.abs(x).max()


def test_the_mean_of_a_map_is_that_of_one_window(dtype, rng):
    x = rng.standard_normal((7, *SHAPE)).astype(dtype)
    wants = trace(AvgPool2d(SHAPE[1:]), x)
    for layer in (GlobalAvgPool2d(), AdaptiveAvgPool2d(1)):
        seen = trace(layer, x)
        assert seen["0.output"].shape == (7, 3, 1, 1)
        for name in ("0.output", "input.delta"):
            assert np.array_equal(seen[name], wants[name]), name


def test_a_single_row_or_column_is_repeated(dtype, rng):
    """Nothing lies between; align_corners would divide by nothing here."""
    x = rng.standard_normal((5, 2, 1, 1)).astype(dtype)
    for corners in (False, True):
        for factor in (1, 3):
            layer = Upsample(factor, mode="bilinear", align_corners=corners)
            output = trace(layer, x)["0.output"]
            assert np.array_equal(output, np.broadcast_to(x, (5, 2, factor, factor)))


def test_infinities_stay_where_they_are_repeated():
    """Nothing is multiplied by 0: a pixel near the largest float32, and three beyond it."""
    net = Network([Conv2d(1, 1, bias=False), Upsample(2)], input_shape=(1, 2, 2))
    net.load_state_dict({"0.weight": np.full((1, 1, 1, 1), 3e38)})
    output = net.predict(np.array([[[[1, -3], [-3, -3]]]], np.float32))
    assert np.array_equal(output[0, 0] == -np.inf, np.kron([[0, 1], [1, 1]], np.ones((2, 2))))
    assert (output[0, 0, :2, :2] == np.float32(3e38)).all()


@pytest.mark.parametrize(
    ("layer", "shape", "multiply_adds"),
    [
        (Upsample(2), (3, 8, 12), 0),
        (Upsample((1, 2), mode="bilinear"), (3, 4, 12), 4 * 3 * 4 * 12),
        (ZeroPad2d((1, 2)), (3, 6, 10), 0),
        (AdaptiveAvgPool2d((9, 2)), (3, 9, 2), 0),
        (GlobalAvgPool2d(), (3, 1, 1), 0),
    ],
    ids=repr,
)
def test_a_summary_has_the_shape_and_the_cost(layer, shape, multiply_adds):
    (line,) = Network([layer], input_shape=SHAPE).summary().layers
    assert (line.output_shape, line.parameters) == (shape, 0)
    assert line.multiply_adds == multiply_adds


def test_check_gradients_agrees(rng):
    x, y = architectures.RESIZED.samples(rng, 3)
    assert check_gradients(architectures.RESIZED.build(), x, y, entries=5)


@pytest.mark.parametrize(
    "layer", [AdaptiveAvgPool2d(1), GlobalAvgPool2d(), ZeroPad2d(1), Upsample(2)], ids=repr
)
def test_a_vector_is_refused(layer):
    words = (f"layer 1 ({type(layer).__name__})", "a vector of 72", "maps")
    assert_refused(lambda: Network([Flatten(), layer], input_shape=SHAPE), words)


@pytest.mark.parametrize("layer", [ZeroPad2d(2**31 - 1), Upsample(2**31 - 1)], ids=repr)
def test_maps_that_fit_no_memory_are_refused(layer):
    words = (f"layer 0 ({type(layer).__name__})", "too large")
    assert_refused(lambda: Network([layer], input_shape=SHAPE), words)
