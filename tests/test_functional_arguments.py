"""The arrays that the operations of ``cnnbp.functional`` accept and refuse."""

import os
from pathlib import Path

import numpy as np
import pytest

from cnnbp import functional as F  # noqa: N812

X = np.arange(2 * 4 * 7 * 6, dtype=np.float32).reshape(2, 4, 7, 6) % 5
WEIGHT = np.arange(6 * 4 * 3 * 2, dtype=np.float32).reshape(6, 4, 3, 2) % 3
BIAS = np.arange(6, dtype=np.float32)
DELTA = np.ones((2, 6, 5, 5), np.float32)

#: Each operation on good arguments, by the names of its arrays.
CALLS = {
    "conv2d": (F.conv2d, {"x": X, "weight": WEIGHT, "bias": BIAS}, {}),
    "conv2d_delta": (
        F.conv2d_delta,
        {"output_delta": DELTA, "weight": WEIGHT},
        {"input_size": (7, 6)},
    ),
    "conv2d_gradients": (
        F.conv2d_gradients,
        {"x": X, "output_delta": DELTA},
        {"kernel_size": (3, 2)},
    ),
    "avg_pool2d": (F.avg_pool2d, {"x": X}, {"kernel_size": 2}),
    "avg_pool2d_delta": (
        F.avg_pool2d_delta,
        {"output_delta": X},
        {"kernel_size": 2, "input_size": (14, 12)},
    ),
    "max_pool2d": (F.max_pool2d, {"x": X}, {"kernel_size": 2}),
    "max_pool2d_delta": (
        F.max_pool2d_delta,
        {"output_delta": X, "positions": np.zeros(X.shape, np.int64)},
        {"input_size": (14, 12)},
    ),
    "linear": (
        F.linear,
        {"x": X[0, 0], "weight": np.ones((3, 6), np.float32), "bias": np.ones(3, np.float32)},
        {},
    ),
    "linear_delta": (
        F.linear_delta,
        {"output_delta": X[0, 0], "weight": np.ones((6, 4), np.float32)},
        {},
    ),
    "linear_gradients": (F.linear_gradients, {"x": X[0, 0], "output_delta": X[0, 1]}, {}),
    "sigmoid": (F.sigmoid, {"x": X}, {}),
    "tanh": (F.tanh, {"x": X}, {}),
    "relu": (F.relu, {"x": X}, {}),
    "softmax": (F.softmax, {"x": X}, {"dim": 1}),
}
every_operation = pytest.mark.parametrize("name", CALLS)


def called(name, change=None, **options):
    """The operation's results on its good arguments, some of them changed."""
    function, arrays, usual = CALLS[name]
    arrays = {key: change(array) if change else array for key, array in arrays.items()}
    result = function(**arrays, **(usual | options))
    return result if isinstance(result, tuple) else (result,)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def strided(array):
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@every_operation
@pytest.mark.parametrize("change", [strided, read_only, np.asfortranarray])
def test_the_layout_of_an_array_does_not_matter(name, change):
    assert same(called(name, change), called(name))


@every_operation
def test_nothing_is_left_of_the_arrays_before(name):
    """Memory comes back with what it held, also in lanes without a sample: NaN would stay NaN."""
    wanted = called(name)
    for _ in range(3):
        called(name, lambda a: a if a.dtype.kind == "i" else np.full_like(a, np.nan))
        assert same(called(name), wanted)


def test_nothing_is_left_of_large_arrays_before(rng):
    """Memory in lanes of 2 MB or more is what the call before had."""
    x = rng.random((17, 64, 32, 32), dtype=np.float32)
    weight = rng.random((64, 64, 3, 3), dtype=np.float32)
    calls = [
        lambda a: F.conv2d(a, weight, padding=1),
        lambda a: F.conv2d(a, weight[:, :, 1:2, 1:2]),
        lambda a: F.conv2d_delta(a, weight, input_size=32, padding=1),
        lambda a: F.conv2d_gradients(a, x, kernel_size=3, padding=1),
        lambda a: F.avg_pool2d(a, 2),
        lambda a: F.softmax(a, dim=1),
    ]
    for call in calls:
        wanted = call(x)
        call(np.full_like(x, np.nan))
        assert same(call(x), wanted)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")
def test_calls_keep_no_more_than_64_mb_for_the_next():
    """Half of what the lanes of these arrays take."""

    def resident() -> int:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    x = np.ones((128, 64, 64, 64), np.float32)  # 128 MB
    F.avg_pool2d(x[:1], 4)
    before = resident()
    F.avg_pool2d(x, 4)
    assert resident() - before < 80 * 2**20


def test_bytes_in_the_other_order_are_read_right():
    assert np.array_equal(F.relu(X.astype(">f4")), X)


@every_operation
def test_lists_are_read_as_float64(name):
    in_lists = called(name, lambda array: array.tolist())
    in_float64 = called(name, lambda a: a if a.dtype.kind == "i" else a.astype(np.float64))
    assert same(in_lists, in_float64)


@every_operation
def test_no_array_is_changed(name):
    before = [array.copy() for array in CALLS[name][1].values()]
    called(name)
    assert same(before, CALLS[name][1].values())


