"""The program where standard output or standard error is closed, as by ``>&-``."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import cnnbp

COMMANDS = {
    "train": ["train", "few.npz", "--net=2c5-2s", "--epochs=1"],
    "train --json": ["train", "few.npz", "--net=2c5-2s", "--epochs=1", "--json"],
    "evaluate": ["evaluate", "net.npz", "few.npz"],
    "predict": ["predict", "net.npz", "few.npz"],
    "explain": ["explain", "few.npz", "--load=net.npz", "--no-pictures"],
    "export": ["export", "net.npz", "net.hpp"],
    "info": ["info"],
    "--help": ["train", "--help"],
    "nothing": [],
    "--cmake-dir": ["--cmake-dir"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """20 digits, and a network that was not trained."""
    folder = tmp_path_factory.mktemp("closed")
    digits = cnnbp.data.digits()
    np.savez(folder / "few.npz", x=digits.x_train[:20], y=digits.y_train[:20])
    cnnbp.Network.from_spec("10o", input_shape=(1, 28, 28)).save(folder / "net.npz")
    return folder


def run(folder, arguments, *closed):
    """Run the program in `folder`, without the streams of these numbers."""
    return subprocess.run(
        [sys.executable, "-m", "cnnbp", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": ":".join(map(os.path.abspath, filter(None, sys.path)))},
        preexec_fn=lambda: [os.close(number) for number in closed],
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_without_standard_output_a_command_works(folder, command):
    process = run(folder, COMMANDS[command], 1)
    assert process.returncode == 0, process.stderr
    assert "Traceback" not in process.stderr


def test_without_standard_output_the_network_is_trained_and_saved(folder):
    assert run(folder, [*COMMANDS["train"], "--save=new.npz"], 1, 2).returncode == 0
    assert cnnbp.Network.load(folder / "new.npz").epochs_trained == 1


def test_without_standard_output_a_refusal_is_one_line(folder):
    process = run(folder, ["train", "nowhere"], 1)
    assert process.returncode == 2
    assert process.stderr == "cnnbp: nowhere: no such file or folder\n"


def test_without_standard_error_nothing_of_it_goes_to_standard_output(folder):
    process = run(folder, ["train", "nowhere"], 2)
    assert (process.returncode, process.stdout) == (2, "")
    process = run(folder, COMMANDS["train --json"], 2)
    assert json.loads(process.stdout)["data"]["train"] == 16
