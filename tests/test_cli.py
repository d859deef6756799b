"""``cnnbp``, the program: what it trains, shows and writes, and how it refuses and stops."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys

import numpy as np
import pytest

import cnnbp
from cnnbp import cli, data
from cnnbp.cli import wording

#: What the console script does.
PROGRAM = [sys.executable, "-c", "from cnnbp.cli import main; main()"]
EPOCH = re.compile(r"^epoch +\d+/\d+ .*loss \d+\.\d+.*test \d+\.\d %.*images/s$", re.MULTILINE)


def run(*arguments, **environment):
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def digits():
    whole = data.digits()
    return whole.x_train[:300], whole.y_train[:300], whole.x_test[:100], whole.y_test[:100]


@pytest.fixture(scope="module")
def path(digits, tmp_path_factory):
    """300 digits to train on and 100 to test on, in a file."""
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(path, **dict(zip(("x_train", "y_train", "x_test", "y_test"), digits, strict=True)))
    return path


@pytest.fixture(scope="module")
def trained(path, tmp_path_factory):
    """Train for three epochs, with everything written that can be."""
    folder = tmp_path_factory.mktemp("trained")
    arguments = [
        "--epochs=3",
        "--batch-size=20",
        "--net=4c5-2m",
        "--loss=cross_entropy",
        "--seed=7",
    ]
    process = run("train", path, *arguments, "--out", folder, "--save", folder / "net.npz")
    assert process.returncode == 0, process.stderr
    return process, folder


# The demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    process = run("demo", "--json", "--out", folder)
    assert process.returncode == 0, process.stderr
    return process, folder


def test_the_demos_lenet_reads_97_percent_of_the_test_digits(demo):
    toolbox, lenet = json.loads(demo[0].stdout)["runs"]
    assert lenet["test"]["accuracy"] >= 0.97
    assert toolbox["test"]["accuracy"] >= 0.9
    assert toolbox["spec"] == "6c5-2s-12c5-2s"


def test_the_demo_draws_a_picture_of_each_network(demo):
    process, folder = demo
    named = [run["picture"] for run in json.loads(process.stdout)["runs"]]
    assert named == [str(folder / "toolbox.png"), str(folder / "lenet.png")]
    for picture in named:
        with open(picture, "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


def test_the_demo_shows_both_networks_while_standard_output_is_json(demo):
    shown = demo[0].stderr
    assert len(EPOCH.findall(shown)) == 40 + 9
    for words in ("2,293,000", "431,080", "Conv2d(6, 5", "worst confusions:", "threads"):
        assert words in shown


# Training on one's own data


def test_the_program_trains_the_same_network_as_the_library(trained, digits):
    x, y, x_test, y_test = digits
    net = cnnbp.Network.from_spec(
        "4c5-2m", classes=10, input_shape=(1, 28, 28), loss="cross_entropy", seed=7
    )
    net.fit(x, y, epochs=3, batch_size=20, progress=False)
    saved = cnnbp.Network.load(trained[1] / "net.npz")
    for name, parameter in net.state_dict().items():
        np.testing.assert_array_equal(saved.state_dict()[name], parameter)
    accuracy = net.evaluate(x_test, y_test)["accuracy"]
    assert f"test accuracy: {100 * accuracy:.1f} %" in trained[0].stdout


def test_without_a_terminal_there_is_one_plain_line_an_epoch(trained):
    shown = trained[0].stdout
    assert len(EPOCH.findall(shown)) == 3
    assert shown.isascii()
    assert "\x1b" not in shown
    assert "\r" not in shown


def test_it_shows_what_computes_the_data_the_layers_and_where_the_files_are(trained):
    process, folder = trained
    for words in (
        f"cnnbp {cnnbp.__version__}, ",
        "300 to train, 100 to test, 1x28x28 uint8, 10 classes",
        "0 Conv2d(4, 5, activation='relu') 4 x 24 x 24 104 57,600",
        f"network: {folder / 'net.npz'}",
        f"picture: {folder / 'train.png'}",
    ):
        assert words in " ".join(process.stdout.split())
    assert process.stderr == ""


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (lambda x: x, "uint8"),
        (lambda x: x / np.float32(255), "float32 from 0 to 1"),
        (lambda x: x.astype(np.float32), "float32 from 0 to 255 (not scaled; uint8 would be)"),
        (lambda x: x - 127.5, "float64 from -127.5 to 127.5"),
        (lambda x: (x > 127).astype(np.float32), "float32 from 0 to 1"),
        (lambda x: x.astype(np.float32) * 256, "float32 from 0 to 65280"),
    ],
)
def test_the_range_of_floats_is_told_and_when_they_look_like_bytes(digits, images, told):
    x, y, *_ = digits
    line = wording.data_line(data.Dataset.from_arrays(images(x), y, name="few"))
    assert line.endswith(f", 1x28x28 {told}, 10 classes")


def test_the_memory_is_that_of_the_batches_that_it_trains_by(trained):
    assert "for training by batches of 20, " in trained[0].stdout


def test_a_batch_is_no_larger_than_the_data(path):
    process = run("train", path, "--epochs=1", "--batch-size=100000", "--json")
    assert "for training by batches of 300, " in process.stderr
    assert json.loads(process.stdout)["runs"][0]["batch_size"] == 300


def test_json_is_all_there_is_on_standard_output(path):
    process = run("train", path, "--epochs=2", "--json")
    document = json.loads(process.stdout)
    (only,) = document["runs"]
    assert document["data"]["train"] == 300
    assert [epoch["number"] for epoch in only["epochs"]] == [1, 2]
    assert [epoch["lr"] for epoch in only["epochs"]] == [1.0, 1.0]
    assert only["test"]["misread"] == round(100 * (1 - only["test"]["accuracy"]))
    assert sum(c["times"] for c in only["test"]["confusions"]) == only["test"]["misread"]
    assert [layer["parameters"] for layer in only["layers"]] == [156, 0, 1812, 0, 1930]


def test_json_stays_json_when_the_loss_is_no_number(path):
    process = run("train", path, "--epochs=1", "--loss=cross_entropy", "--lr=1e30", "--json")
    (only,) = json.loads(process.stdout, parse_constant=pytest.fail)["runs"]
    assert only["test"]["loss"] is None or only["test"]["loss"] > 10
    assert "try a lower rate, such as --lr 1e+29" in process.stderr


def test_a_fifth_is_set_aside_when_there_is_no_test_part(digits, tmp_path):
    np.savez(tmp_path / "untested.npz", x=digits[0], y=digits[1])
    process = run("train", tmp_path / "untested.npz", "--epochs=1", "--json")
    document = json.loads(process.stdout)
    assert (document["data"]["train"], document["data"]["test"]) == (240, 60)
    assert "300 images, a fifth of them set aside to test on" in process.stderr


def test_rates_momentum_and_type_reach_the_network(path, tmp_path):
    options = ["--lr=0.5", "--momentum=0.25", "--dtype=float64", "--activation=tanh", "--epochs=1"]
    cli_main("train", path, *options, "--save", tmp_path / "net.npz")
    net = cnnbp.Network.load(tmp_path / "net.npz")
    assert net.optimizer == cnnbp.optim.SGD(lr=0.5, momentum=0.25)
    assert net.state_dict()["0.weight"].dtype == np.float64
    assert net.layers[0].activation == "tanh"


def test_a_name_that_the_output_cannot_spell_does_not_end_the_program(digits, tmp_path):
    np.savez(tmp_path / "цифры.npz", x=digits[0], y=digits[1])
    process = run("train", tmp_path / "цифры.npz", "--epochs=1", PYTHONIOENCODING="latin-1")
    assert process.returncode == 0, process.stderr
    assert len(EPOCH.findall(process.stdout)) == 1


# On a terminal


def on_terminal(*arguments, columns, **environment):
    """What the program sends to a terminal of so many columns."""
    main, terminal = pty.openpty()
    sizes = {"COLUMNS": str(columns), "LINES": "50", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=terminal,
        stderr=terminal,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **sizes, "PYTHONIOENCODING": "utf-8"} | environment,
    )
    os.close(terminal)
    shown = b""
    while select.select([main], [], [], 300)[0]:
        try:
            shown += os.read(main, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
    os.close(main)
    assert process.wait(timeout=300) == 0
    return shown.decode()


def test_on_a_terminal_there_is_a_bar(path):
    shown = on_terminal("train", path, "--epochs=2", columns=80)
    assert "━" in shown
    assert "epoch 2/2" in shown


@pytest.mark.parametrize("columns", [80, 50])
def test_no_line_is_longer_than_the_terminal_is_wide(path, columns):
    shown = on_terminal("train", path, "--epochs=2", columns=columns)
    visible = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "test accuracy" in visible
    assert max(map(len, re.split(r"[\r\n]+", visible))) <= columns


def test_no_color_means_no_colour(path):
    coloured = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert coloured.search(on_terminal("train", path, "--epochs=1", columns=80))
    plain = on_terminal("train", path, "--epochs=1", columns=80, NO_COLOR="1")
    assert not coloured.search(plain)


def test_a_tilde_that_the_shell_has_left_is_the_home_folder(path, home):
    """Bash expands it in ``--out ~/a`` and not in ``--out=~/a``."""
    (home / "data.npz").write_bytes(path.read_bytes())
    options = ["--net=2c5-2s", "--epochs=1", "--out=~/pictures", "--save=~/net.npz"]
    assert cli_main("train", "~/data.npz", *options) == 0
    assert (home / "pictures" / "train.png").is_file()
    assert cli_main("explain", "~/data.npz", "--load=~/net.npz", "--out=~/explained") == 0
    assert (home / "explained" / "explain.png").is_file()


# Refusals


def cli_main(*arguments):
    """Run the program within this process; its exit code."""
    with pytest.raises(SystemExit) as exit_:
        cli.main([*map(str, arguments)])
    return exit_.value.code or 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "nowhere"], "nowhere: no such file or folder"),
        (["train", "text.txt"], "expected an .npz file, a .mat file, or a folder"),
        (["train", "text.npz"], "text.npz: not a sound .npz archive"),
        (["train", "DATA", "--net", "6c5-2x"], "cannot read '2x' at position 5"),
        (["train", "DATA", "--net", "6c5-7o"], "the data has 10 classes"),
        (["train", "DATA", "--net", "6c29"], "layer 0 (Conv2d)"),
        (["train", "DATA", "--epochs", "0"], "--epochs"),
        (["train", "DATA", "--epochs", "many"], "--epochs"),
        (["train", "DATA", "--batch-size", "-5"], "--batch-size"),
        (["train", "DATA", "--lr", "nan"], "lr must be a finite"),
        (["train", "DATA", "--momentum", "1"], "momentum must be at least 0 and below 1"),
        (["train", "DATA", "--loss", "l3"], "--loss"),
        (["train", "DATA", "--activation", "gelu"], "--activation"),
        (["train", "DATA", "--dtype", "int8"], "--dtype"),
        (["train", "DATA", "--seed", "-1"], "--seed"),
        (["train", "DATA", "--seed", str(2**64)], "seed must be at most"),
        (["train", "DATA", "--threads", str(2**31)], "threads must be at most"),
        (["train", "DATA", "--out", "text.txt"], "choose another with --out"),
        (["train", "DATA", "--save", "."], "is a folder; name a file in it"),
        (["train", "DATA", "--save", "no/folder.npz"], "cannot write to no"),
        (["train"], "Missing argument"),
        (["train", "DATA", "--colour"], "Try 'cnnbp train --help'"),
        (["paint"], "Try 'cnnbp --help'"),
        (["demo", "--out", "text.txt"], "choose another with --out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_line_that_says_what_and_exit_code_2(
    path, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    for name in ("text.txt", "text.npz"):
        (tmp_path / name).write_text("no digits")
    code = cli_main(*(path if argument == "DATA" else argument for argument in arguments))
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert shown.err.startswith("cnnbp: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err
    assert {file.name for file in tmp_path.iterdir()} == {"text.txt", "text.npz"}


def test_a_network_is_not_saved_in_place_of_a_pipe(path, tmp_path, capsys):
    """Nor of a device, such as /dev/null; said before anything is trained."""
    os.mkfifo(tmp_path / "pipe")
    assert cli_main("train", path, "--save", tmp_path / "pipe") == 2
    assert "is a pipe or a device; name a file" in capsys.readouterr().err
    assert (tmp_path / "pipe").is_fifo()


# Stopping


def start(*arguments):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_keeps_what_was_learned(path, tmp_path):
    endless = ["train", path, "--epochs=1000000", "--out", tmp_path]
    with start(*endless, "--save", tmp_path / "net.npz") as process:
        while not EPOCH.match(process.stdout.readline()):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        shown, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == ""
    assert "Stopped by Ctrl-C after" in shown
    assert "test accuracy:" in shown
    assert (tmp_path / "train.png").stat().st_size > 10_000
    assert cnnbp.Network.load(tmp_path / "net.npz").epochs_trained >= 1


def test_a_reader_that_leaves_ends_the_program_quietly(path):
    with start("train", path, "--epochs=1000000") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=300) == 1


# The rest


def test_help_says_what_momentum_may_be(capsys):
    assert cli_main("train", "--help") == 0
    assert "At least 0, below 1." in capsys.readouterr().out


def test_version_and_help(capsys):
    assert cli_main("--version") == 0
    assert capsys.readouterr().out == f"cnnbp {cnnbp.__version__}\n"
    assert cli_main() == 0
    assert "demo" in capsys.readouterr().out


def test_what_is_not_needed_is_not_imported(path):
    """Matplotlib alone takes longer than a small training run."""
    code = (
        "import sys; from cnnbp.cli import main\n"
        "assert not {'typer', 'rich', 'matplotlib', 'scipy'} & set(sys.modules)\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, "train", str(path), "--epochs=1"], check=True)
