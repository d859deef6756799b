"""Variables of MATLAB files: numbers, text, cells and structs.

The kinds of element that the toolbox's files have are read here, because SciPy believes what a file
says and a damaged one ends the whole process. Source: MathWorks, "MAT-File Format", level 5.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: An array of numbers, a text, cells, or the fields of one struct; None is anything else.
Value: TypeAlias = "NDArray[Any] | str | list[Value] | dict[str, Value] | None"

HEADER = b"MATLAB 5.0 MAT-file"
HEADER_SIZE = 128
BYTE_ORDERS = {b"IM": "<", b"MI": ">"}
#: Element types that are no numbers.
MATRIX, COMPRESSED = 14, 15
#: Element types of numbers, as they are stored.
STORED = dict(enumerate(("i1", "u1", "i2", "u2", "i4", "u4", "f4"), start=1))
STORED |= {9: "f8", 12: "i8", 13: "u8"}
#: Classes of numeric matrices, as MATLAB shows them; a file may store their values in less.
CLASSES = dict(enumerate(("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"), start=6))
CELLS, STRUCT, TEXT = 1, 2, 4
READERS = {CELLS, STRUCT, TEXT, *CLASSES}
#: Element types of text → how it is encoded.
ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16-", 16: "utf-8", 17: "utf-16-", 18: "utf-32-"}
#: Deeper nesting is damage: a net has four levels.
MOST_LEVELS = 32


def read_variables(path: Path, names: Collection[str] | None = None) -> dict[str, Value]:
    """Read the variables of a file.

    Parameters
    ----------
    path : Path
        A file of version 5 to 7, as MATLAB, Octave and SciPy write it.
    names : collection of str, optional
        What to read, as far as it is there; everything when left out.

    Raises
    ------
    ValueError
        If the file is damaged, or of another format.
    """
    try:
        stored = _variables(path.read_bytes())
        return {name: _read_value(matrix) for name, matrix in stored if not names or name in names}
    except (ValueError, zlib.error) as error:
        raise ValueError(f"{path}: not a sound MATLAB file: {error}") from error


@dataclass(frozen=True)
class _Matrix:
    """An element that holds an array: its kind, its shape, and what follows them."""

    name: str
    kind: int
    shape: tuple[int, ...]
    content: memoryview
    order: str


def _variables(content: bytes) -> Iterator[tuple[str, _Matrix]]:
    """Yield the name and the array of every variable."""
    if not content.startswith(HEADER):
        start = content[: len(HEADER)]
        raise ValueError(
            f"it starts with {start!r}, expected {HEADER!r} (save it again with save -v7)"
        )
    order = BYTE_ORDERS.get(content[HEADER_SIZE - 2 : HEADER_SIZE])
    if order is None:
        raise ValueError("its header does not end in a byte order, IM or MI")
    rest = memoryview(content)[HEADER_SIZE:]
    while rest:
        kind, data, rest = _next_element(rest, order)
        if kind == COMPRESSED:
            kind, data, _ = _next_element(_decompress(data, order), order)
        if kind == MATRIX:
            matrix = _open_matrix(data, order)
            yield matrix.name, matrix


def _next_element(view: memoryview, order: str) -> tuple[int, memoryview, memoryview]:
    """Split off the first element: its type, its data, and what follows it."""
    if len(view) < 8:
        raise ValueError(f"truncated: {len(view)} bytes are left where an element begins")
    kind, size = struct.unpack_from(f"{order}II", view)
    if kind >> 16:  # an element of up to four bytes keeps them within its tag
        return kind & 0xFFFF, view[4 : 4 + min(kind >> 16, 4)], view[8:]
    end = 8 + size
    if end > len(view):
        raise ValueError(f"truncated: an element of {size} bytes where {len(view) - 8} are left")
    padding = 0 if kind == COMPRESSED else -end % 8
    return kind, view[8:end], view[end + padding :]


def _decompress(data: memoryview, order: str) -> memoryview:
    """Decompress one element, as far as its own tag says and no further."""
    stream = zlib.decompressobj()
    tag = stream.decompress(data, 8)
    if len(tag) < 8:
        raise ValueError("truncated: compressed data without an element")
    padded_size = struct.unpack_from(f"{order}I", tag, 4)[0] + 8
    content = tag + stream.decompress(stream.unconsumed_tail, padded_size)
    if not stream.eof:
        raise ValueError("compressed data that is truncated, or longer than its own element")
    return memoryview(content)


def _open_matrix(view: memoryview, order: str, name: str = "") -> _Matrix:
    """Read the head of an array; one of no bytes is empty."""
    if not view:
        return _Matrix(name, 6, (0, 0), view, order)
    _, flags, view = _next_element(view, order)
    if len(flags) != 8:
        raise ValueError(f"{len(flags)} bytes of flags where a matrix begins, expected 8")
    kind = flags[0 if order == "<" else 3]
    _, lengths, view = _next_element(view, order)
    _, own_name, view = _next_element(view, order)
    name = name or bytes(own_name).decode("ascii", "replace")
    if len(lengths) % 4:
        raise ValueError(f"{name} has a shape of {len(lengths)} bytes")
    shape = tuple(np.frombuffer(lengths, f"{order}i4").tolist())
    if kind in READERS and (not 2 <= len(shape) <= 32 or min(shape) < 0):
        raise ValueError(f"{name} has the impossible shape {shape}")
    return _Matrix(name, kind, shape, view, order)


def _read_value(matrix: _Matrix, level: int = 0) -> Value:
    if level > MOST_LEVELS:
        raise ValueError(f"{matrix.name} is nested more than {MOST_LEVELS} levels deep")
    if matrix.kind in CLASSES:
        return _read_numbers(matrix)
    if matrix.kind == TEXT:
        return _read_text(matrix)
    if matrix.kind == CELLS:
        count = math.prod(matrix.shape)
        if 8 * count > len(matrix.content):
            raise ValueError(f"{matrix.name} has {len(matrix.content)} bytes for {count} cells")
        return list(_read_parts(matrix, matrix.content, ["cell"] * count, level))
    return _read_struct(matrix, level) if matrix.kind == STRUCT else None


def _read_struct(matrix: _Matrix, level: int) -> dict[str, Value]:
    _, length, view = _next_element(matrix.content, matrix.order)
    _, text, view = _next_element(view, matrix.order)
    size = struct.unpack(f"{matrix.order}i", length)[0] if len(length) == 4 else 0
    if size < 1 or len(text) % size or math.prod(matrix.shape) != 1:
        raise ValueError(
            f"{matrix.name} has shape {matrix.shape} and {len(text)} letters of field names of "
            f"{size} each, expected one struct"
        )
    names = [bytes(text[at : at + size]).split(b"\0")[0] for at in range(0, len(text), size)]
    fields = [name.decode("ascii", "replace") for name in names]
    return dict(zip(fields, _read_parts(matrix, view, fields, level), strict=True))


def _read_parts(matrix: _Matrix, view: memoryview, names: list[str], level: int) -> Iterator[Value]:
    for name in names:
        kind, data, view = _next_element(view, matrix.order)
        if kind != MATRIX:
            raise ValueError(f"{matrix.name} has an element of type {kind} as its {name}")
        yield _read_value(_open_matrix(data, matrix.order, name), level + 1)


def _read_text(matrix: _Matrix) -> str:
    kind, letters, _ = _next_element(matrix.content, matrix.order)
    encoding = ENCODINGS.get(kind)
    if encoding is None:
        raise ValueError(f"{matrix.name} is a text stored as elements of type {kind}")
    if encoding.endswith("-"):
        encoding += "le" if matrix.order == "<" else "be"
    return bytes(letters).decode(encoding, "replace")


def _read_numbers(matrix: _Matrix) -> NDArray[Any]:
    what, shape, order = matrix.name, matrix.shape, matrix.order
    if not matrix.content and math.prod(shape) == 0:
        return np.zeros(shape, CLASSES[matrix.kind])
    kind, values, rest = _next_element(matrix.content, order)
    if rest:
        raise ValueError(f"{what} has {len(rest)} bytes after its values (is it complex?)")
    if kind not in STORED:
        raise ValueError(f"{what} is stored as elements of type {kind}, which are no numbers")
    dtype = np.dtype(f"{order}{STORED[kind]}")
    if not np.can_cast(dtype, CLASSES[matrix.kind], "same_kind"):
        raise ValueError(f"{what} is of class {CLASSES[matrix.kind]} but is stored as {dtype}")
    if math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{what} has shape {shape} but {len(values)} bytes of {dtype}")
    with np.errstate(over="ignore"):  # infinity is refused later, by the data set
        return np.ndarray(shape, dtype, buffer=values, order="F").astype(CLASSES[matrix.kind])
