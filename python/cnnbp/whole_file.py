"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


def is_replaceable(path: str | os.PathLike[str]) -> bool:
    """Whether a file may take the place of what is there, which a pipe's or a device's is not."""
    return not os.path.exists(path) or os.path.isfile(path) or os.path.isdir(path)


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to write, which replaces an older one once all is written.

    A link goes on leading to its file, and the new file has the permissions of the older one. What
    is no file, such as ``/dev/stdout``, is written as it is. Others may be writing to `path`, be it
    a signal's handler in between: each replaces it by one of its own.

    Raises
    ------
    OSError
        If the file cannot be written; then nothing is left of it.
    """
    if not is_replaceable(path):
        with open(path, "wb") as file:
            yield file
        return
    target = os.path.realpath(path)
    # Not named after the file, whose name may be as long as the system allows, nor by a number,
    # which a process on another machine may have, too.
    part = os.path.join(os.path.dirname(target), f"cnnbp.{os.urandom(8).hex()}.part")
    try:
        with open(part, "xb") as file:
            _keep_permissions(target, file)
            yield file
        os.replace(part, target)
    except BaseException as error:
        with suppress(OSError):
            os.remove(part)
        if isinstance(error, OSError) and error.errno is not None:
            # Of the name that was given: the caller knows nothing of the part.
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        raise


def _keep_permissions(target: str, file: BinaryIO) -> None:
    """Give a file that is still empty the permissions of the one that it will replace."""
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(os.stat(target).st_mode)
        # File systems without permissions refuse to set them, and give all files the same.
        if hasattr(os, "fchmod") and mode != stat.S_IMODE(os.fstat(file.fileno()).st_mode):
            os.fchmod(file.fileno(), mode)
