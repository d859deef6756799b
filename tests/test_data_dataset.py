"""`Dataset`: what it accepts, and how it is split."""

import dataclasses

import numpy as np
import pytest

from cnnbp import data
from cnnbp.data import Dataset
from data_files import ARRAYS, X_TEST, X_TRAIN, Y_TEST, Y_TRAIN, one_hot

COLOUR = np.arange(2 * 6 * 7 * 3, dtype=np.uint8).reshape(2, 6, 7, 3)
STRICT = {
    "x_train": X_TRAIN[:, np.newaxis],
    "y_train": Y_TRAIN.astype(np.int64),
    "x_test": X_TEST[:, np.newaxis],
    "y_test": Y_TEST.astype(np.int64),
    "classes": 3,
}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (X_TRAIN, X_TRAIN[:, np.newaxis]),
        (X_TRAIN.reshape(6, 25), X_TRAIN[:, np.newaxis]),
        (X_TRAIN[..., np.newaxis], X_TRAIN[:, np.newaxis]),
        (COLOUR, COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2)),
        (COLOUR.transpose(0, 3, 1, 2)[..., :3], COLOUR.transpose(0, 3, 1, 2)[..., :3]),
    ],
    ids=["(N, H, W)", "(N, H*W)", "(N, H, W, 1)", "(N, H, W, 3)", "(N, 3, H, W)", "(N, 3, H, 3)"],
)
def test_images_take_the_shape_n_c_h_w(stored, expected):
    got = Dataset.from_arrays(stored, np.arange(len(stored))).x_train
    assert got.flags.c_contiguous
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "stored",
    [
        Y_TRAIN,
        Y_TRAIN[:, np.newaxis],
        Y_TRAIN.astype(">i4"),
        Y_TRAIN.astype(float),
        one_hot(Y_TRAIN),
        one_hot(Y_TRAIN).astype(bool),
        one_hot(Y_TRAIN).astype(float),
    ],
)
def test_targets_become_class_numbers(stored):
    made = Dataset.from_arrays(X_TRAIN, stored)
    assert made.y_train.dtype == np.int64
    np.testing.assert_array_equal(made.y_train, Y_TRAIN)
    assert made.classes == 3


def test_a_class_that_only_one_hot_columns_or_the_test_part_know_counts():
    without_2 = Y_TRAIN % 2
    assert Dataset.from_arrays(X_TRAIN, without_2).classes == 2
    assert Dataset.from_arrays(X_TRAIN, one_hot(without_2)).classes == 3
    assert Dataset.from_arrays(X_TRAIN, without_2, X_TEST, Y_TEST).classes == 3


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X_TRAIN.reshape(-1), Y_TRAIN, r"x_train has shape \(150,\); expected images"),
        (X_TRAIN.reshape(6, 5, 5, 1, 1), Y_TRAIN, "expected images"),
        (X_TRAIN[:, :0], Y_TRAIN, "none of them 0"),
        (X_TRAIN.reshape(6, 25)[:, :0], Y_TRAIN, "none of them 0"),
        (X_TRAIN.astype(bool), Y_TRAIN, "dtype bool; expected uint8"),
        (np.full(X_TRAIN.shape, np.inf), Y_TRAIN, "NaN or infinity, first in image 0"),
        (X_TRAIN, Y_TRAIN[:0], r"y_train has shape \(0,\).*at least one"),
        (X_TRAIN, Y_TRAIN.reshape(6, 1, 1), "expected class numbers"),
        (X_TRAIN, Y_TRAIN.astype("S1"), "y_train has dtype |S1"),
        (X_TRAIN, Y_TRAIN - 1.0, "holds values from -1.0 to 1.0; expected class numbers"),
        (X_TRAIN, Y_TRAIN / 2, "holds values from 0.0 to 1.0; expected class numbers"),
        (X_TRAIN, np.where(Y_TRAIN > 1, np.nan, 0), "y_train holds NaN, first in sample 2; exp"),
        (X_TRAIN, np.where(one_hot(Y_TRAIN), np.nan, 0), "y_train holds NaN, first in sample 0"),
        (X_TRAIN, np.where(Y_TRAIN > 1, np.inf, 0), "holds values from 0.0 to inf; expected"),
        (X_TRAIN, Y_TRAIN + np.uint64(2**63), "expected class numbers: whole, from 0, below"),
        (X_TRAIN, one_hot(Y_TRAIN) | one_hot(0), "not one-hot"),
        (X_TRAIN, one_hot(Y_TRAIN) * 0.5, "not one-hot"),
        (X_TRAIN, one_hot(Y_TRAIN)[:5], r"y_train has shape \(5,\)"),
    ],
)
def test_unfit_arrays_are_refused_by_name(x, y, message):
    with pytest.raises(ValueError, match=message) as refused:
        Dataset.from_arrays(x, y, source="here.npz")
    assert str(refused.value).startswith("here.npz: ")


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"y_test": None}, ValueError, "x_test is there but y_test is not"),
        ({"x_test": None}, ValueError, "y_test is there but x_test is not"),
        ({"x_train": X_TRAIN}, ValueError, r"x_train has shape \(6, 5, 5\); expected \(N, C"),
        ({"y_train": Y_TRAIN}, ValueError, "y_train has .* dtype uint8; expected int64"),
        ({"classes": 2}, ValueError, "y_train holds class numbers 0 to 2; expected 0 to 1"),
        ({"y_test": Y_TEST.astype(np.int64) - 1}, ValueError, "y_test holds class numbers -1 to 1"),
        ({"x_test": X_TEST[:, np.newaxis] / 255}, ValueError, "uint8 images .* float64 images"),
        ({"x_train": X_TRAIN.tolist()}, TypeError, "x_train must be a NumPy array, got list"),
        ({"y_train": [0] * 6}, TypeError, "y_train must be a NumPy array, got list"),
    ],
)
def test_the_constructor_takes_only_what_a_network_can_train_on(changed, error, message):
    Dataset(**STRICT)
    with pytest.raises(error, match=message):
        Dataset(**(STRICT | changed))


