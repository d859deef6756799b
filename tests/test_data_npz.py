"""``.npz`` files: Keras' four arrays, or the short names."""

import doctest
import io
import zipfile

import numpy as np
import pytest

import cnnbp
from cnnbp import data
from cnnbp.data.npz import load_npz_images
from cnnbp.layers import Linear
from data_files import (
    ARRAYS,
    X_TEST,
    X_TRAIN,
    Y_TEST,
    Y_TRAIN,
    assert_is_the_small_data_set,
    npz,
    one_hot,
)


def load(tmp_path, content):
    path = tmp_path / "data.npz"
    path.write_bytes(content)
    return data.load(path)


def refuse(tmp_path, content, message):
    with pytest.raises(ValueError, match=message) as refused:
        load(tmp_path, content)
    assert "data.npz" in str(refused.value)


def with_header(header: str, values: bytes = b"") -> bytes:
    """An archive whose x_train has the given header, in Python's notation, and data."""
    padded = header.encode().ljust(117) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + values
    stream = io.BytesIO(npz(y_train=Y_TRAIN))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("x_train.npy", member)
    return stream.getvalue()


class Trap:
    """Calls `print` when it is unpickled."""

    def __reduce__(self):
        return print, ("unpickled",)


@pytest.mark.parametrize("compressed", [False, True])
def test_the_arrays_of_keras_are_read(tmp_path, compressed):
    loaded = load(tmp_path, npz(compressed, **ARRAYS))
    assert_is_the_small_data_set(loaded)
    assert loaded.name == "data"


def test_the_short_names_are_read(tmp_path):
    assert_is_the_small_data_set(
        load(tmp_path, npz(x=X_TRAIN, y=Y_TRAIN, x_test=X_TEST, y_test=Y_TEST))
    )


def test_without_test_arrays_there_is_no_test_part(tmp_path):
    loaded = load(tmp_path, npz(x=X_TRAIN, y=Y_TRAIN))
    assert loaded.x_test is None
    assert loaded.y_test is None


def test_the_example_of_load_goes_with_a_file_without_a_test_part(tmp_path, monkeypatch):
    (tmp_path / "mnist.npz").write_bytes(npz(x=X_TRAIN, y=Y_TRAIN))
    monkeypatch.chdir(tmp_path)
    names = {"cnnbp": cnnbp, "net": cnnbp.Network([Linear(3)], input_shape=(1, 5, 5))}
    for example in doctest.DocTestParser().get_examples(data.load.__doc__):
        exec(example.source, names)
    assert names["net"].history.epochs[0].val_loss is not None


def test_images_alone_are_those_to_test_on_or_else_all(tmp_path):
    """Labels are not read: damaged ones do no harm."""
    path = tmp_path / "data.npz"
    for arrays, expected, images in (
        (ARRAYS | {"y_test": np.zeros(3)}, "x_test", X_TEST),
        ({"x_train": X_TRAIN, "y_train": np.array(["no", "numbers"])}, "x_train", X_TRAIN),
        ({"x": X_TRAIN}, "x", X_TRAIN),
    ):
        path.write_bytes(npz(**arrays))
        name, read = load_npz_images(path)
        assert name == expected
        np.testing.assert_array_equal(read[:, 0], images)
    path.write_bytes(npz(images=X_TRAIN))
    with pytest.raises(ValueError, match=r"holds the arrays \['images'\]; expected images"):
        load_npz_images(path)
    path.write_bytes(npz(x=X_TRAIN.astype("i4")))
    with pytest.raises(ValueError, match="x has dtype int32; expected uint8"):
        load_npz_images(path)


def test_byte_order_memory_order_and_one_hot_rows_do_not_matter(tmp_path):
    big_endian = np.asfortranarray(X_TRAIN.astype(">f4"))
    loaded = load(tmp_path, npz(x=big_endian, y=one_hot(Y_TRAIN).astype(float)))
    assert loaded.x_train.dtype == np.float32
    assert loaded.x_train.flags.c_contiguous
    np.testing.assert_array_equal(loaded.x_train[:, 0], X_TRAIN)
    np.testing.assert_array_equal(loaded.y_train, Y_TRAIN)
    assert loaded.classes == 3


