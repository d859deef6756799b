"""Small data files for the tests of `cnnbp.data`, written from the formats' definitions.

Six training and three test images of 5 by 5, every pixel different from its neighbours, so that a
reader that swaps rows, columns or samples cannot go unseen.
"""

import gzip
import io
import struct
from pathlib import Path

import numpy as np

X_TRAIN = np.arange(6 * 5 * 5, dtype=np.uint8).reshape(6, 5, 5)
Y_TRAIN = np.array([0, 1, 2, 2, 1, 0], dtype=np.uint8)
X_TEST = np.arange(100, 100 + 3 * 5 * 5, dtype=np.uint8).reshape(3, 5, 5)
Y_TEST = np.array([1, 0, 2], dtype=np.uint8)
ARRAYS = {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TEST, "y_test": Y_TEST}

IDX_FILES = {
    "train-images-idx3-ubyte": X_TRAIN,
    "train-labels-idx1-ubyte": Y_TRAIN,
    "t10k-images-idx3-ubyte": X_TEST,
    "t10k-labels-idx1-ubyte": Y_TEST,
}
IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def one_hot(y):
    return np.eye(3, dtype=np.uint8)[y]


def idx_header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def idx(array):
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    return idx_header(IDX_CODES[array.dtype.str[1:]], *array.shape) + big_endian.tobytes()


def write_idx_folder(folder: Path, **replaced: bytes | None) -> Path:
    """Write the four files; a keyword such as ``t10k_labels`` gives other content, None no file."""
    for name, array in IDX_FILES.items():
        content = replaced.get("_".join(name.split("-")[:2]), idx(array))
        if content is not None:
            (folder / name).write_bytes(content)
    return folder


def npz(compressed=False, **arrays):
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def mat_element(kind, data, order="<"):
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def mat_matrix(name, array, *, order="<", matlab_class=9, stored=2, shape=None, imaginary=b""):
    """A numeric matrix: class and element type as in "MAT-File Format" (9 and 2: uint8)."""
    lengths = array.shape if shape is None else shape
    values = array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")
    content = (
        mat_element(6, struct.pack(f"{order}II", matlab_class, 0), order)
        + mat_element(5, struct.pack(f"{order}{len(lengths)}i", *lengths), order)
        + mat_element(1, name.encode(), order)
        + mat_element(stored, values, order)
        + imaginary
    )
    return mat_element(14, content, order)


def mat(*elements, order="<", text=b"MATLAB 5.0 MAT-file, written by hand"):
    version = struct.pack(f"{order}H", 0x0100) + {"<": b"IM", ">": b"MI"}[order]
    return text.ljust(116) + bytes(8) + version + b"".join(elements)


def toolbox_mat(**options):
    """A whole file of the toolbox's form: rows of pixels, rows of one-hot targets."""
    arrays = {
        "train_x": X_TRAIN.reshape(6, 25),
        "train_y": one_hot(Y_TRAIN),
        "test_x": X_TEST.reshape(3, 25),
        "test_y": one_hot(Y_TEST),
    }
    order = options.get("order", "<")
    return mat(*(mat_matrix(name, a, **options) for name, a in arrays.items()), order=order)


def gz(content):
    return gzip.compress(content, mtime=0)


def assert_is_the_small_data_set(data):
    """What every format must give back, whatever shape and type the file used."""
    for got, expected in ((data.x_train, X_TRAIN), (data.x_test, X_TEST)):
        assert got.dtype == np.uint8
        assert got.flags.c_contiguous
        np.testing.assert_array_equal(got, expected[:, np.newaxis])
    for got, expected in ((data.y_train, Y_TRAIN), (data.y_test, Y_TEST)):
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, expected)
    assert data.classes == 3
