"""The images and targets that a network accepts, and what it says of those it does not."""

import re

import numpy as np
import pytest

from claims import assert_refused
from cnnbp import Network, data
from cnnbp.functional import linear
from cnnbp.layers import Conv2d, Linear


@pytest.fixture
def net():
    layers = [Conv2d(3, 3, activation="tanh"), Linear(4)]
    return Network(layers, input_shape=(2, 9, 8), loss="cross_entropy")


@pytest.fixture
def x(rng):
    return rng.standard_normal((7, 2, 9, 8)).astype(np.float32)


@pytest.fixture
def y(rng):
    return rng.integers(0, 4, 7)


def test_images_of_one_channel_need_no_channel_axis(rng):
    net = Network([Linear(3)], input_shape=(1, 4, 5))
    images = rng.random((6, 4, 5))
    assert np.array_equal(net.predict(images), net.predict(images[:, None]))


def test_targets_of_one_map_need_no_channel_axis(rng):
    """An autoencoder's targets are its images."""
    net = Network([Conv2d(1, 3, padding=1)], input_shape=(1, 4, 5))
    images = rng.random((6, 4, 5))
    assert net.evaluate(images, images) == net.evaluate(images, images.reshape(6, 20))


def test_bytes_are_scaled_to_one(rng):
    net = Network([Linear(3)], input_shape=(1, 4, 5), dtype="float64")
    images = rng.integers(0, 256, (6, 4, 5), dtype=np.uint8)
    assert np.allclose(net.predict(images), net.predict(images / 255), rtol=1e-12, atol=1e-15)


def test_the_layout_of_images_does_not_matter(net, x):
    expected = net.predict(x)
    strided = np.repeat(x, 2, axis=3)[..., ::2]
    read_only = x.copy()
    read_only.flags.writeable = False
    for images in (strided, read_only, np.asfortranarray(x), x.astype(">f4"), x.astype("f8")):
        assert np.array_equal(net.predict(images), expected)