@pytest.mark.filterwarnings("error")
def test_arrays_of_other_names_are_not_even_looked_at(tmp_path, capsys):
    trap = np.array([Trap()], dtype=object)
    assert_is_the_small_data_set(load(tmp_path, npz(**ARRAYS, history=trap)))
    assert capsys.readouterr().out == ""


def test_pickled_objects_are_refused_and_never_unpickled(tmp_path, capsys):
    trap = np.array([Trap()] * 6, dtype=object)
    refuse(tmp_path, npz(x=trap, y=Y_TRAIN), r"x: holds Python objects \(pickled\)")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": X_TRAIN}, r"holds the arrays \['images'\]; expected x_train, y_train"),
        ({"x_train": X_TRAIN}, "expected x_train, y_train"),
        ({"x_train": X_TRAIN, "y": Y_TRAIN}, "expected x_train, y_train"),
        ({"x": X_TRAIN, "y": Y_TRAIN, "x_test": X_TEST}, "with or without a test part"),
        ({"x": X_TRAIN.astype("U3"), "y": Y_TRAIN}, "x: holds dtype <U3; expected plain numbers"),
        ({"x": X_TRAIN.astype(complex), "y": Y_TRAIN}, "x: holds dtype complex128"),
        ({"x": X_TRAIN.astype("i4"), "y": Y_TRAIN}, "x_train has dtype int32; expected uint8"),
        ({"x": X_TRAIN.astype("f2"), "y": Y_TRAIN}, "x_train has dtype float16; expected uint8"),
        ({"x": X_TRAIN[:0], "y": Y_TRAIN[:0]}, "x: its header has no shape"),
        ({"x": X_TRAIN, "y": Y_TRAIN[:5]}, r"y_train has shape \(5,\).*for each image of .*6, 1"),
        ({"x": np.where(X_TRAIN == 60, np.nan, 0), "y": Y_TRAIN}, "NaN or infinity, .* image 2"),
    ],
)
def test_arrays_that_are_missing_or_unfit_are_refused(tmp_path, arrays, message):
    refuse(tmp_path, npz(**arrays), message)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 5, 6)}",
            r"header says uint8 of shape \(6, 5, 6\), but the archive holds 150 bytes",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 5, 4)}",
            "the archive holds 150 bytes",
        ),
        (
            f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({2**62}, 4, 4)}}",
            "the archive holds 150 bytes",  # the product is 0 in 64 bits
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-6, -5, 5)}",
            "no shape of 0 to 4 dimensions",
        ),
        (
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 6, 5, 5)}",
            "no shape of 0 to 4 dimensions",
        ),
        (
            f"{{'descr': '|u1', 'fortran_order': False, 'shape': (0x{'f' * 5000},)}}",
            "no shape of 0 to 4 dimensions",
        ),
        ("{'descr': '|u1', 'shape': (6, 5, 5)}", "not a sound .npy header"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (6,)}", "Python objects"),
        ("print('evaluated')", "not a sound .npy header"),
        ("(" * 5000, "not a sound .npy header"),
    ],
)
def test_a_header_that_lies_is_refused(tmp_path, header, message):
    refuse(tmp_path, with_header(header, X_TRAIN.tobytes()), message)


def test_only_the_compression_that_numpy_writes_is_accepted(tmp_path):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in ARRAYS.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.save(member, array)
    refuse(tmp_path, stream.getvalue(), "stored as numpy.savez does it")


def test_what_is_no_archive_is_refused(tmp_path):
    refuse(tmp_path, b"", "the file is empty")
    refuse(tmp_path, b"PK\x03\x04 and no more", "not a sound .npz archive")
    refuse(tmp_path, bytes(1000), "not a sound .npz archive")
