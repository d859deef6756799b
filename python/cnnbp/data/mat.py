"""MATLAB files of the DeepLearnToolbox's form, such as its ``mnist_uint8.mat``.

The few kinds of element that such a file has are read here, because SciPy believes what a file says
and a damaged one ends the whole process. Source: MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnbp.data.dataset import Dataset
from cnnbp.data.files import as_file

NAMES = ("train_x", "train_y", "test_x", "test_y")
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


def load_mat(path: str | PathLike[str]) -> Dataset:
    """Read images and classes from a ``.mat`` file of the DeepLearnToolbox's form.

    Parameters
    ----------
    path : str or Path
        A file saved by MATLAB, Octave or SciPy as version 5 to 7 (``save -v7``) with ``train_x``
        (N, H·W), one square image a row, ``train_y`` (N, classes), one-hot rows or class numbers,
        and perhaps ``test_x`` and ``test_y``. Other variables are not read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or lacks a matrix, or holds one of another form.

    Notes
    -----
    A row of ``train_x`` lists its image from left to right, then from top to bottom; so the digits
    of this data set are upright. The toolbox itself sees them transposed, because
    ``reshape(train_x', 28, 28, N)`` fills columns first. Its view of the same images is
    ``x_train[:, 0].transpose(2, 1, 0) / 255``: rows, columns, samples.
    """
    path = as_file(path)
    try:
        stored = {name: matrix for name, matrix in _matrices(path.read_bytes()) if name in NAMES}
    except (ValueError, zlib.error) as error:
        raise ValueError(f"{path}: not a sound MATLAB file: {error}") from error
    names = [name for name in NAMES if name in stored]
    if names not in (list(NAMES), list(NAMES[:2])):
        raise ValueError(
            f"{path}: holds {names or 'none'} of the numeric matrices {', '.join(NAMES)}; "
            "expected the first two or all four"
        )
    for name in names:
        if stored[name].ndim != 2:
            raise ValueError(
                f"{path}: {name} has shape {stored[name].shape}; "
                "expected a matrix with one image or target a row"
            )
    arrays = [stored[name] for name in names]
    return Dataset.from_arrays(*arrays, name=path.stem, source=str(path))


def _matrices(content: bytes) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the name and the values of every numeric matrix in a file."""
    if not content.startswith(HEADER):
        start = content[: len(HEADER)]
        raise ValueError(f"it starts with {start!r}, expected {HEADER!r} (save it with save -v7)")
    order = BYTE_ORDERS.get(content[HEADER_SIZE - 2 : HEADER_SIZE])
    if order is None:
        raise ValueError("its header does not end in a byte order, IM or MI")
    rest = memoryview(content)[HEADER_SIZE:]
    while rest:
        kind, data, rest = _next_element(rest, order)
        if kind == COMPRESSED:
            kind, data, _ = _next_element(_decompress(data, order), order)
        if kind == MATRIX and (matrix := _read_matrix(data, order)) is not None:
            yield matrix


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


def _read_matrix(view: memoryview, order: str) -> tuple[str, NDArray[Any]] | None:
    """Read the name and the values of a matrix; None if it is not numeric."""
    _, flags, view = _next_element(view, order)
    class_dtype = CLASSES.get(flags[0 if order == "<" else 3]) if len(flags) == 8 else None
    if class_dtype is None:
        return None
    _, lengths, view = _next_element(view, order)
    _, name, view = _next_element(view, order)
    kind, values, rest = _next_element(view, order)
    what = bytes(name).decode("ascii", "replace")
    if rest:
        raise ValueError(f"{what} has {len(rest)} bytes after its values (is it complex?)")
    if kind not in STORED:
        raise ValueError(f"{what} is stored as elements of type {kind}, which are no numbers")
    dtype = np.dtype(f"{order}{STORED[kind]}")
    if not np.can_cast(dtype, class_dtype, "same_kind"):
        raise ValueError(f"{what} is of class {class_dtype} but is stored as {dtype}")
    shape = tuple(np.frombuffer(lengths, f"{order}i4").tolist())
    if not 2 <= len(shape) <= 32 or min(shape) < 0:
        raise ValueError(f"{what} has the impossible shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{what} has shape {shape} but {len(values)} bytes of {dtype}")
    with np.errstate(over="ignore"):  # infinity is refused later, by the data set
        return what, np.ndarray(shape, dtype, buffer=values, order="F").astype(class_dtype)
