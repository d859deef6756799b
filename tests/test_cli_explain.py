"""``cnnbp explain``, the command: its words, its document, its picture, its refusals."""

import json

import numpy as np
import pytest
from matplotlib.image import imread

import cnnbp
import program


def run(*arguments):
    return program.run("explain", *arguments)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """200 digits to train on and 20 to explain, in a file."""
    digits = cnnbp.data.digits()
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(
        path,
        x_train=digits.x_train[:200],
        y_train=digits.y_train[:200],
        x_test=digits.x_test[:20],
        y_test=digits.y_test[:20],
    )
    return path


def test_it_tells_the_pass_in_words_and_draws_it(path, tmp_path, capsys):
    assert run(path, "--digit=3", "--epochs=1", "--out", tmp_path / "folder") == 0
    shown = capsys.readouterr().out
    for words in ("digit 3 of the 20 test images", "class 0", "Forward", "Loss", "Backward"):
        assert words in shown
    for place in range(5):
        assert f"{place}.delta" in shown
    assert "\x1b" not in shown
    pixels = imread(tmp_path / "folder" / "explain.png")
    assert pixels.shape[1] == 1320
    for row in range(5):  # ink in the line and the panels of every layer
        top = int(110 * (1.7 + 2.2 * row))
        assert pixels[top : top + 200, :, :3].min() < 0.5


def test_its_document_holds_the_same_numbers_as_the_library(path, tmp_path, capsys):
    net = cnnbp.Network.from_spec("3c5-2m-10o", input_shape=(1, 28, 28), loss="cross_entropy")
    net.save(tmp_path / "net.npz")
    assert run(path, "--load", tmp_path / "net.npz", "--digit=2", "--no-pictures", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    data = cnnbp.data.load(path)
    trace = net.trace(data.x_test[2:3], data.y_test[2:3])
    assert document["loss"]["value"] == trace["loss"]
    assert document["outputs"] == pytest.approx(trace["2.output"][0].tolist())
    deltas = [step["arrays"][0]["rms"] for step in document["backward"]]
    names = ("2.delta", "1.delta", "0.delta", "input.delta")
    expected = [np.sqrt(np.mean(trace[name].astype(float) ** 2)) for name in names]
    assert deltas == pytest.approx(expected)
    assert document["by_hand"]["by_patches"] == pytest.approx(document["by_hand"]["core"], rel=1e-4)
    assert document["picture"] is None


@pytest.mark.parametrize("seed", [0, 3])
def test_a_loaded_network_explains_an_image_that_its_seed_set_aside(tmp_path, capsys, seed):
    digits = cnnbp.data.digits()
    np.savez(tmp_path / "all.npz", x_train=digits.x_train[:50], y_train=digits.y_train[:50])
    net = cnnbp.Network.from_spec("10o", input_shape=(1, 28, 28), seed=seed)
    net.save(tmp_path / "net.npz")
    options = ("--load", tmp_path / "net.npz", "--no-pictures", "--json", f"--seed={seed}")
    outputs = []
    for digit in range(10):
        assert run(tmp_path / "all.npz", f"--digit={digit}", *options) == 0
        outputs.append(json.loads(capsys.readouterr().out)["outputs"])
    kept = cnnbp.data.load(tmp_path / "all.npz").split(seed=seed)
    np.testing.assert_allclose(outputs, net.predict(kept.x_test), rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--digit=20"], "--digit 20: there are 20 test images, 0 to 19"),
        (["--digit=-1"], "--digit"),
        (["--load=none.npz"], "none.npz"),
        (["--load=none.npz", "--epochs=2"], "leave out --net and --epochs"),
        (["--net=6c99"], "layer 0 (Conv2d)"),
        (["--net="], "cannot read ''"),
        (["--load=text.txt"], "text.txt is not a network saved by cnnbp"),
        (["--load=other.npz"], "x must have shape (N, 1, 5, 5)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_explained_gets_one_line(
    path, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("no network")
    cnnbp.Network.from_spec("3c3-10o", input_shape=(1, 5, 5)).save("other.npz")
    assert run(path, *arguments, "--no-pictures") == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cnnbp: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err
    assert "pickle" not in shown.err
