"""Sizes, pairs, paddings, names, paths and arrays, read as callers may spell them.

Every reader returns the one form that the rest takes. A wrong type is a `TypeError`, a wrong value
a `ValueError`; both name the argument, what was given and what was expected.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

Pair: TypeAlias = tuple[int, int]
#: What a caller may pass for height and width: one number for both, or ``(height, width)``.
Size: TypeAlias = int | Sequence[int]
#: Rows and columns added: ``((top, bottom), (left, right))``.
Sides: TypeAlias = tuple[Pair, Pair]
#: The same, or ``"same"``.
Padding: TypeAlias = Sides | Literal["same"]
#: What a caller may pass as padding.
PaddingLike: TypeAlias = Size | Sequence[Size] | str
#: How a convolution is computed.
Algorithm: TypeAlias = Literal["auto", "direct", "winograd"]

LARGEST = 2**31 - 1


def read_integer(value: object, name: str, *, minimum: int = 1, maximum: int = LARGEST) -> int:
    """Read an int within ``[minimum, maximum]``; NumPy's integers count, bools do not."""
    number = _index(value)
    if number is None:
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
    if number > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {value!r}")
    return number


def read_pair(value: object, name: str, *, minimum: int = 1) -> Pair:
    """Read one number for both, or ``(height, width)``."""
    if _index(value) is not None:
        number = read_integer(value, name, minimum=minimum)
        return number, number
    items = items_of(value)
    if items is None or any(_index(item) is None for item in items):
        raise TypeError(f"{name} must be an integer or a pair (height, width), got {value!r}")
    if len(items) != 2:
        raise ValueError(f"{name} must have two numbers (height, width), got {value!r}")
    height, width = (read_integer(item, name, minimum=minimum) for item in items)
    return height, width


def read_padding(value: object, name: str, *, stride: Pair) -> Padding:
    """Read a number, ``(h, w)``, ``((top, bottom), (left, right))``, "same" or "valid"."""
    if isinstance(value, str):
        if value == "same" and stride != (1, 1):
            raise ValueError(
                f'{name} "same" keeps the size at stride 1 only, got stride {stride}; '
                "give the padding as numbers"
            )
        return "same" if read_choice(value, name, ("same", "valid")) == "same" else ((0, 0), (0, 0))
    return _read_sides(value, name, expected=f'{_SIDES}, "same" or "valid"')


def read_sides(value: object, name: str) -> Sides:
    """Read a number, ``(h, w)`` or ``((top, bottom), (left, right))``."""
    return _read_sides(value, name, expected=_SIDES)


def flat_padding(padding: Padding) -> tuple[int, int, int, int] | Literal["same"]:
    """Return a padding in the core's form, ``(top, bottom, left, right)`` or "same"."""
    if isinstance(padding, str):
        return padding
    (top, bottom), (left, right) = padding
    return top, bottom, left, right


def items_of(value: object) -> list[object] | None:
    """Return what is in a list or the like, or None.

    A mapping would give its keys, a set has no order, text is no list of characters, and NumPy's
    arrays without an axis only claim that they can be iterated over.
    """
    if isinstance(value, str | bytes | Mapping | Set):
        return None
    try:
        return list(cast("Iterable[object]", value))
    except TypeError:
        return None


def read_number(value: object, name: str) -> float:
    """Read a finite float; NumPy's numbers count, bools do not."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = math.nan if isinstance(value, np.complexfloating) else float(value)
    except OverflowError:
        # Python may refuse to write so many digits.
        given = f"an integer of {int(value).bit_length()} bits, which no float holds"
        raise ValueError(f"{name} must be a finite real number, got {given}") from None
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite real number, got {value!r}")
    return number


def read_amount(value: object, name: str) -> float:
    """Read a finite float that is at least 0."""
    number = read_number(value, name)
    if number < 0:
        raise ValueError(f"{name} must be at least 0, got {number}")
    return number


def read_positive(value: object, name: str) -> float:
    """Read a finite float above 0."""
    number = read_number(value, name)
    if number <= 0:
        raise ValueError(f"{name} must be above 0, got {number}")
    return number


def read_share(value: object, name: str) -> float:
    """Read a float that is at least 0 and below 1."""
    number = read_number(value, name)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must be at least 0 and below 1, got {number}")
    return number


def read_flag(value: object, name: str) -> bool:
    """Read True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def is_true(value: object) -> bool:
    """Whether a callback answered True, Python's or NumPy's; what else it returns means nothing."""
    return isinstance(value, bool | np.bool_) and bool(value)


def read_choice(value: object, name: str, allowed: Iterable[str]) -> str:
    """Read one of the names in `allowed`."""
    names = tuple(allowed)
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {_listed(names)}, got {value!r}")
    if value not in names:
        raise ValueError(f"{name} must be one of {_listed(names)}, got {value!r}")
    return value


def read_algorithm(value: object, name: str) -> Algorithm:
    """Read how a convolution is computed."""
    return cast(Algorithm, read_choice(value, name, get_args(Algorithm)))


def read_path(value: object, name: str) -> Path:
    """Read a str or a path, which need not exist; ``~`` is the home folder."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be a str or a Path, got {type(value).__name__}")
    return Path(os.path.expanduser(value))


def read_array(value: object, name: str, hint: str = "") -> NDArray[Any]:
    """Read an array of any type; the error for what is none, as a generator, ends with `hint`."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of unequal lengths
        raise ValueError(f"{name} cannot be read as an array: {error}") from None
    except (RuntimeError, TypeError) as error:  # torch's tensors tell what to do: detach() and such
        raise TypeError(f"{name} cannot be read as an array: {error}") from error
    if array.ndim == 0 and array.dtype.kind not in "fiubc" and array is not value:
        given = "None" if value is None else type(value).__name__
        raise TypeError(f"{name} must be an array of numbers, got {given}{hint}")
    return array


_SIDES = "an integer, a pair (h, w), ((top, bottom), (left, right))"


def _read_sides(value: object, name: str, *, expected: str) -> Sides:
    if _index(value) is not None:
        height, width = read_pair(value, name, minimum=0)
        return (height, height), (width, width)
    items = items_of(value)
    if items is None:
        raise TypeError(f"{name} must be {expected}, got {value!r}")
    if len(items) != 2:
        raise ValueError(f"{name} must be (h, w) or ((top, bottom), (left, right)), got {value!r}")
    rows, columns = (read_pair(item, name, minimum=0) for item in items)
    return rows, columns


def _index(value: object) -> int | None:
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
