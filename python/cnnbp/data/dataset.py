"""What every reader returns: images, their classes, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnbp.data.conversion import as_class_numbers, as_images, require_array

Images: TypeAlias = NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float64]
ClassNumbers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images to train on, and perhaps images to test on.

    Parameters
    ----------
    x_train : ndarray, shape (N, C, H, W)
        Training images: uint8, which networks scale from 0..255 to 0..1, or float32 or float64
        (finite), which they take as they are.
    y_train : ndarray of int64, shape (N,)
        Their class numbers, 0 to ``classes - 1``.
    x_test, y_test : ndarray or None
        Test images, of the same dtype and (C, H, W), and their class numbers. None when there is no
        test part; `split` makes one.
    classes : int
        How many classes there are.
    name, source, licence : str
        What the data are called, where they come from, and on what terms; empty when not known.

    Raises
    ------
    ValueError
        If an array does not have the dtype, shape or range above. The message starts with `source`.
    TypeError
        If an array is not a NumPy array.
    """

    x_train: Images
    y_train: ClassNumbers
    x_test: Images | None
    y_test: ClassNumbers | None
    classes: int
    name: str = ""
    source: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        """Check that the arrays fit each other."""
        where = f"{self.source}: " if self.source else ""
        _check_part(f"{where}x_train", self.x_train, f"{where}y_train", self.y_train, self.classes)
        if self.x_test is None and self.y_test is None:
            return
        if self.x_test is None or self.y_test is None:
            present, missing = ("y_test", "x_test") if self.x_test is None else ("x_test", "y_test")
            raise ValueError(f"{where}{present} is there but {missing} is not; give both or none")
        _check_part(f"{where}x_test", self.x_test, f"{where}y_test", self.y_test, self.classes)
        train, test = self.x_train, self.x_test
        if (train.shape[1:], train.dtype) != (test.shape[1:], test.dtype):
            raise ValueError(
                f"{where}x_train holds {train.dtype} images of {train.shape[1:]}, x_test "
                f"{test.dtype} images of {test.shape[1:]}; expected the same of both"
            )

    @classmethod
    def from_arrays(
        cls,
        x_train: NDArray[Any],
        y_train: NDArray[Any],
        x_test: NDArray[Any] | None = None,
        y_test: NDArray[Any] | None = None,
        *,
        name: str = "",
        source: str = "",
        licence: str = "",
    ) -> Dataset:
        """Make a data set from arrays in any of the shapes that files hold.

        Parameters
        ----------
        x_train, x_test : ndarray
            Images: (N, H, W), (N, C, H, W), (N, H, W, C) with 1, 3 or 4 channels, or (N, H·W) of
            square images. uint8, float32 or float64.
        y_train, y_test : ndarray
            Class numbers (N,) or (N, 1), or one-hot rows (N, classes).
        name, source, licence : str
            As in `Dataset`.

        Raises
        ------
        ValueError
            If the arrays are not of that form or do not fit each other.
        TypeError
            If one is not a NumPy array.
        """
        where = f"{source}: " if source else ""
        y_train, classes = as_class_numbers(y_train, f"{where}y_train")
        if y_test is not None:
            y_test, test_classes = as_class_numbers(y_test, f"{where}y_test")
            classes = max(classes, test_classes)
        if x_test is not None:
            x_test = as_images(x_test, f"{where}x_test")
        x_train = as_images(x_train, f"{where}x_train")
        return cls(x_train, y_train, x_test, y_test, classes, name, source, licence)

    def split(self, fraction: float = 0.2, seed: int = 0) -> Dataset:
        """Set some of the training images aside, at random, as the test part.

        Parameters
        ----------
        fraction : float
            The part to set aside, between 0 and 1. At least one image stays on either side.
        seed : int
            Of the choice, 0 or more. Both parts keep the order of the file.

        Raises
        ------
        ValueError
            If there is a test part already, if `fraction` is not between 0 and 1 or leaves one side
            without images, or if `seed` is negative.
        TypeError
            If `fraction` is not a number or `seed` not an integer.
        """
        if self.x_test is not None:
            raise ValueError(f"{self!r} has a test part already; use it as it is")
        if not isinstance(fraction, Real):
            raise TypeError(f"fraction must be a number, got {type(fraction).__name__}")
        if not 0 < fraction < 1:
            raise ValueError(f"fraction must be between 0 and 1, got {fraction}")
        if not isinstance(seed, Integral):
            raise TypeError(f"seed must be an integer, got {type(seed).__name__}")
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        total = len(self.x_train)
        count = round(total * fraction)
        if not 0 < count < total:
            raise ValueError(
                f"fraction={fraction} of {total} images sets {count} aside; "
                "expected at least one image on either side"
            )
        aside = np.zeros(total, dtype=bool)
        aside[np.random.default_rng(seed).permutation(total)[:count]] = True
        return replace(
            self,
            x_train=self.x_train[~aside],
            y_train=self.y_train[~aside],
            x_test=self.x_train[aside],
            y_test=self.y_train[aside],
        )

    def __repr__(self) -> str:
        """Say what there is in one line, without the pixels."""
        tested = "no" if self.x_test is None else f"{len(self.x_test):,}"
        channels, height, width = self.x_train.shape[1:]
        return (
            f"Dataset({self.name!r}: {len(self.x_train):,} training and {tested} test images, "
            f"{channels}x{height}x{width} {self.x_train.dtype}, {self.classes} classes)"
        )


def check_images(x_name: str, x: Images) -> None:
    """Refuse images, called `x_name`, that a network could not read."""
    require_array(x, x_name)
    if x.dtype not in (np.uint8, np.float32, np.float64):
        raise ValueError(
            f"{x_name} has dtype {x.dtype}; expected uint8 (0 to 255), float32 or float64"
        )
    if x.ndim != 4 or 0 in x.shape:
        raise ValueError(f"{x_name} has shape {x.shape}; expected (N, C, H, W), none of them 0")
    if x.dtype.kind == "f" and not (finite := np.isfinite(x)).all():
        first = int(np.argmin(finite.all(axis=(1, 2, 3))))
        raise ValueError(f"{x_name} holds NaN or infinity, first in image {first}")


def _check_part(x_name: str, x: Images, y_name: str, y: ClassNumbers, classes: int) -> None:
    """Refuse images or class numbers that a network could not train on."""
    check_images(x_name, x)
    require_array(y, y_name)
    if y.dtype != np.int64 or y.shape != (len(x),):
        raise ValueError(
            f"{y_name} has shape {y.shape} and dtype {y.dtype}; "
            f"expected int64 class numbers ({len(x)},), one for each image of {x_name} {x.shape}"
        )
    if y.min() < 0 or y.max() >= classes:
        raise ValueError(
            f"{y_name} holds class numbers {y.min()} to {y.max()}; expected 0 to {classes - 1}"
        )
