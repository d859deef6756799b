"""``cnnbp train --load``: a saved network goes on, and what does not fit it is refused."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

import cnnbp
from cnnbp import layers as L  # noqa: N812
from program import run

TRAINED = ["--net=2c5-2m", "--loss=cross_entropy", "--batch-size=20", "--seed=7"]


@pytest.fixture(scope="module")
def digits():
    whole = cnnbp.data.digits()
    return whole.x_train[:100], whole.y_train[:100]


@pytest.fixture
def path(digits, tmp_path):
    """100 digits without a test part, in a file."""
    path = tmp_path / "few.npz"
    np.savez(path, x=digits[0], y=digits[1])
    return path


@pytest.fixture
def saved(path, tmp_path, capsys):
    """Train for two epochs; the file of the network."""
    net = tmp_path / "net.npz"
    assert run("train", path, *TRAINED, "--epochs=2", "--save", net) == 0
    capsys.readouterr()
    return net


def contents(path):
    with np.load(path) as members:
        return {name: members[name].tobytes() for name in members}


def test_two_epochs_and_three_more_are_five_to_the_last_bit(path, saved, tmp_path):
    """With its optimizer's momentum, its order of images, and the test part that its seed chose."""
    more = ("--load", saved, "--batch-size=20", "--epochs=3")
    assert run("train", path, *more, "--save", saved) == 0
    assert run("train", path, *TRAINED, "--epochs=5", "--save", tmp_path / "five.npz") == 0
    assert contents(saved) == contents(tmp_path / "five.npz")


def test_epochs_are_counted_over_the_networks_life(path, saved, capsys):
    assert run("train", path, "--load", saved, "--epochs=2") == 0
    shown = capsys.readouterr().out
    assert "The network: net.npz after 2 epochs, cross_entropy, rate 0.02, momentum 0.9" in shown
    assert "epoch 3/4 " in shown
    assert "epoch 4/4 " in shown
    assert "after 2 more epochs (4 in all) in" in shown


def test_the_document_says_where_the_network_came_from(path, saved, capsys):
    assert run("train", path, "--load", saved, "--epochs=1", "--json") == 0
    (only,) = json.loads(capsys.readouterr().out)["runs"]
    named = {name: only[name] for name in ("spec", "load", "loss", "dtype", "seed")}
    assert named == {
        "spec": None,
        "load": str(saved),
        "loss": "cross_entropy",
        "dtype": "float32",
        "seed": 7,
    }
    assert ([epoch["number"] for epoch in only["epochs"]], only["epochs_trained"]) == ([3], 3)


def test_rate_and_momentum_replace_those_of_the_optimizer_and_nothing_else(path, saved):
    net = cnnbp.Network.load(saved)
    net.optimizer = cnnbp.optim.SGD(lr=0.1, momentum=0.9, weight_decay=0.001)
    net.save(saved)
    assert run("train", path, "--load", saved, "--epochs=1", "--lr=0.5", "--save", saved) == 0
    expected = cnnbp.optim.SGD(lr=0.5, momentum=0.9, weight_decay=0.001)
    assert cnnbp.Network.load(saved).optimizer == expected
    assert run("train", path, "--load", saved, "--epochs=1", "--momentum=0", "--save", saved) == 0
    expected = cnnbp.optim.SGD(lr=0.5, weight_decay=0.001)
    assert cnnbp.Network.load(saved).optimizer == expected


def test_a_network_that_no_shorthand_can_write_goes_on(digits, tmp_path, capsys):
    """One output for two classes, a residual sum, another optimizer; with its picture."""
    two = digits[1] < 2
    np.savez(tmp_path / "two.npz", x=digits[0][two], y=digits[1][two])
    layers = [L.Conv2d(2, 5), L.Residual([L.Conv2d(2, 3, padding=1)]), L.Linear(1)]
    net = cnnbp.Network(
        layers,
        input_shape=(1, 28, 28),
        loss="bce_with_logits",
        optimizer=cnnbp.optim.Adam(lr=0.001),
    )
    net.save(tmp_path / "net.npz")
    options = ("--load", tmp_path / "net.npz", "--epochs=1", "--out", tmp_path)
    assert run("train", tmp_path / "two.npz", *options) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert (tmp_path / "train.png").stat().st_size > 10_000


def test_classes_without_images_are_there_in_one_hot_rows(digits, saved, tmp_path, capsys):
    """Class numbers alone do not tell that there are ten."""
    some = digits[1] < 9
    x, y = digits[0][some], digits[1][some]
    np.savez(tmp_path / "numbers.npz", x=x, y=y)
    assert run("train", tmp_path / "numbers.npz", "--load", saved) == 2
    told = capsys.readouterr().err
    assert "has 10 outputs and" in told
    assert "has 9 classes" in told
    assert "or one-hot rows of 10 if some have no image" in told
    np.savez(tmp_path / "rows.npz", x=x, y=np.eye(10)[y])
    assert run("train", tmp_path / "rows.npz", "--load", saved, "--epochs=1") == 0


def test_ctrl_c_keeps_what_was_learned_in_place_of_what_was_loaded(path, saved):
    program = [sys.executable, "-c", "from cnnbp.cli import main; main()"]
    arguments = ["train", path, "--load", saved, "--save", saved, "--epochs=1000000"]
    with subprocess.Popen(
        [*program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not process.stdout.readline().startswith("epoch"):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        shown, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (130, "")
    assert "Stopped by Ctrl-C after" in shown
    assert cnnbp.Network.load(saved).epochs_trained >= 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--load=net.npz", "--net=3c3"], "leave out --net"),
        (["--load=net.npz", "--loss=mse"], "leave out --loss"),
        (["--load=net.npz", "--activation=tanh", "--seed=0"], "out --activation and --seed"),
        (["--load=net.npz", "--dtype=float32"], "leave out --dtype"),
        (["--load=net.npz", "--lr=nan"], "lr must be a finite"),
        (["--load=adam.npz", "--momentum=0.5"], "--momentum: the optimizer of adam.npz, Adam("),
        (["--load=none.npz"], "none.npz: No such file"),
        (["--load=few.npz"], "few.npz is not a network saved by cnnbp"),
        (["--load=small.npz"], "small.npz takes images of 1x9x9 and few.npz has images of 1x28x28"),
        (["--load=three.npz"], "three.npz has 3 outputs and few.npz has 10 classes"),
        (["--load=many.npz"], "many.npz has 12 outputs and few.npz has 10 classes"),
        (["--load=one.npz"], "one.npz has 1 output and few.npz has 10 classes"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_go_with_the_network_gets_one_line_before_anything_is_trained(
    saved, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    sizes = {"small": (10, 9), "three": (3, 28), "many": (12, 28), "one": (1, 28), "adam": (10, 28)}
    for name, (outputs, side) in sizes.items():
        rule = cnnbp.optim.Adam() if name == "adam" else None
        net = cnnbp.Network([L.Linear(outputs)], input_shape=(1, side, side), optimizer=rule)
        net.save(f"{name}.npz")
    assert run("train", "few.npz", *arguments, "--save=new.npz") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cnnbp: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err
    assert not (tmp_path / "new.npz").exists()
