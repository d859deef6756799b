"""The C++ library that is installed with the package, and the programs that use it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cnnbp

PACKAGE = Path(cnnbp.__file__).parent

needs_library = pytest.mark.skipif(
    not (PACKAGE / "lib").is_dir(),
    reason="cnnbp is not installed: there is no library beside the package (pip install .)",
)
needs_compiler = pytest.mark.skipif(shutil.which("c++") is None, reason="there is no compiler")


def ask(option: str) -> Path:
    """What ``python -m cnnbp`` says of its place."""
    return Path(run(sys.executable, "-m", "cnnbp", option).strip())


def run(*command: object) -> str:
    """What a program prints; a RuntimeError with all of it if it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def build(source: Path, folder: Path) -> None:
    """Let CMake find the library and build a program with it."""
    run("cmake", "-S", source, "-B", folder, f"-DCMAKE_PREFIX_PATH={ask('--cmake-dir')}")
    run("cmake", "--build", folder)
