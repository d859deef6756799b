"""Where the program writes: what would be lost is refused before anything is computed."""

import os

import numpy as np
import pytest

import cnnbp
from cnnbp.network import Network
from program import run

TRAIN = ("train", "few.npz", "--net=2c5-2s", "--epochs=1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, with 20 digits and a network that was not trained."""
    digits = cnnbp.data.digits()
    np.savez(tmp_path / "few.npz", x=digits.x_train[:20], y=digits.y_train[:20])
    cnnbp.Network.from_spec("10o", input_shape=(1, 28, 28)).save(tmp_path / "net.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def untrained(monkeypatch):
    """Nothing may be trained."""
    monkeypatch.setattr(Network, "fit", lambda *_, **__: pytest.fail("something was trained"))


def refused(capsys, *arguments):
    """Run the program; the one line that it refuses with."""
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


@pytest.mark.parametrize("name", ["few.npz", "./few.npz", "link.npz", "hard.npz"])
@pytest.mark.usefixtures("untrained")
def test_a_network_is_not_saved_in_place_of_its_data_by_whatever_name(folder, capsys, name):
    (folder / "link.npz").symlink_to("few.npz")
    os.link("few.npz", "hard.npz")
    before = (folder / "few.npz").read_bytes()
    assert "is the data set; name another file" in refused(capsys, *TRAIN, "--save", name)
    assert (folder / "few.npz").read_bytes() == before


@pytest.mark.usefixtures("untrained")
def test_a_network_is_not_saved_in_place_of_data_that_are_given_by_a_link(folder, capsys):
    (folder / "link.npz").symlink_to("few.npz")
    told = refused(capsys, "train", "link.npz", "--save=few.npz")
    assert "--save few.npz is the data set" in told


@pytest.mark.usefixtures("untrained")
def test_a_file_that_is_no_network_is_not_replaced_by_one(folder, capsys):
    """Be it data, text, or a network that is cut short."""
    np.savez("data.npz", x=np.zeros(3), network=np.zeros(3))
    (folder / "text.npz").write_text("notes")
    (folder / "cut.npz").write_bytes((folder / "net.npz").read_bytes()[:200])
    for name in ("data.npz", "text.npz", "cut.npz"):
        before = (folder / name).read_bytes()
        told = refused(capsys, *TRAIN, "--save", name)
        assert f"--save {name} is there already and is no network of cnnbp; name another" in told
        assert (folder / name).read_bytes() == before


def test_an_older_network_and_an_empty_file_are_replaced(folder):
    (folder / "empty.npz").touch()
    for name in ("net.npz", "empty.npz"):
        assert run(*TRAIN, "--save", name) == 0
        assert Network.load(name).epochs_trained == 1


@pytest.mark.parametrize("name", ["file/net.npz", "nowhere/net.npz", "dangling.npz"])
@pytest.mark.usefixtures("untrained")
def test_a_network_needs_a_folder_to_be_saved_in(folder, capsys, name):
    (folder / "file").touch()
    (folder / "dangling.npz").symlink_to("nowhere/net.npz")
    assert "which is no folder; name a file in one" in refused(capsys, *TRAIN, "--save", name)


@pytest.mark.usefixtures("untrained")
def test_network_and_picture_are_not_written_to_one_file(folder, capsys):
    told = refused(capsys, *TRAIN, "--save=out/../out/train.png", "--out=out")
    assert "is where the picture goes; name another file" in told
    assert not (folder / "out").exists()


@pytest.mark.usefixtures("untrained")
def test_a_picture_is_not_drawn_over_what_is_read(folder, capsys):
    for name in ("train.png", "explain.png"):
        (folder / name).symlink_to("few.npz")
    for command in (TRAIN, ("explain", "few.npz")):
        assert "would replace what is read" in refused(capsys, *command, "--out=.")
    (folder / "explain.png").unlink()
    (folder / "explain.png").symlink_to("net.npz")
    told = refused(capsys, "explain", "few.npz", "--load=net.npz", "--out=.")
    assert "explain.png would replace what is read; choose another with --out" in told


@pytest.mark.parametrize(
    ("command", "picture"),
    [(TRAIN, "train"), (("demo",), "lenet"), (("explain", "few.npz"), "explain")],
)
@pytest.mark.usefixtures("untrained")
def test_a_folder_in_place_of_the_picture_is_found_before_anything_is_trained(
    folder, capsys, command, picture
):
    (folder / "out" / f"{picture}.png").mkdir(parents=True)
    told = refused(capsys, *command, "--out=out")
    assert f"the picture out/{picture}.png is a folder or a device" in told


def test_a_header_replaces_an_older_one_and_nothing_else(folder, capsys):
    for _ in range(2):
        assert run("export", "net.npz", "net.hpp") == 0
    capsys.readouterr()
    (folder / "main.hpp").write_text("int main() {}\n")
    for name, words in (
        ("./net.npz", "is the network; name another file for the header"),
        ("few.npz", "is there already and is no header that cnnbp wrote"),
        ("main.hpp", "is there already and is no header that cnnbp wrote"),
    ):
        before = (folder / name).read_bytes()
        assert words in refused(capsys, "export", "net.npz", name)
        assert (folder / name).read_bytes() == before
