"""``.mat`` files of the DeepLearnToolbox's form."""

import zlib

import numpy as np
import pytest

from cnnbp import data
from data_files import (
    X_TEST,
    X_TRAIN,
    Y_TEST,
    Y_TRAIN,
    assert_is_the_small_data_set,
    mat,
    mat_element,
    mat_matrix,
    one_hot,
    toolbox_mat,
)

PIXELS = X_TRAIN.reshape(6, 25)
TARGETS = mat_matrix("train_y", one_hot(Y_TRAIN))


def load(tmp_path, content):
    path = tmp_path / "mnist_uint8.mat"
    path.write_bytes(content)
    return data.load(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_written_by_hand_is_read(tmp_path, order):
    loaded = load(tmp_path, toolbox_mat(order=order))
    assert_is_the_small_data_set(loaded)
    assert loaded.name == "mnist_uint8"


@pytest.mark.parametrize("compressed", [False, True])
def test_files_of_scipy_are_read(tmp_path, compressed):
    scipy_io = pytest.importorskip("scipy.io")
    path = tmp_path / "mnist_uint8.mat"
    variables = {
        "train_x": PIXELS,
        "train_y": one_hot(Y_TRAIN).astype(float),
        "test_x": X_TEST.reshape(3, 25),
        "test_y": Y_TEST,  # written as a row
        "note": "text",
        "options": {"alpha": 1.0},
        "cells": np.array([[1], "two"], dtype=object),
    }
    scipy_io.savemat(path, variables, do_compression=compressed)
    assert_is_the_small_data_set(data.load(path))


@pytest.mark.parametrize("shape", [(1, -1), (-1, 1)], ids=["a-row", "a-column"])
def test_class_numbers_may_be_a_row_or_a_column(tmp_path, shape):
    def load_numbers(train, test):
        return load(
            tmp_path,
            mat(
                mat_matrix("train_x", PIXELS),
                mat_matrix("train_y", train.reshape(shape)),
                mat_matrix("test_x", X_TEST.reshape(3, 25)),
                mat_matrix("test_y", test.reshape(shape)),
            ),
        )

    assert_is_the_small_data_set(load_numbers(Y_TRAIN, Y_TEST))
    assert load_numbers(Y_TRAIN + np.uint8(1), Y_TEST).y_train.tolist() == [1, 2, 3, 3, 2, 1]


def test_the_row_of_a_single_image_is_its_target(tmp_path):
    target = mat_matrix("train_y", one_hot(Y_TRAIN[2:3]))
    loaded = load(tmp_path, mat(mat_matrix("train_x", PIXELS[:1]), target))
    assert (loaded.y_train.tolist(), loaded.classes) == ([2], 3)


def test_images_are_upright_and_the_toolbox_sees_them_transposed(tmp_path):
    loaded = load(tmp_path, toolbox_mat())
    # MATLAB's reshape(train_x', 5, 5, 6) fills columns first: order F.
    toolbox_view = PIXELS.T.reshape((5, 5, 6), order="F")
    np.testing.assert_array_equal(loaded.x_train[:, 0].transpose(2, 1, 0), toolbox_view)
    np.testing.assert_array_equal(loaded.x_train[4, 0], toolbox_view[:, :, 4].T)


def test_values_stored_in_a_smaller_type_take_the_type_of_their_class(tmp_path):
    # MATLAB stores a matrix of doubles as uint8 when every value fits.
    images = mat_matrix("train_x", PIXELS, matlab_class=6, stored=2)
    loaded = load(tmp_path, mat(images, TARGETS))
    assert loaded.x_train.dtype == np.float64
    np.testing.assert_array_equal(loaded.x_train[:, 0], X_TRAIN)


def test_without_test_matrices_there_is_no_test_part(tmp_path):
    loaded = load(tmp_path, mat(TARGETS, mat_matrix("train_x", PIXELS)))
    assert loaded.x_test is None


def compressed(element: bytes, cut: int | None = None) -> bytes:
    data = zlib.compress(element)[:cut]
    return len(data).to_bytes(4, "little").join([b"\x0f\0\0\0", data])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (mat(text=b"MATLAB 7.3 MAT-file"), "expected .*MATLAB 5.0 .*save -v7"),
        (bytes(400), "expected .*MATLAB 5.0"),
        (b"MATLAB 5.0 MAT-file", "byte order"),
        (mat(), "holds none of the numeric matrices train_x, train_y"),
        (mat(TARGETS), r"holds \['train_y'\] of the numeric matrices"),
        (mat(mat_matrix("train_x", PIXELS), TARGETS)[:-8], "truncated: an element of"),
        (mat(TARGETS) + b"\0\0\0", "truncated: 3 bytes are left"),
        (mat(mat_matrix("train_x", PIXELS, shape=(6, 26))), r"\(6, 26\) but 150 bytes"),
        (mat(mat_matrix("train_x", PIXELS, shape=(2**31 - 1,) * 4)), "but 150 bytes of uint8"),
        (mat(mat_matrix("train_x", PIXELS, shape=(-6, -25))), "impossible shape"),
        (mat(mat_matrix("train_x", PIXELS, stored=16)), "type 16, which are no numbers"),
        (
            mat(mat_matrix("train_x", PIXELS.astype("f8"), stored=9)),
            "class u1 but is stored as float64",
        ),
        (mat(mat_matrix("train_x", PIXELS, imaginary=mat_element(2, b"12345678"))), "complex"),
        (mat(mat_matrix("train_x", X_TRAIN), TARGETS), "one image or target a row"),
        (mat(mat_matrix("train_x", PIXELS[:, :24]), TARGETS), "24 pixels are no square image"),
        (mat(mat_matrix("train_x", PIXELS[:5]), TARGETS), "y_train has shape"),
        (
            mat(mat_matrix("train_x", PIXELS), mat_matrix("train_y", Y_TRAIN[None, :5])),
            r"y_train has shape \(5,\).*one for each image",
        ),
        (mat(mat_matrix("train_x", PIXELS, matlab_class=4), TARGETS), r"holds \['train_y'\]"),
        (mat(compressed(TARGETS, cut=-1)), "compressed data that is truncated"),
        (mat(compressed(TARGETS, cut=4)), "compressed data without an element"),
        (mat(compressed(TARGETS + bytes(16))), "longer than its own element"),
        (mat(mat_element(15, b"not zlib")), "incorrect header check"),
    ],
)
def test_a_malformed_file_is_refused_by_name(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as refused:
        load(tmp_path, content)
    assert "mnist_uint8.mat" in str(refused.value)