def test_half_precision_is_widened(net, x):
    half = x.astype(np.float16)
    assert np.array_equal(net.predict(half), net.predict(half.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_class_numbers_may_be_of_any_integer_type(net, x, y, dtype):
    assert net.evaluate(x, y.astype(dtype)) == net.evaluate(x, y)


@pytest.mark.parametrize(("outputs", "loss"), [(1, "bce_with_logits"), (2, "cross_entropy")])
def test_class_numbers_of_one_or_two_outputs_may_be_bools(x, y, outputs, loss):
    net = Network([Linear(outputs)], input_shape=(2, 9, 8), loss=loss)
    for given in (y > 1, list(y > 1)):
        assert net.evaluate(x, given) == net.evaluate(x, (y > 1).astype(int))


@pytest.mark.parametrize(
    ("outputs", "targets", "advice"),
    [
        (1, np.linspace(0, 1, 7), "targets have shape (7, 1): write y[:, None]"),
        (1, np.array([0.0, 1, np.nan, 0, 0, 0, 0]), ": write y[:, None]"),
        (1, np.ones(7, np.float32), "[:, None], or y.astype(int) if they are class numbers"),
        (4, np.ones(7), "shape (7, 4): write y.astype(int) if they are class numbers"),
        (4, np.ones(7, bool), "(7, 4): write y.astype(int) if they are class numbers"),
        (4, np.linspace(0, 1, 7), "targets have shape (7, 4)"),
    ],
)
def test_class_numbers_that_are_no_integers_are_answered_with_what_to_write(
    x, outputs, targets, advice
):
    net = Network([Linear(outputs)], input_shape=(2, 9, 8))
    with pytest.raises(TypeError, match=re.escape(advice) + "$"):
        net.train_step(x, targets)


@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32, np.float64])
def test_targets_may_be_one_hot_in_any_type(net, x, y, dtype):
    assert net.evaluate(x, np.eye(4, dtype=dtype)[y]) == net.evaluate(x, y)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (
            np.zeros((7, 2, 9, 9)),
            ValueError,
            r"x must have shape \(N, 2, 9, 8\), got \(7, 2, 9, 9\)",
        ),
        (np.zeros((2, 9, 8)), ValueError, r"got \(2, 9, 8\); add the batch axis with x\[None\]"),
        (
            np.zeros((7, 9, 8, 2)),
            ValueError,
            r"got \(7, 9, 8, 2\); put the channels before rows and columns with x.transpose\(0, 3,",
        ),
        (np.zeros((7, 9, 8)), ValueError, r"got \(7, 9, 8\)"),
        (np.zeros((7, 144)), ValueError, r"got \(7, 144\)"),
        (np.zeros(()), ValueError, r"got \(\)"),
        (np.zeros((0, 2, 9, 8)), ValueError, "x holds no samples"),
        (np.zeros((7, 2, 9, 8), int), TypeError, r"x must be uint8.*int64.*astype"),
        (np.zeros((7, 2, 9, 8), bool), TypeError, "x must be uint8.*bool"),
        (np.zeros((7, 2, 9, 8), object), TypeError, "x must be an array of numbers, got object"),
        (np.zeros((7, 2, 9, 8), complex), TypeError, "x must be an array of numbers"),
        (None, TypeError, "x must be an array of numbers, got None"),
        ({"x": [1.0]}, TypeError, "x must be an array of numbers, got dict$"),
        ("images", TypeError, "x must be an array of numbers, got str$"),
        (
            iter([np.zeros((7, 2, 9, 8))]),
            TypeError,
            "got list_iterator; give its batches one by one, in training to train_step",
        ),
        (data.digits(), TypeError, "x must be .*, got Dataset; give its x_train and y_train"),
        ([[1.0], [1.0, 2.0]], ValueError, "x cannot be read as an array"),
    ],
)
def test_images_that_do_not_fit_are_refused_with_what_was_expected(net, images, error, message):
    with pytest.raises(error, match=message):
        net.predict(images)


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (np.zeros(6, int), ValueError, r"7 images, y has shape \(6,\)"),
        (np.zeros(()), ValueError, r"y has shape \(\)"),
        (np.zeros(7), TypeError, "class numbers as integers, got float64"),
        (np.zeros(7, bool), TypeError, "class numbers as integers, got bool"),
        (np.zeros(7, object), TypeError, "y must be an array of numbers"),
        (["0"] * 7, TypeError, "y must be an array of numbers"),
        (np.zeros((7, 5)), ValueError, r"targets of shape \(7, 4\), got shape \(7, 5\)"),
        (np.zeros((7, 1), int), ValueError, r"got shape \(7, 1\)"),
        ([0, 1, 2, 3, 4, 0, 1], ValueError, "label 4 in sample 4, expected 0 to 3"),
        ([0, 1, 2, -1, 3, 0, 1], ValueError, "label -1 in sample 3, expected 0 to 3"),
        (
            np.full(7, 2**64 - 100, np.uint64),
            ValueError,
            "label 18446744073709551516 in sample 0",
        ),
        (  # of as many bits, and to NumPy another type
            np.full(7, 2**64 - 100, np.ulonglong),
            ValueError,
            "label 18446744073709551516 in sample 0",
        ),
        (np.zeros((7, 4, 1)), ValueError, r"got shape \(7, 4, 1\)"),
        (np.full((7, 4), np.nan), ValueError, "y"),
    ],
)
def test_targets_that_do_not_fit_are_refused_with_what_was_expected(
    net, x, targets, error, message
):
    with pytest.raises(error, match=message):
        net.evaluate(x, targets)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_image_that_is_not_finite_is_named(net, x, value, dtype):
    spoiled = x.astype(dtype)
    spoiled[5, 1, 8, 7] = value
    spoiled[6, 0, 0, 0] = value
    with pytest.raises(ValueError, match=r"\bx\b.*\b5\b"):
        net.predict(spoiled)


class Followed:
    """A tensor that torch follows for gradients."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach()")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda net, x, y: net.predict(Followed()), "x cannot"),
        (lambda net, x, y: net.predict([Followed()]), "x cannot"),
        (lambda net, x, y: net.train_step(x, Followed()), "y cannot"),
        (lambda net, x, y: net.fit(x, y, sample_weight=Followed()), "sample_weight cannot"),
        (lambda net, x, y: net.load_state_dict({"0.weight": Followed()}), "0.weight cannot"),
        (lambda net, x, y: linear(x[:, 0, 0], Followed()), "weight cannot"),
    ],
)
def test_a_tensor_that_cannot_be_read_is_named_with_what_it_says_itself(net, x, y, call, name):
    assert_refused(lambda: call(net, x, y), (f"{name} be read as an array", "detach()"))


def test_torchs_parameters_are_named_with_what_to_do(net, x):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    state = {name: torch.nn.Parameter(torch.tensor(p)) for name, p in net.state_dict().items()}
    assert_refused(lambda: net.load_state_dict(state), ("0.weight cannot be read", "detach()"))
    assert_refused(lambda: net.predict(torch.tensor(x, requires_grad=True)), ("x", "detach()"))


def test_validation_data_of_a_data_set_without_a_test_part_say_how_to_make_one(net, x, y):
    whole = data.Dataset.from_arrays(x, y)
    for given, words in (
        ((whole.x_test, whole.y_test), ("validation_data", "no test part", "Dataset.split")),
        (whole, ("validation_data must be a pair", "got Dataset; give its x_test and y_test")),
    ):
        fit = lambda given=given: net.fit(x, y, validation_data=given, progress=False)  # noqa: E731
        assert_refused(fit, words)
    parts = whole.split()
    net.fit(x, y, validation_data=(parts.x_test, parts.y_test), progress=False)
