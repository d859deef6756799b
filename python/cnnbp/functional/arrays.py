"""Arrays as callers may pass them to an operation.

Types and ranks are checked here; the core checks sizes against each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.arguments import read_array

if TYPE_CHECKING:
    from cnnbp._core import Float


def read_floats(
    value: ArrayLike, name: str, axes: str | None = None, *, like: Float | None = None
) -> Float:
    """Read a C-contiguous float32 or float64 array with as many axes as `axes` names.

    `like` is the call's first array, whose type all others must have.
    """
    array = read_array(value, name)
    if array.dtype.type not in (np.float32, np.float64):
        raise TypeError(
            f"{name} must be float32 or float64, got {array.dtype}; convert it with "
            f"{name}.astype(np.float32)"
        )
    if like is not None and array.dtype.type is not like.dtype.type:
        raise TypeError(
            f"all arrays of a call must have the same type, got {name} of {array.dtype} "
            f"with {like.dtype}; convert one with astype"
        )
    if axes is not None and array.ndim != len(axes.split()):
        expected = ", ".join(axes.split())
        raise ValueError(f"{name} must have shape ({expected}), got {array.shape}")
    return np.asarray(array, array.dtype.type, order="C")


def read_images(value: ArrayLike, name: str, *, like: Float | None = None) -> tuple[Float, bool]:
    """Read images as ``(N, C, H, W)``, and whether it had the batch axis."""
    array = read_floats(value, name, like=like)
    if array.ndim not in (3, 4):
        raise ValueError(f"{name} must have shape (N, C, H, W) or (C, H, W), got {array.shape}")
    return (array, True) if array.ndim == 4 else (array[np.newaxis], False)


def read_positions(value: ArrayLike, name: str, *, like: NDArray[Any]) -> NDArray[np.int64]:
    """Read integers in the shape of `like`."""
    array = read_array(value, name)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got {array.dtype}")
    if array.shape != like.shape:
        raise ValueError(
            f"{name} and output_delta must have the same shape, got {array.shape} and {like.shape}"
        )
    return np.ascontiguousarray(array, np.int64)
