"""The digits that the package carries, and the whole of MNIST where it is at hand.

CNNBP_MNIST names a folder with the four MNIST files; without it the tests that need them skip.
"""

import gzip
import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest

from cnnbp import data

FOLDER = Path(data.__file__).parent / "digits"


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def mnist():
    folder = os.environ.get("CNNBP_MNIST")
    if not folder:
        pytest.skip("set CNNBP_MNIST to the folder with the four MNIST files")
    return data.load(folder)


def test_there_are_5000_digits_to_train_and_1000_to_test(digits):
    assert (digits.x_train.shape, digits.x_test.shape) == ((5000, 1, 28, 28), (1000, 1, 28, 28))
    assert digits.x_train.dtype == digits.x_test.dtype == np.uint8
    assert digits.classes == 10


def test_no_class_is_rare_so_the_first_digits_are_a_fair_choice(digits):
    assert np.bincount(digits.y_train, minlength=10).min() > 400
    assert np.bincount(digits.y_test, minlength=10).min() > 80


def test_digits_stand_upright(digits):
    ones = digits.x_train[digits.y_train == 1, 0] > 127
    height = ones.any(axis=2).sum(axis=1).mean()
    width = ones.any(axis=1).sum(axis=1).mean()
    assert height > 2 * width


def test_source_and_licence_travel_with_the_digits(digits):
    assert "LeCun" in digits.source
    assert digits.licence == "CC BY-SA 3.0"
    assert digits.licence in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_files_are_those_that_their_readme_lists():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (\S+\.gz) \|.*\| ([0-9a-f]{64}) \|$", readme, re.MULTILINE))
    held = {
        path.name: hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        for path in FOLDER.glob("*.gz")
    }
    assert len(held) == 4
    assert held == listed


def test_the_digits_are_the_first_of_mnist(digits, mnist):
    np.testing.assert_array_equal(digits.x_train, mnist.x_train[:5000])
    np.testing.assert_array_equal(digits.y_train, mnist.y_train[:5000])
    np.testing.assert_array_equal(digits.x_test, mnist.x_test[:1000])
    np.testing.assert_array_equal(digits.y_test, mnist.y_test[:1000])


def test_the_whole_of_mnist_loads(mnist):
    assert (mnist.x_train.shape, mnist.x_test.shape) == ((60000, 1, 28, 28), (10000, 1, 28, 28))
    assert np.bincount(mnist.y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
