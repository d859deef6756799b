"""IDX files, alone and in a folder as MNIST has them."""

import os
import tracemalloc

import numpy as np
import pytest

from cnnbp import data
from data_files import (
    IDX_CODES,
    IDX_FILES,
    X_TRAIN,
    Y_TRAIN,
    assert_is_the_small_data_set,
    gz,
    idx,
    idx_header,
    write_idx_folder,
)


def test_bytes_written_by_hand_are_read_in_c_order_and_big_endian(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes.fromhex("00000b02 00000002 00000003 0001 0002 0100 ffff 8000 7fff"))
    expected = np.array([[1, 2, 256], [-1, -32768, 32767]], dtype=np.int16)
    got = data.read_idx(path)
    assert got.dtype == expected.dtype  # the machine's byte order, not the file's
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("dtype", IDX_CODES)
@pytest.mark.parametrize("compress", [bytes, gz])
def test_every_type_comes_back_as_written(tmp_path, dtype, compress):
    array = np.arange(-6, 6).astype(dtype).reshape(3, 2, 2)
    path = tmp_path / "file"
    path.write_bytes(compress(idx(array)))
    got = data.read_idx(str(path))
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array)


def test_compression_is_told_by_content_because_browsers_unpack_and_keep_the_name(tmp_path):
    (tmp_path / "plain.gz").write_bytes(idx(X_TRAIN))
    (tmp_path / "compressed").write_bytes(gz(idx(X_TRAIN)))
    np.testing.assert_array_equal(data.read_idx(tmp_path / "plain.gz"), X_TRAIN)
    np.testing.assert_array_equal(data.read_idx(tmp_path / "compressed"), X_TRAIN)


IDX_OF_ONE_IMAGE = idx(X_TRAIN[:1])
LARGEST = 2**32 - 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\0\0", "not an IDX file"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file: it starts with 89 50 4e 47"),
        (idx_header(0x0A, 1), "unknown IDX type code 0x0a"),
        (bytes([0, 0, 8, 0, 7]), "0 dimensions; expected 1 to 32"),
        (idx_header(0x08, *[1] * 33) + b"\1", "33 dimensions; expected 1 to 32"),
        (idx_header(0x08, 1, 5, 5)[:-1], "truncated within the header's 3 dimensions"),
        (idx_header(0x08, 0, 5, 5), r"holds no data: its header says \(0, 5, 5\)"),
        (IDX_OF_ONE_IMAGE[:-1], "truncated after 24 of 25 bytes"),
        (IDX_OF_ONE_IMAGE + b"\0", "more data than the 25 bytes"),
        (idx_header(0x0E, *[LARGEST] * 4), "truncated after 0 of"),
        (idx_header(0x08, 2**31, 2**31, 4), "truncated after 0 of 18446744073709551616 bytes"),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gz])
def test_a_malformed_file_is_refused_by_name(tmp_path, content, message, compress):
    path = tmp_path / "broken-idx3-ubyte"
    path.write_bytes(compress(content) if content else content)
    with pytest.raises(ValueError, match=message) as refused:
        data.read_idx(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("damage", [slice(None, -9), slice(None, 5)])
def test_truncated_gzip_data_are_refused(tmp_path, damage):
    path = tmp_path / "file.gz"
    path.write_bytes(gz(IDX_OF_ONE_IMAGE)[damage])
    with pytest.raises(ValueError, match="damaged gzip data"):
        data.read_idx(path)


def test_a_second_gzip_member_counts_as_data_after_the_end(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(gz(IDX_OF_ONE_IMAGE) + gz(b"more"))
    with pytest.raises(ValueError, match="more data than the 25 bytes"):
        data.read_idx(path)


@pytest.mark.parametrize("compress", [bytes, gz])
def test_memory_follows_the_data_and_not_the_header(tmp_path, compress):
    path = tmp_path / "file"
    path.write_bytes(compress(idx_header(0x0E, 1000, 1000, 1000) + bytes(64)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="truncated after 64 of 8000000000 bytes"):
            data.read_idx(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8e6  # a thousandth of what the header asks for


@pytest.mark.parametrize("separator", ["-idx", ".idx"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_loads_in_every_usual_spelling(tmp_path, separator, suffix):
    for name, array in IDX_FILES.items():
        content = gz(idx(array)) if suffix else idx(array)
        (tmp_path / (name.replace("-idx", separator) + suffix)).write_bytes(content)
    loaded = data.load(tmp_path)
    assert_is_the_small_data_set(loaded)
    assert loaded.name == tmp_path.name
    assert loaded.source == str(tmp_path)


def test_a_tilde_is_the_home_folder(home):
    (home / "idx").mkdir()
    write_idx_folder(home / "idx")
    assert_is_the_small_data_set(data.load("~/idx"))
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        data.load("~no_such_user/idx")


def test_a_folder_without_test_files_has_no_test_part(tmp_path):
    loaded = data.load(write_idx_folder(tmp_path, t10k_images=None, t10k_labels=None))
    assert loaded.x_test is None
    assert loaded.y_test is None
    assert len(loaded.x_train) == 6


@pytest.mark.parametrize("missing", ["train_images", "train_labels", "t10k_images", "t10k_labels"])
def test_a_missing_file_is_named_in_all_its_spellings(tmp_path, missing):
    write_idx_folder(tmp_path, **{missing: None})
    stem = missing.replace("_", "-")
    number = 3 if "images" in missing else 1
    with pytest.raises(FileNotFoundError) as refused:
        data.load(tmp_path)
    for spelling in (f"-idx{number}-ubyte", f".idx{number}-ubyte", f".idx{number}-ubyte.gz"):
        assert stem + spelling in str(refused.value)


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        (
            {"train_images": idx(Y_TRAIN), "train_labels": idx(X_TRAIN)},
            "train-images-idx3-ubyte.*images and the labels swapped",
        ),
        ({"train_labels": idx(X_TRAIN)}, "train-labels-idx1-ubyte.*expected 1-D uint8 labels"),
        ({"train_images": idx(X_TRAIN.astype("i4"))}, "holds int32 .*expected 3-D uint8 images"),
        ({"train_labels": idx(Y_TRAIN[:5])}, "6 train images but 5 train labels"),
        ({"t10k_labels": idx(Y_TRAIN)}, "3 t10k images but 6 t10k labels"),
        ({"t10k_images": idx(X_TRAIN[:3, :4])}, r"x_train .*\(1, 5, 5\), x_test .*\(1, 4, 5\)"),
        ({"train_images": b""}, "train-images-idx3-ubyte: the file is empty"),
    ],
)
def test_files_that_do_not_fit_each_other_are_refused(tmp_path, replaced, message):
    with pytest.raises(ValueError, match=message) as refused:
        data.load(write_idx_folder(tmp_path, **replaced))
    assert str(tmp_path) in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a file, found a folder"):
        data.read_idx(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        data.read_idx(tmp_path / "nowhere")
    with pytest.raises(TypeError, match="path must be a str or a Path, got int"):
        data.read_idx(3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_because_reading_it_would_never_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="found a pipe or a device"):
        data.read_idx(tmp_path / "pipe")
