"""From the shapes that files hold to the ones a network takes."""

from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: More classes than this means that the targets are not class numbers.
MAX_CLASSES = 65_536


def require_array(array: object, what: str) -> None:
    """Raise a TypeError if `array`, called `what`, is not a NumPy array."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{what} must be a NumPy array, got {type(array).__name__}")


def as_images(array: NDArray[Any], what: str) -> NDArray[Any]:
    """Give images the shape (N, C, H, W), in the machine's byte order, contiguous.

    Parameters
    ----------
    array : ndarray
        (N, H, W); (N, C, H, W); (N, H, W, C) if C is 1, 3 or 4 and the second axis is longer than
        4; or (N, H·W), rows of pixels of square images, each from left to right, top to bottom.
    what : str
        What the array is called in an error.

    Raises
    ------
    ValueError
        If the shape is none of these.
    """
    require_array(array, what)
    shape = array.shape
    if len(shape) == 2:
        side = isqrt(shape[1])
        if side * side != shape[1]:
            raise ValueError(
                f"{what} has shape {shape}, and {shape[1]} pixels are no square image; "
                "store it as (N, H, W) or (N, C, H, W)"
            )
        array = array.reshape(shape[0], 1, side, side)
    elif len(shape) == 3:
        array = array[:, np.newaxis]
    elif len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] > 4:
        array = array.transpose(0, 3, 1, 2)
    elif len(shape) != 4:
        raise ValueError(
            f"{what} has shape {shape}; expected images (N, H, W), (N, C, H, W), (N, H, W, C) "
            "or rows of pixels (N, H·W)"
        )
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def as_class_numbers(array: NDArray[Any], what: str) -> tuple[NDArray[np.int64], int]:
    """Turn class numbers (N,), (N, 1) or one-hot rows (N, K) into int64 class numbers (N,).

    Parameters
    ----------
    array : ndarray
        Integers, booleans, or floats that are whole numbers.
    what : str
        What the array is called in an error.

    Returns
    -------
    numbers : ndarray of int64, shape (N,)
    classes : int
        K for one-hot rows, otherwise one more than the largest number.

    Raises
    ------
    ValueError
        If there are no targets, or they are neither class numbers from 0 nor one-hot rows.
    """
    require_array(array, what)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{what} has dtype {array.dtype}; expected class numbers or one-hot rows")
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ValueError(
            f"{what} has shape {array.shape}; "
            "expected class numbers (N,) or one-hot rows (N, classes), at least one"
        )
    _refuse_nan(array, what)
    if array.ndim == 2 and array.shape[1] > 1:
        if not (((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all()):
            raise ValueError(
                f"{what} has shape {array.shape} but is not one-hot; "
                "expected rows of zeros with a single 1"
            )
        return array.argmax(axis=1).astype(np.int64), array.shape[1]
    numbers = array.reshape(-1)
    low, high = numbers.min(), numbers.max()
    if not (low >= 0 and high < MAX_CLASSES and (numbers == np.floor(numbers)).all()):
        raise ValueError(
            f"{what} holds values from {low} to {high}; "
            f"expected class numbers: whole, from 0, below {MAX_CLASSES:,}"
        )
    return numbers.astype(np.int64), int(high) + 1


def _refuse_nan(array: NDArray[Any], what: str) -> None:
    if (nan := np.isnan(array)).any():
        first = int(nan.reshape(len(array), -1).any(axis=1).argmax())
        raise ValueError(
            f"{what} holds NaN, first in sample {first}; expected class numbers or one-hot rows"
        )
