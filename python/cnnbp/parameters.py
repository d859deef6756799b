"""A network's named arrays, read as strictly as ``torch.nn.Module.load_state_dict``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.arguments import read_array

if TYPE_CHECKING:
    from cnnbp._core import Float


def read_parameters(
    given: Mapping[str, ArrayLike], expected: Mapping[str, Float]
) -> dict[str, Float]:
    """Read arrays with the names, the shapes and the type of those expected.

    Raises
    ------
    TypeError
        If `given` is no mapping or an array does not hold real numbers.
    ValueError
        If names are missing or unknown, shapes differ, or finite numbers are too large for the
        type; the message lists all of them. NaN and infinity are taken as they are given.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"a state is a mapping from names to arrays, got {type(given).__name__}")
    arrays = {
        name: _array(value, name)
        for name, value in given.items()
        if not _counts_batches(name, expected)
    }
    faults = [f"missing: {name}" for name in expected if name not in arrays]
    faults += [f"unexpected: {name}" for name in arrays if name not in expected]
    faults += [
        f"{name}: shape {arrays[name].shape}, expected {array.shape}"
        for name, array in expected.items()
        if name in arrays and arrays[name].shape != array.shape
    ]
    _refuse(faults)
    read = {name: _as_type(arrays[name], array.dtype) for name, array in expected.items()}
    _refuse([text for name in read if (text := _overflow(arrays[name], read[name], name))])
    return {name: read[name] for name in arrays}


def _counts_batches(name: object, expected: Mapping[str, Float]) -> bool:
    """Whether it is the count that torch's BatchNorm2d keeps and seldom reads, and ours has not."""
    place, _, part = str(name).rpartition(".")
    return part == "num_batches_tracked" and f"{place}.running_mean" in expected


def _refuse(faults: list[str]) -> None:
    if faults:
        raise ValueError("the state does not fit the network\n  " + "\n  ".join(faults))


def _as_type(array: NDArray[Any], dtype: np.dtype[Any]) -> Float:
    with np.errstate(over="ignore"):  # `_overflow` names the parameter
        return np.ascontiguousarray(array, dtype)


def _overflow(given: NDArray[Any], read: Float, name: str) -> str | None:
    """Name the first number that is finite as given and not as read, if there is one."""
    if given.dtype == read.dtype:
        return None
    places = np.argwhere(np.isfinite(given) & ~np.isfinite(read))
    if not len(places):
        return None
    place = tuple(map(int, places[0]))
    largest = np.finfo(read.dtype).max
    return f"{name}: {given[place]:g} at {place}, but {read.dtype} ends at {largest:g}"


def _array(value: ArrayLike, name: str) -> NDArray[Any]:
    array = read_array(value, name)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must hold real numbers, got {array.dtype}")
    return array
