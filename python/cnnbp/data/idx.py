"""IDX, the format of the MNIST files.

Two zero bytes, a type code, the number of dimensions, each dimension as a big-endian uint32, then
the values in C order, big-endian. Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database",
section "The IDX file format".
"""

import gzip
import math
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnbp.data.dataset import Dataset
from cnnbp.data.files import Stream, as_file, as_path, read_exactly

GZIP_MAGIC = b"\x1f\x8b"
DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
#: As many as every NumPy can hold.
MAX_DIMENSIONS = 32


def read_idx(path: str | PathLike[str]) -> NDArray[Any]:
    """Read one IDX file, plain or gzip-compressed (told by its content, not by its name).

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ndarray
        In the file's shape, and in its dtype (uint8, int8, int16, int32, float32 or float64).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an IDX file, or holds fewer or more values than its header says, or none.
    TypeError
        If `path` is not a path.
    """
    path = as_file(path)
    with path.open("rb") as file:
        compressed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        if not compressed:
            return _read_array(file, str(path))
        try:
            with gzip.GzipFile(fileobj=file) as stream:
                return _read_array(stream, str(path))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip data ({error}); get the file again") from error


def load_idx_folder(folder: str | PathLike[str]) -> Dataset:
    """Read a folder with the four files of MNIST, under their usual names.

    The names are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
    ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, with ``-idx`` or ``.idx``, plain or
    with ``.gz``. Without the two ``t10k`` files there is no test part.

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message says which names were looked for.
    ValueError
        If a file is damaged, or does not fit the others.
    """
    folder = as_path(folder)
    with_test = any(_find(folder, part) for part in ("t10k-images", "t10k-labels"))
    x_train, y_train = _read_pair(folder, "train")
    x_test, y_test = _read_pair(folder, "t10k") if with_test else (None, None)
    return Dataset.from_arrays(
        x_train, y_train, x_test, y_test, name=folder.resolve().name, source=str(folder)
    )


def _read_array(stream: Stream, what: str) -> NDArray[Any]:
    dtype, shape = _read_header(stream, what)
    content = read_exactly(stream, dtype.itemsize * math.prod(shape), what)
    array: NDArray[Any] = np.ndarray(shape, dtype, buffer=content)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(stream: Stream, what: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise ValueError(
            f"{what}: not an IDX file: it starts with {magic.hex(' ')}, "
            "expected 00 00, a type code and the number of dimensions"
        )
    code, dimensions = magic[2:]
    if code not in DTYPES:
        known = ", ".join(f"{code:#04x}" for code in DTYPES)
        raise ValueError(f"{what}: unknown IDX type code {code:#04x}; expected one of {known}")
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ValueError(f"{what}: {dimensions} dimensions; expected 1 to {MAX_DIMENSIONS}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError(f"{what}: truncated within the header's {dimensions} dimensions")
    shape = struct.unpack(f">{dimensions}I", sizes)
    if 0 in shape:
        raise ValueError(f"{what}: holds no data: its header says {shape}")
    return np.dtype(DTYPES[code]), shape


def _read_pair(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the images and labels of one part, ``train`` or ``t10k``."""
    arrays = []
    for kind, dimensions in (("images", 3), ("labels", 1)):
        path = _find(folder, f"{part}-{kind}")
        if path is None:
            names = ", ".join(_spellings(f"{part}-{kind}"))
            raise FileNotFoundError(f"{folder}: no {part} {kind}; looked for {names}")
        array = read_idx(path)
        if array.ndim != dimensions or array.dtype != np.uint8:
            raise ValueError(
                f"{path}: holds {array.dtype} of shape {array.shape}; expected {dimensions}-D "
                f"uint8 {kind} (are the images and the labels swapped?)"
            )
        arrays.append(array)
    images, labels = arrays
    if len(images) != len(labels):
        raise ValueError(
            f"{folder}: {len(images)} {part} images but {len(labels)} {part} labels; "
            "expected one label for each image"
        )
    return images, labels


def _find(folder: Path, part_and_kind: str) -> Path | None:
    paths = (folder / name for name in _spellings(part_and_kind))
    return next((path for path in paths if path.exists()), None)


def _spellings(part_and_kind: str) -> list[str]:
    dimensions = 3 if part_and_kind.endswith("images") else 1
    stems = [f"{part_and_kind}{separator}idx{dimensions}-ubyte" for separator in "-."]
    return [f"{stem}{suffix}" for stem in stems for suffix in ("", ".gz")]
