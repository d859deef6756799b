"""``python -m cnnbp``: where the C++ library is, what the core runs on, and the commands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cnnbp

PACKAGE = Path(__file__).resolve().parent
INCLUDE_DIR = PACKAGE / "include"
CMAKE_DIR = PACKAGE / "lib" / "cmake" / "cnnbp"
PKG_CONFIG_DIR = PACKAGE / "lib" / "pkgconfig"


def gather() -> dict[str, Any]:
    """Return what `describe` adds to version, instruction set and threads, as JSON can hold it."""
    import numpy as np

    from cnnbp import _core

    return {
        "available_instruction_sets": list(_core.available_isas()),
        "numpy": np.__version__,
        "package": str(PACKAGE),
        "headers": str(INCLUDE_DIR),
        "cmake": str(CMAKE_DIR),
        "pkg_config": str(PKG_CONFIG_DIR),
    }


def describe() -> str:
    """Version, instruction set, threads and paths, a line each."""
    from cnnbp import _core

    found = gather()
    available = ", ".join(found["available_instruction_sets"])
    facts = {
        "cnnbp": cnnbp.__version__,
        "instruction set": f"{_core.isa()} (available: {available})",
        "threads": cnnbp.get_num_threads(),
        "NumPy": found["numpy"],
        "package": found["package"],
        "headers": found["headers"],
        "CMake": found["cmake"],
        "pkg-config": found["pkg_config"],
    }
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())


class _Parser(argparse.ArgumentParser):
    """Lists the commands in its help, and imports them no earlier: build systems ask for paths."""

    def format_help(self) -> str:
        from cnnbp.cli.app import app

        commands = [info.callback for info in app.registered_commands if info.callback is not None]
        width = max(len(command.__name__) for command in commands)
        lines = [f"  {c.__name__:<{width}}  {(c.__doc__ or '').splitlines()[0]}" for c in commands]
        self.description = "\n".join([f"{app.info.help}\n\ncommands, as of 'cnnbp':", *lines])
        self.epilog = "'python -m cnnbp train --help' tells the options of a command."
        return super().format_help()


def main(arguments: list[str] | None = None) -> None:
    """Print what was asked for, or run a command of the command line, such as ``train``."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and not given[0].startswith("-"):
        from cnnbp import cli

        cli.main(given)
        return
    parser = _Parser(
        prog="python -m cnnbp",
        usage="%(prog)s (COMMAND ... | --cmake-dir | --include-dir | --info | --help)",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument(
        "--cmake-dir",
        action="store_const",
        const=CMAKE_DIR,
        dest="answer",
        help="folder of the CMake package, for -Dcnnbp_DIR",
    )
    wanted.add_argument(
        "--include-dir",
        action="store_const",
        const=INCLUDE_DIR,
        dest="answer",
        help="folder of the C++ headers",
    )
    wanted.add_argument(
        "--info", action="store_true", help="version, instruction set, threads and paths"
    )
    if not given:
        parser.print_help()
        return
    chosen = parser.parse_args(given)
    try:
        print(describe() if chosen.info else chosen.answer)
    except RuntimeError as error:  # CNNBP_ISA names what is not there
        parser.error(str(error))


if __name__ == "__main__":
    main()
