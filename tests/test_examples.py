"""``examples/``: each runs as its first lines say, here on digits that the package carries."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import cnnbp

FOLDER = Path(__file__).parents[1] / "examples"
#: Example → epochs over 600 digits in which it learns to read most of 200 others.
EPOCHS = {"toolbox_mnist.py": 40, "lenet5.py": 3, "mnist_99.py": 5}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the examples are in the repository alone"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """MNIST's four files, with 600 and 200 digits."""
    digits, path = cnnbp.data.digits(), tmp_path_factory.mktemp("mnist")
    parts = {
        "train": (digits.x_train[:600], digits.y_train[:600]),
        "t10k": (digits.x_test[:200], digits.y_test[:200]),
    }
    for part, (x, y) in parts.items():
        images = struct.pack(">4I", 0x803, len(x), 28, 28) + x.tobytes()
        (path / f"{part}-images-idx3-ubyte").write_bytes(images)
        labels = struct.pack(">2I", 0x801, len(y)) + y.astype("uint8").tobytes()
        (path / f"{part}-labels-idx1-ubyte").write_bytes(labels)
    return path


def run(name, *arguments, cwd, **environment):
    outside = {key: value for key, value in os.environ.items() if key != "CNNBP_MNIST"}
    return subprocess.run(
        [sys.executable, str(FOLDER / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=outside | {"MPLBACKEND": "agg"} | environment,
        cwd=cwd,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", EPOCHS)
def test_an_example_learns_to_read(name, folder, tmp_path):
    process = run(name, folder, EPOCHS[name], cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    found = re.search(r"^test error after (\d+) epochs: ([0-9.]+)%", process.stdout, re.MULTILINE)
    assert int(found[1]) == EPOCHS[name]
    assert float(found[2]) < 50


def test_an_example_finds_the_digits_by_the_environment_or_says_where_to_get_them(folder, tmp_path):
    assert run("mnist_99.py", cwd=tmp_path, CNNBP_MNIST=str(folder)).returncode == 0
    process = run("mnist_99.py", cwd=tmp_path)
    assert process.returncode == 1
    for words in ("usage: python", "train-images-idx3-ubyte", "CNNBP_MNIST", "https://"):
        assert words in process.stderr


@pytest.mark.parametrize("epochs", ["x", "0", "-1", "1.5"])
def test_epochs_that_are_none_get_one_line(folder, tmp_path, epochs):
    process = run("mnist_99.py", folder, epochs, cwd=tmp_path)
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert f"EPOCHS must be an integer of at least 1, got '{epochs}'" in process.stderr


def test_the_toolboxs_example_draws_its_curve(tmp_path):
    process = run("toolbox_example.py", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "of 1000 test digits misread" in process.stdout
    assert (tmp_path / "toolbox_example.png").stat().st_size > 1000


def test_every_example_is_run_by_a_test():
    scripts = {path.name for path in FOLDER.glob("*.py")}
    assert scripts == {*EPOCHS, "toolbox_example.py", "mnist.py"}
