"""``python -m cnnbp``: where the C++ library is, and what the core runs on."""

from __future__ import annotations

import argparse
from pathlib import Path

import cnnbp

PACKAGE = Path(__file__).resolve().parent
INCLUDE_DIR = PACKAGE / "include"
CMAKE_DIR = PACKAGE / "lib" / "cmake" / "cnnbp"
PKG_CONFIG_DIR = PACKAGE / "lib" / "pkgconfig"


def describe() -> str:
    """Version, instruction set, threads and paths, a line each."""
    import numpy as np

    from cnnbp import _core

    facts = {
        "cnnbp": cnnbp.__version__,
        "instruction set": f"{_core.isa()} (available: {', '.join(_core.available_isas())})",
        "threads": cnnbp.get_num_threads(),
        "NumPy": np.__version__,
        "package": PACKAGE,
        "headers": INCLUDE_DIR,
        "CMake": CMAKE_DIR,
        "pkg-config": PKG_CONFIG_DIR,
    }
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())


def main(arguments: list[str] | None = None) -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m cnnbp",
        description="Where the C++ library is, and what the core runs on.",
        epilog="To train from the command line, use 'cnnbp demo' or 'cnnbp train'.",
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
    chosen = parser.parse_args(arguments)
    print(describe() if chosen.info else chosen.answer)


if __name__ == "__main__":
    main()
