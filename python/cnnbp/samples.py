"""Samples and targets, read as callers may pass them.

Checked here: types, ranks and shapes. Checked by the core, which reads every value anyway: NaN,
infinity and class numbers out of range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.arguments import read_array
from cnnbp.training import Samples

if TYPE_CHECKING:
    from cnnbp._core import Images

Shape = tuple[int, ...]
#: What each sample weighs, ``(N,)``; 1 each when None.
Weights: TypeAlias = ArrayLike | None


def read_samples(
    x: ArrayLike, y: ArrayLike, sample_weight: Weights, input_shape: Shape, output_shape: Shape
) -> Samples:
    """Images, targets and weights that belong together."""
    images = read_images(x, input_shape)
    targets = _read_targets(y, len(images), output_shape)
    weights = None if sample_weight is None else _read_weights(sample_weight, len(images))
    return Samples(images, targets, weights)


def read_validation(
    data: Sequence[ArrayLike] | None, read: Callable[..., Samples], check: Callable[..., None]
) -> Samples | None:
    """Images and targets to evaluate after training, if any, with every value checked before it."""
    if data is None:
        return None
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise TypeError(
            "validation_data must be a pair (x, y) or (x, y, sample_weight), got "
            f"{_kind(data)}{_parts_hint(data, 'test')}"
        )
    if data[0] is None:
        raise TypeError(
            "validation_data has None for x: the data have no test part; Dataset.split makes one"
        )
    try:
        samples = read(*data)
        check(*samples)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None
    return samples


def read_images(x: ArrayLike, input_shape: Shape) -> Images:
    """Images as a C-contiguous array ``(N, C, H, W)`` of uint8, float32 or float64.

    The core scales uint8 from 0..255 to 0..1 and takes floats as they are. Images of one channel
    may come as ``(N, H, W)``; float16 is widened to float32. An array in the right form is passed
    on without a copy.
    """
    array = _array(x, "x")
    if array.dtype.type not in (np.uint8, np.float16, np.float32, np.float64):
        raise TypeError(
            f"x must be uint8, float32 or float64, got {array.dtype}; "
            f"convert with x.astype(np.float32), scaled to about 0 to 1"
        )
    channels, height, width = input_shape
    if channels == 1 and array.shape[1:] == (height, width):
        array = array[:, np.newaxis]
    if array.ndim != 4 or array.shape[1:] != input_shape:
        expected = f"(N, {channels}, {height}, {width})"
        if channels == 1:
            expected += f" or (N, {height}, {width})"
        hint = _layout_hint(array.shape, input_shape)
        raise ValueError(f"x must have shape {expected}, got {array.shape}{hint}")
    if len(array) == 0:
        raise ValueError(f"x holds no samples, its shape is {array.shape}")
    dtype = np.float32 if array.dtype.type is np.float16 else array.dtype.type
    return np.ascontiguousarray(array, dtype)


def _layout_hint(given: Shape, input_shape: Shape) -> str:
    channels, *size = input_shape
    if given == input_shape:
        return "; add the batch axis with x[None]"
    if given[1:] == (*size, channels):
        return "; put the channels before rows and columns with x.transpose(0, 3, 1, 2)"
    return ""


def _read_targets(y: ArrayLike, samples: int, output_shape: Shape) -> NDArray[Any]:
    """Class numbers as int64 ``(N,)``, or targets as float64 ``(N, K)``.

    ``K`` is the number of the network's outputs. Class numbers of at most two outputs may be bools.
    Targets may be integers or bools (one-hot); they may also have the shape of the outputs,
    ``(N, *output_shape)``, and those of one map, like images of one channel, ``(N, H, W)``.
    """
    array = _array(y, "y")
    outputs = math.prod(output_shape)
    if array.ndim == 0 or len(array) != samples:
        raise ValueError(
            f"y must have one entry per image: there are {samples} images, y has "
            f"shape {array.shape}"
        )
    if array.ndim == 1:
        if array.dtype.kind not in ("iub" if outputs <= 2 else "iu"):
            raise TypeError(
                f"y of shape {array.shape} must hold class numbers as integers, got {array.dtype}; "
                f"targets have shape ({samples}, {outputs}){_conversion(array, outputs)}"
            )
        return _as_class_numbers(array)
    one_map = output_shape[1:] if len(output_shape) == 3 and output_shape[0] == 1 else output_shape
    if array.shape[1:] not in ((outputs,), output_shape, one_map):
        raise ValueError(
            f"y must be class numbers of shape ({samples},) or targets of shape "
            f"({samples}, {outputs}), got shape {array.shape}"
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(f"y must hold numbers, got {array.dtype}")
    return np.ascontiguousarray(array.reshape(samples, outputs), np.float64)


def _conversion(array: NDArray[Any], outputs: int) -> str:
    """Say what to write for numbers ``(N,)`` that are no integers: as targets, as class numbers."""
    ways = ["y[:, None]"] if outputs == 1 else []
    if (np.isfinite(array) & (array == np.trunc(array))).all():
        ways.append("y.astype(int) if they are class numbers")
    return f": write {', or '.join(ways)}" if ways else ""


def _as_class_numbers(array: NDArray[Any]) -> NDArray[np.int64]:
    """Class numbers as int64; uint64 has larger ones, which would come out negative."""
    if array.dtype.kind == "u":
        largest = np.iinfo(np.int64).max
        if (large := array > largest).any():
            place = int(large.argmax())
            raise ValueError(
                f"y holds label {array[place]} in sample {place}, expected at most {largest}"
            )
    return np.ascontiguousarray(array, np.int64)


def _read_weights(sample_weight: ArrayLike, samples: int) -> NDArray[np.float64]:
    array = _array(sample_weight, "sample_weight")
    if array.shape != (samples,):
        raise ValueError(
            f"sample_weight must have shape ({samples},), one number an image, got {array.shape}"
        )
    return np.ascontiguousarray(array, np.float64)


def _kind(value: object) -> str:
    """Name a value that may be too long to be shown."""
    if isinstance(value, tuple | list):
        return f"{type(value).__name__} of length {len(value)}"
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__}{'' if shape is None else f' of shape {shape}'}"


def _array(value: ArrayLike, name: str) -> NDArray[Any]:
    array = read_array(value, name, _parts_hint(value, "train") or _batches_hint(value))
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be an array of numbers, got {array.dtype}")
    return array


def _parts_hint(value: object, part: str) -> str:
    """Say what to give of a `cnnbp.data.Dataset`, or of what has the same arrays."""
    return f"; give its x_{part} and y_{part}" if hasattr(value, f"x_{part}") else ""


def _batches_hint(value: object) -> str:
    """Say what to do with a generator, or with what else makes batches as they are asked for."""
    is_loader = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Set)
    return "; give its batches one by one, in training to train_step" if is_loader else ""
