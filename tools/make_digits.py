"""Make the digits that the package carries from the MNIST files.

Usage: python tools/make_digits.py MNIST_FOLDER

Takes the first digits of each part, in MNIST's order, and writes them as gzip-compressed IDX files
to python/cnnbp/data/digits/. The same input gives the same arrays, and with one zlib the same
files: no name and no time is stored in them.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnbp.data import read_idx

DESTINATION = Path(__file__).resolve().parents[1] / "python" / "cnnbp" / "data" / "digits"
DIGITS = {"train": 5000, "t10k": 1000}


def write_idx(path: Path, array: NDArray[np.uint8]) -> str:
    """Write a uint8 array as .gz IDX; return the SHA-256 of the uncompressed content."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    content = header + array.tobytes()
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as stream,
    ):
        stream.write(content)
    return hashlib.sha256(content).hexdigest()


def main(folder: Path) -> None:
    """Write the four files and print a row of the README's table for each."""
    DESTINATION.mkdir(exist_ok=True)
    for part, count in DIGITS.items():
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            path = DESTINATION / f"{part}-{kind}.gz"
            digest = write_idx(path, read_idx(folder / path.name)[:count])
            print(f"| {path.name} | {path.stat().st_size:,} | {digest} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
