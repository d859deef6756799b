"""Files damaged at every place: each is refused by name, or loads as a sound data set.

A format with checksums must do better: what it loads is what was written.
"""

import random
import zlib

import numpy as np
import pytest

from cnnbp import data
from data_files import ARRAYS, X_TRAIN, gz, idx, mat, mat_element, npz, toolbox_mat

pytestmark = pytest.mark.filterwarnings("error")


def read_images(path):
    return {"x_train": data.read_idx(path)}


def load(path):
    loaded = data.load(path)  # a Dataset checks itself, so one that loads is sound
    return {name: getattr(loaded, name) for name in ARRAYS}


def compressed_mat():
    content = toolbox_mat()
    return mat(*(packed(element) for element in elements(content[128:])))


def elements(content):
    while content:
        size = 8 + int.from_bytes(content[4:8], "little")
        yield content[:size]
        content = content[size:]


def packed(element):
    stream = zlib.compress(element)
    return mat_element(15, stream)[: 8 + len(stream)]  # the one kind that is not padded


FORMATS = {
    "images-idx3-ubyte": (idx(X_TRAIN), read_images),
    "images-idx3-ubyte.gz": (gz(idx(X_TRAIN)), read_images),
    "stored.npz": (npz(**ARRAYS), load),
    "compressed.npz": (npz(compressed=True, **ARRAYS), load),
    "plain.mat": (toolbox_mat(), load),
    "compressed.mat": (compressed_mat(), load),
}
CHECKSUMMED = {"images-idx3-ubyte.gz", "stored.npz", "compressed.npz"}


def read_damaged(path, content):
    """The arrays of a damaged file, or None if it was refused by name."""
    path.write_bytes(content)
    try:
        return FORMATS[path.name][1](path)
    except ValueError as error:
        message = str(error)
    assert path.name in message
    return None


@pytest.mark.parametrize("name", FORMATS)
def test_an_undamaged_file_loads(tmp_path, name):
    assert read_damaged(tmp_path / name, FORMATS[name][0]) is not None


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_cut_anywhere_is_refused_or_sound(tmp_path, name):
    content = FORMATS[name][0]
    for length in range(len(content)):
        arrays = read_damaged(tmp_path / name, content[:length])
        # Only a .mat file has a place to cut: after the two training matrices.
        assert arrays is None or (name.endswith(".mat") and arrays["x_test"] is None), length


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_changed_anywhere_is_refused_or_sound(tmp_path, name):
    content = FORMATS[name][0]
    original = read_damaged(tmp_path / name, content)
    chance = random.Random(name)
    for place in range(len(content)):
        arrays = read_damaged(tmp_path / name, change(content, place, chance))
        if arrays is None or name not in CHECKSUMMED:
            continue
        for field, array in arrays.items():
            # A zip archive's list of members has no checksum; damage there may hide the test part.
            if array is not None:
                np.testing.assert_array_equal(array, original[field], err_msg=f"{field}, {place}")


def change(content, place, chance):
    """Change one bit, one byte, or four bytes to the largest size that a header can claim."""
    changed = bytearray(content)
    kind = chance.choice(["bit", "byte", "ones"])
    if kind == "bit":
        changed[place] ^= 1 << chance.randrange(8)
    elif kind == "byte":
        changed[place] ^= chance.randrange(1, 256)
    else:
        changed[place : place + 4] = b"\xff" * len(changed[place : place + 4])
    return changed
