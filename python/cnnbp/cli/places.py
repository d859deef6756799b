"""Places to write to, looked at before anything is computed that would be lost."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

#: How a header starts that `cnnbp.write_cpp` wrote.
HEADER_START = b"// A network of cnnbp "

_OTHER_FOLDER = "choose another with --out"


def check_network(save: Path, data: Path | None, pictures: Sequence[Path] = ()) -> None:
    """Make sure that a network can be saved, and that nothing else is lost by it.

    Parameters
    ----------
    save : Path
        The file for the network. An older network there is meant to be replaced.
    data : Path or None
        The data set that is read.
    pictures : sequence of Path
        The files that are drawn.

    Raises
    ------
    OSError, ValueError
        If it is not so; the message says what to do.
    """
    if data is not None and _is_same(save, data):
        raise ValueError(f"--save {save} is the data set; name another file")
    if any(_is_same(save, picture) for picture in pictures):
        raise ValueError(f"--save {save} is where the picture goes; name another file")
    if save.is_dir():
        raise ValueError(f"--save {save} is a folder; name a file in it")
    if save.exists() and not save.is_file():
        raise ValueError(f"--save {save} is a pipe or a device; name a file")
    folder = _folder_of(save)
    if not folder.is_dir():
        raise ValueError(
            f"--save {save}: cannot write to {folder}, which is no folder; name a file in one"
        )
    if not os.access(folder, os.W_OK):
        raise ValueError(f"--save {save}: cannot write to {folder}")
    if _holds_something(save) and not _is_network(save):
        raise ValueError(
            f"--save {save} is there already and is no network of cnnbp; "
            "name another file, or remove it first"
        )


def check_pictures(pictures: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Make sure that pictures of these names can be drawn, in folders that are there or are made.

    Raises
    ------
    OSError, ValueError
        If one cannot, or would be drawn over one of `inputs`; the message says what to do.
    """
    for picture in pictures:
        if any(_is_same(picture, file) for file in inputs):
            raise ValueError(f"the picture {picture} would replace what is read; {_OTHER_FOLDER}")
        if picture.exists() and not picture.is_file():
            raise ValueError(f"the picture {picture} is a folder or a device; {_OTHER_FOLDER}")
        _make_folder(picture.parent)
        if picture.exists() and not os.access(picture, os.W_OK):
            raise ValueError(f"the picture {picture} cannot be written to; {_OTHER_FOLDER}")


def check_header(header: Path, network: Path) -> None:
    """Make sure that a C++ header replaces nothing but an older one of cnnbp.

    Raises
    ------
    OSError, ValueError
        If it is not so; the message says what to do.
    """
    if _is_same(header, network):
        raise ValueError(f"{header} is the network; name another file for the header")
    if header.is_file() and _holds_something(header):
        with header.open("rb") as file:
            if file.read(len(HEADER_START)) != HEADER_START:
                raise ValueError(
                    f"{header} is there already and is no header that cnnbp wrote; "
                    "name another file, or remove it first"
                )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"cannot make the folder {folder} for pictures ({error.strerror}); " + _OTHER_FOLDER
        ) from None
    if not os.access(folder, os.W_OK):
        raise ValueError(f"cannot write to the folder {folder}; {_OTHER_FOLDER}")


def _is_same(one: Path, other: Path) -> bool:
    """Whether both lead to the same file, be it one that is not there yet."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)


def _folder_of(file: Path) -> Path:
    """Return where the file is written: a link's is that of what it leads to."""
    return Path(os.path.realpath(file)).parent if file.is_symlink() else file.parent


def _holds_something(file: Path) -> bool:
    """Whether there is a file that is not empty, as one that mktemp made."""
    return file.exists() and file.stat().st_size > 0


def _is_network(file: Path) -> bool:
    """Whether it has the members of a saved network and no others; see `cnnbp.checkpoint`."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):
        return False
    others = (n for n in names if not n.startswith(("parameter/", "optimizer/")))
    return set(others) == {"network.npy"}