def test_a_list_instead_of_an_array_is_a_type_error():
    with pytest.raises(TypeError, match="x_train must be a NumPy array, got list"):
        Dataset.from_arrays(X_TRAIN.tolist(), Y_TRAIN)


def test_a_data_set_cannot_be_changed_by_assignment():
    made = Dataset.from_arrays(**ARRAYS)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.x_train = X_TRAIN


def test_a_data_set_prints_as_one_line():
    made = Dataset.from_arrays(**ARRAYS, name="small")
    assert repr(made) == ("Dataset('small': 6 training and 3 test images, 1x5x5 uint8, 3 classes)")
    assert "and no test images" in repr(Dataset.from_arrays(X_TRAIN, Y_TRAIN))


def test_a_split_shares_out_every_image_once_with_its_class_in_the_order_of_the_file():
    images = np.arange(100, dtype=np.uint8).repeat(4).reshape(100, 2, 2)
    whole = Dataset.from_arrays(images, np.arange(100), name="hundred", licence="CC0")
    parts = whole.split(0.3, seed=1)
    assert (len(parts.x_train), len(parts.x_test)) == (70, 30)
    for x, y in ((parts.x_train, parts.y_train), (parts.x_test, parts.y_test)):
        np.testing.assert_array_equal(x[:, 0, 0, 0], y)
        assert (np.diff(y) > 0).all()
    assert sorted([*parts.y_train, *parts.y_test]) == list(range(100))
    assert (parts.classes, parts.name, parts.licence) == (100, "hundred", "CC0")


def test_a_split_depends_on_its_seed_alone():
    whole = Dataset.from_arrays(np.zeros((100, 2, 2), np.uint8), np.arange(100))
    np.testing.assert_array_equal(whole.split(seed=5).y_test, whole.split(seed=5).y_test)
    assert whole.split(seed=5).y_test.tolist() != whole.split(seed=6).y_test.tolist()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"fraction": 0}, ValueError, "fraction must be between 0 and 1, got 0"),
        ({"fraction": 1.0}, ValueError, "between 0 and 1"),
        ({"fraction": float("nan")}, ValueError, "between 0 and 1"),
        ({"fraction": 0.01}, ValueError, "of 6 images sets 0 aside"),
        ({"fraction": 0.99}, ValueError, "of 6 images sets 6 aside"),
        ({"fraction": "half"}, TypeError, "fraction must be a number, got str"),
        ({"seed": -1}, ValueError, "seed must be 0 or more, got -1"),
        ({"seed": 0.5}, TypeError, "seed must be an integer, got float"),
    ],
)
def test_a_split_that_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        Dataset.from_arrays(X_TRAIN, Y_TRAIN).split(**options)


def test_a_data_set_with_a_test_part_is_not_split_again():
    with pytest.raises(ValueError, match="has a test part already"):
        Dataset.from_arrays(**ARRAYS).split()


def test_load_says_what_it_can_read(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"anything")
    with pytest.raises(ValueError, match=r"expected an .npz file, .* give the folder it is in"):
        data.load(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz: no such file or folder"):
        data.load(tmp_path / "nowhere.npz")
    with pytest.raises(TypeError, match="path must be a str or a Path, got NoneType"):
        data.load(None)
