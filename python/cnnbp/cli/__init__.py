"""The command line: ``cnnbp demo``, ``train``, ``evaluate``, ``predict``, ``explain`` and others.

``plan`` says what to train, ``report`` what came of it, ``evaluation`` and ``reading`` what a
network makes of images; none of them prints. ``app`` reads the options, ``places`` looks at where
results go, ``session`` runs plans, ``views`` and ``illustration`` show the reports. ``asking``
evaluates and predicts with a saved network, ``lesson`` explains one image, in the words of
``telling``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

#: As a shell reports a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130
BAD_INPUT = 2


def main(arguments: list[str] | None = None) -> None:
    """Run ``cnnbp`` and leave with its exit code.

    Bad input gives one line on standard error and exit code 2, Ctrl-C exit code 130.

    Parameters
    ----------
    arguments : list of str, optional
        The command line after the program's name; that of the process when left out.
    """
    import typer

    from cnnbp.cli.app import app

    try:
        with _streams():
            code = app(arguments, prog_name="cnnbp", standalone_mode=False)
        sys.exit(code)
    except BrokenPipeError:
        # The reader has gone, as in `cnnbp demo | head`; Python must not flush into it again.
        sys.stdout = None
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except (OSError, TypeError, ValueError, MemoryError) as error:
        _refuse(_explain(error))
    except RuntimeError as error:
        # What the core finds in the environment is input too; any other is a defect.
        if not str(error).startswith("CNNBP_ISA "):
            raise
        _refuse(str(error))
    except Exception as error:
        # Typer's errors about a command line share no public base class in all its versions.
        if not hasattr(error, "format_message"):
            raise
        command = getattr(getattr(error, "ctx", None), "command_path", "cnnbp")
        _refuse(f"{error.format_message()}\nTry '{command} --help'")


@contextmanager
def _streams() -> Iterator[None]:
    """Let what is written to a closed stream, which Python has as None, go nowhere."""
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(sys.stdout or nowhere),
        redirect_stderr(sys.stderr or nowhere),
    ):
        yield


def _refuse(message: str) -> None:
    # Indented lines point at a place in the line above; without that line they say nothing.
    lines = [line for line in message.splitlines() if not line.startswith(" ")]
    if sys.stderr is not None:  # print would take standard output in its place
        print("cnnbp:", ". ".join(line.rstrip(".") for line in lines), file=sys.stderr)
    sys.exit(BAD_INPUT)


def _explain(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory; try a smaller network, batch or data set"
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)
