"""Opening a file that has to be there, and reading exactly what it should hold."""

from os import PathLike
from pathlib import Path
from typing import Protocol

from cnnbp.arguments import read_path

CHUNK = 1 << 20


class Stream(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes; none at the end."""
        ...


def as_path(path: str | PathLike[str]) -> Path:
    """Make a `Path` of what the caller gave; ``~`` is the home folder.

    Raises
    ------
    TypeError
        If `path` is neither a str nor a path.
    FileNotFoundError
        If nothing is there.
    """
    path = read_path(path, "path")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    return path


def as_file(path: str | PathLike[str]) -> Path:
    """Make a `Path` of a file that can be read to its end: no folder, no pipe, not empty.

    Raises
    ------
    TypeError, FileNotFoundError
        As in `as_path`.
    ValueError
        If what is there is not a regular file, or is empty.
    """
    path = as_path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "a pipe or a device"
        raise ValueError(f"{path}: expected a file, found {found}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    return path


def read_exactly(stream: Stream, size: int, what: str) -> bytearray:
    """Read `size` bytes and make sure that nothing follows them.

    Memory grows with what arrives, never with what a header promised.

    Raises
    ------
    ValueError
        If the stream holds fewer bytes or more.
    """
    content = bytearray()
    while len(content) < size:
        chunk = stream.read(min(CHUNK, size - len(content)))
        if not chunk:
            raise ValueError(f"{what}: truncated after {len(content)} of {size} bytes of data")
        content += chunk
    if stream.read(1):
        raise ValueError(f"{what}: more data than the {size} bytes that its header announces")
    return content
