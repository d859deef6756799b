"""The number of threads the core computes with."""

from __future__ import annotations

from cnnbp import _core
from cnnbp.arguments import read_integer

MOST_THREADS = 1024


def get_num_threads() -> int:
    """Return the number of threads that the core computes with."""
    return _core.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Let the core compute with `threads` threads from now on, in the whole process.

    The results have the same bits for any number of threads.

    Parameters
    ----------
    threads : int
        1 to 1024. More than the machine has cores makes it slower.

    Raises
    ------
    TypeError, ValueError
        If `threads` is no integer or out of range.
    """
    _core.set_num_threads(read_integer(threads, "threads", maximum=MOST_THREADS))
