"""Samples and targets, read as callers may pass them.

Checked here: types, ranks and shapes. Checked by the core, which reads every value anyway: NaN,
infinity and class numbers out of range.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.training import Samples

if TYPE_CHECKING:
    from cnnbp._core import Images

Shape = tuple[int, ...]


def read_samples(
    x: ArrayLike, y: ArrayLike, input_shape: Shape, output_shape: Shape, *, prefix: str = ""
) -> Samples:
    """Images and targets that belong together; `prefix` stands before their names in errors."""
    images = read_images(x, input_shape, name=f"{prefix}x")
    targets = _read_targets(y, len(images), output_shape, name=f"{prefix}y")
    return Samples(images, targets)


def read_validation(
    data: tuple[ArrayLike, ArrayLike], input_shape: Shape, output_shape: Shape
) -> Samples:
    """Images and targets to evaluate after training, with every value checked before it."""
    try:
        x, y = data
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data must be a pair (x, y): {error}") from None
    prefix = "validation_data: "
    samples = read_samples(x, y, input_shape, output_shape, prefix=prefix)
    _check_values(samples, output_shape, prefix=prefix)
    return samples


def read_images(x: ArrayLike, input_shape: Shape, *, name: str = "x") -> Images:
    """Images as a C-contiguous array ``(N, C, H, W)`` of uint8, float32 or float64.

    Images of one channel may come as ``(N, H, W)``; float16 is widened to float32. An array in
    the right form is passed on without a copy.
    """
    array = _array(x, name)
    if array.dtype.type not in (np.uint8, np.float16, np.float32, np.float64):
        raise TypeError(
            f"{name} must be uint8, float32 or float64, got {array.dtype}; "
            f"convert with {name}.astype(np.float32), scaled to about 0 to 1"
        )
    channels, height, width = input_shape
    if channels == 1 and array.shape[1:] == (height, width):
        array = array[:, np.newaxis]
    if array.ndim != 4 or array.shape[1:] != input_shape:
        expected = f"(N, {channels}, {height}, {width})"
        if channels == 1:
            expected += f" or (N, {height}, {width})"
        hint = f"; add the batch axis with {name}[None]" if array.shape == input_shape else ""
        raise ValueError(f"{name} must have shape {expected}, got {array.shape}{hint}")
    if len(array) == 0:
        raise ValueError(f"{name} holds no samples, its shape is {array.shape}")
    dtype = np.float32 if array.dtype.type is np.float16 else array.dtype.type
    return np.ascontiguousarray(array, dtype)


def _read_targets(y: ArrayLike, samples: int, output_shape: Shape, *, name: str) -> NDArray[Any]:
    """Class numbers as int64 ``(N,)``, or targets as float64 ``(N, K)``.

    ``K`` is the number of the network's outputs. Targets may be integers or bools (one-hot); they
    may also have the shape of the outputs, ``(N, *output_shape)``.
    """
    array = _array(y, name)
    outputs = math.prod(output_shape)
    if array.ndim == 0 or len(array) != samples:
        raise ValueError(
            f"{name} must have one entry per image: there are {samples} images, {name} has "
            f"shape {array.shape}"
        )
    if array.ndim == 1:
        if array.dtype.kind not in "iu":
            raise TypeError(
                f"{name} of shape {array.shape} must hold class numbers as integers, got "
                f"{array.dtype}; targets have shape ({samples}, {outputs})"
            )
        return np.ascontiguousarray(array, np.int64)
    if array.shape[1:] not in ((outputs,), output_shape):
        raise ValueError(
            f"{name} must be class numbers of shape ({samples},) or targets of shape "
            f"({samples}, {outputs}), got shape {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold numbers, got {array.dtype}")
    return np.ascontiguousarray(array.reshape(samples, outputs), np.float64)


def _array(value: ArrayLike, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of unequal lengths
        raise ValueError(f"{name} cannot be read as an array: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be an array of numbers, got {array.dtype}")
    return array


def _check_values(samples: Samples, output_shape: Shape, *, prefix: str) -> None:
    """Refuse the values that the core refuses, in its words."""
    for name, array in zip(("x", "y"), samples, strict=True):
        if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
            sample = int(np.argmin(finite.reshape(len(finite), -1).all(axis=1)))
            raise ValueError(f"{prefix}{name} holds NaN or infinity in sample {sample}")
    labels, outputs = samples.y, math.prod(output_shape)
    if labels.ndim == 1 and not (valid := (labels >= 0) & (labels < outputs)).all():
        sample = int(np.argmin(valid))
        raise ValueError(
            f"{prefix}y holds label {labels[sample]} in sample {sample}, expected 0 to "
            f"{outputs - 1}: the network has {outputs} outputs"
        )
