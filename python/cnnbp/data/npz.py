"""NumPy's ``.npz``: a zip archive of ``.npy`` arrays.

`numpy.load` allocates what an array's header asks for before it looks at how much there is, so the
header is checked against the archive here. Nothing is ever unpickled.
"""

import math
import zipfile
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from cnnbp.data.conversion import as_images
from cnnbp.data.dataset import Dataset, Images, check_images
from cnnbp.data.files import as_file, read_exactly

#: The training arrays under the names of Keras' ``mnist.npz``, and under the short ones.
TRAIN_NAMES = (("x_train", "y_train"), ("x", "y"))
TEST_NAMES = ("x_test", "y_test")
#: Images alone, those to test on first.
IMAGE_NAMES = ("x_test", "x_train", "x")
#: What zipfile raises on a damaged archive; OSError when an offset points nowhere.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def load_npz(path: str | PathLike[str]) -> Dataset:
    """Read images and classes from an ``.npz`` file.

    Parameters
    ----------
    path : str or Path
        A file with the arrays ``x_train``, ``y_train``, ``x_test``, ``y_test`` (as Keras'
        ``mnist.npz``), or ``x``, ``y`` and perhaps ``x_test``, ``y_test``. Their shapes are those
        of `Dataset.from_arrays`. Other arrays are not read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the archive is damaged, lacks an array, or holds one that is not plain numbers or does
        not match its header.
    """
    path = as_file(path)
    arrays = _read_arrays(path, _choose_names)
    return Dataset.from_arrays(*arrays.values(), name=path.stem, source=str(path))


def load_npz_images(path: str | PathLike[str]) -> tuple[str, Images]:
    """Read images alone from an ``.npz`` file: ``x_test``, else ``x_train``, else ``x``.

    Returns
    -------
    name : str
        What the array is called.
    images : ndarray, shape (N, C, H, W)
        As in `Dataset`.

    Raises
    ------
    FileNotFoundError, ValueError
        As in `load_npz`.
    """
    path = as_file(path)
    ((name, array),) = _read_arrays(path, _choose_images).items()
    what = f"{path}: {name}"
    images = as_images(array, what)
    check_images(what, images)
    return name, images


def _read_arrays(
    path: Path, choose: Callable[[set[str], str], tuple[str, ...]]
) -> dict[str, NDArray[Any]]:
    """Read the arrays that `choose` names among those stored."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                stored = {n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")}
                names = choose(stored, str(path))
                return {n: _read_member(archive, n, f"{path}: {n}") for n in names}
        except DAMAGE as error:
            raise ValueError(f"{path}: not a sound .npz archive: {error!r}") from error


def _choose_names(stored: set[str], what: str) -> tuple[str, ...]:
    """Choose the arrays to read: two, or four with a test part."""
    train = next((names for names in TRAIN_NAMES if stored.issuperset(names)), None)
    test = stored.intersection(TEST_NAMES)
    if train is None or len(test) == 1:
        raise ValueError(
            f"{what}: holds the arrays {sorted(stored)}; "
            "expected x_train, y_train, x_test, y_test, or x, y, with or without a test part"
        )
    return train + TEST_NAMES if test else train


def _choose_images(stored: set[str], what: str) -> tuple[str, ...]:
    """Choose the images to read."""
    name = next((name for name in IMAGE_NAMES if name in stored), None)
    if name is None:
        raise ValueError(
            f"{what}: holds the arrays {sorted(stored)}; expected images called "
            f"{', '.join(IMAGE_NAMES[:-1])} or {IMAGE_NAMES[-1]}"
        )
    return (name,)


def _read_member(archive: zipfile.ZipFile, name: str, what: str) -> NDArray[Any]:
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{what}: expected an array stored as numpy.savez does it")
    with archive.open(member) as stream:
        dtype, shape, order = _read_header(stream, what)
        size = dtype.itemsize * math.prod(shape)
        if size != member.file_size - stream.tell():
            raise ValueError(
                f"{what}: its header says {dtype} of shape {shape}, but the archive holds "
                f"{member.file_size - stream.tell()} bytes of data"
            )
        content = read_exactly(stream, size, what)
    return np.ndarray(shape, dtype, buffer=content, order=order)


def _read_header(stream: IO[bytes], what: str) -> tuple[np.dtype[Any], tuple[int, ...], Any]:
    try:
        # Later versions exist for structured arrays and for headers of gigabytes.
        if (version := npy.read_magic(stream)) != (1, 0):
            raise ValueError(f"version {version} of the .npy format, expected (1, 0)")
        shape, fortran_order, dtype = npy.read_array_header_1_0(stream)
    except DAMAGE:
        raise
    except Exception as error:  # the header is Python source: anything its parser raises
        raise ValueError(f"{what}: not a sound .npy header: {error}") from error
    if dtype.kind not in "buif":
        kind = "Python objects (pickled)" if dtype.hasobject else f"dtype {dtype}"
        raise ValueError(f"{what}: holds {kind}; expected plain numbers")
    if len(shape) > 4 or not all(0 < length < 1 << 63 for length in shape):
        raise ValueError(f"{what}: its header has no shape of 0 to 4 dimensions, each at least 1")
    return dtype, shape, "F" if fortran_order else "C"