@pytest.mark.parametrize(
    ("name", "alone"),
    [
        ("conv2d", {"x": X[0]}),
        ("conv2d_delta", {"output_delta": DELTA[0]}),
        ("avg_pool2d", {"x": X[0]}),
        ("avg_pool2d_delta", {"output_delta": X[0]}),
        ("max_pool2d", {"x": X[0]}),
        ("max_pool2d_delta", {"output_delta": X[0], "positions": np.zeros(X[0].shape, int)}),
    ],
)
def test_an_image_without_the_batch_axis_gives_a_result_without_it(name, alone):
    function, arrays, options = CALLS[name]
    result = function(**(arrays | alone), **options)
    first_of_batch = tuple(array[0] for array in called(name))
    assert same(result if isinstance(result, tuple) else (result,), first_of_batch)


def test_gradients_of_one_image_are_those_of_a_batch_of_one():
    alone = F.conv2d_gradients(X[0], DELTA[0], kernel_size=(3, 2))
    assert same(alone, F.conv2d_gradients(X[:1], DELTA[:1], kernel_size=(3, 2)))


def test_a_batch_axis_on_one_side_only_is_refused():
    with pytest.raises(ValueError, match=r"batch axis.*\(2, 4, 7, 6\).*\(6, 5, 5\)"):
        F.conv2d_gradients(X, DELTA[0], kernel_size=(3, 2))


def test_linear_takes_any_number_of_leading_axes():
    weight = np.ones((3, 6), np.float32)
    assert np.array_equal(
        F.linear(X, weight), F.linear(X.reshape(-1, 6), weight).reshape(2, 4, 7, 3)
    )
    assert F.linear(X[0, 0, 0], weight).shape == (3,)


def test_activations_keep_a_shape_without_axes():
    assert F.relu(np.float32(-1.5)).shape == ()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4, 5)])
def test_activations_of_no_elements_are_none_in_the_same_shape(shape, dtype):
    x = np.zeros(shape, dtype)
    for output in (F.sigmoid(x), F.tanh(x), F.relu(x)):
        assert (output.shape, output.dtype) == (shape, dtype)


def test_softmax_of_no_rows_is_none_in_the_same_shape():
    assert F.softmax(np.zeros((0, 3)), 1).shape == (0, 3)
    assert F.softmax(np.zeros((3, 0)), 0).shape == (3, 0)


@pytest.mark.parametrize(("shape", "dim"), [((3, 0), 1), ((3, 0), -1), ((0,), 0), ((0, 3), 0)])
def test_softmax_along_an_axis_without_elements_is_refused_with_the_shape(shape, dim):
    with pytest.raises(ValueError, match=rf"x must .* axis {dim},") as refusal:
        F.softmax(np.zeros(shape), dim)
    assert str(shape) in str(refusal.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_denormals_are_taken_for_0(dtype):
    smallest = np.finfo(dtype).smallest_normal
    x = np.array([[[[0, smallest / 2], [0, 0]]]], dtype)
    output, positions = F.max_pool2d(x, 2)
    assert (output.item(), positions.item()) == (0, 0)
    assert F.relu(x).max() == 0
    output, positions = F.max_pool2d(2 * x, 2)
    assert (output.item(), positions.item()) == (smallest, 1)


@pytest.mark.parametrize("dim", range(-4, 4))
def test_softmax_sums_to_one_along_the_axis_it_is_given(dim):
    assert np.allclose(F.softmax(X, dim).sum(axis=dim), 1, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("dim", "error"), [(4, ValueError), (-5, ValueError), (1.0, TypeError)])
def test_softmax_needs_an_axis_of_the_array(dim, error):
    with pytest.raises(error, match="dim"):
        F.softmax(X, dim)


def arrays_of(name):
    return [(name, key) for key in CALLS[name][1]]


every_array = pytest.mark.parametrize(
    ("name", "key"), [pair for name in CALLS for pair in arrays_of(name)]
)


def refused(name, key, array, error, match):
    function, arrays, options = CALLS[name]
    with pytest.raises(error, match=match):
        function(**(arrays | {key: array}), **options)


@every_array
@pytest.mark.parametrize("dtype", [object, complex, bool, "U1", np.float16, np.longdouble])
def test_an_array_of_another_type_is_a_type_error_that_names_it(name, key, dtype):
    refused(name, key, CALLS[name][1][key].astype(dtype), TypeError, f"{key} must be")


@every_array
def test_floats_are_not_positions_and_integers_are_not_floats(name, key):
    array = CALLS[name][1][key]
    refused(name, key, array.astype("f4" if array.dtype.kind == "i" else "i4"), TypeError, key)


@pytest.mark.parametrize(
    ("name", "key"),
    [(name, key) for name in CALLS for _, key in arrays_of(name)[1:] if key != "positions"],
)
def test_mixed_types_are_a_type_error_that_names_the_second(name, key):
    refused(name, key, CALLS[name][1][key].astype("f8"), TypeError, f"same type.*{key}")


@every_array
def test_lists_of_unequal_lengths_are_a_value_error(name, key):
    refused(name, key, [[1.0], [1.0, 2.0]], ValueError, key)


@pytest.mark.parametrize(
    ("name", "key"),
    [pair for name in CALLS for pair in arrays_of(name) if name not in ("sigmoid", "tanh", "relu")],
)
def test_an_array_without_axes_is_a_value_error_that_shows_its_shape(name, key):
    empty = CALLS[name][1][key].flat[0]
    refused(name, key, empty, ValueError, rf"{key} .*\(\)")


@pytest.mark.parametrize("stride", [2**31 - 1, (1, 2**31 - 1)])
def test_the_largest_stride_is_not_too_large(stride):
    assert F.conv2d(X, WEIGHT, stride=stride).shape[2:] == (
        (5, 1) if stride != 2**31 - 1 else (1, 1)
    )
