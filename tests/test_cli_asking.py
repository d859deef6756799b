"""``cnnbp evaluate`` and ``cnnbp predict``: a saved network, asked from the command line."""

import json

import numpy as np
import pytest

import cnnbp
from cnnbp import layers as L  # noqa: N812
from program import run


@pytest.fixture(scope="module")
def digits():
    whole = cnnbp.data.digits()
    return whole.x_train[:200], whole.y_train[:200], whole.x_test[:40], whole.y_test[:40]


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    """A trained network, the digits with a test part and without, and images alone."""
    folder = tmp_path_factory.mktemp("asked")
    x, y, x_test, y_test = digits
    np.savez(folder / "few.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    np.savez(folder / "untested.npz", x=x, y=y)
    np.savez(folder / "images.npz", x=x_test[:3, 0])
    loss = cnnbp.losses.CrossEntropy(label_smoothing=0.1)
    net = cnnbp.Network.from_spec("10o", input_shape=(1, 28, 28), loss=loss)
    net.fit(x, y, epochs=2, progress=False)
    net.save(folder / "net.npz")
    return folder


@pytest.fixture(scope="module")
def net(folder):
    return cnnbp.Network.load(folder / "net.npz")


# evaluate


def test_it_evaluates_on_the_test_part_and_says_so(folder, net, digits, capsys):
    assert run("evaluate", folder / "net.npz", folder / "few.npz") == 0
    told = dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines())
    found = net.evaluate(*digits[2:])
    wrong = round(40 * (1 - found["accuracy"]))
    assert told["network"] == f"{folder / 'net.npz'}, cross_entropy, after 2 epochs of training"
    assert told["data"] == "few: the test part, 40 images, 1x28x28 uint8"
    assert told["loss"] == f"{found['loss']:.4f}"
    assert told["accuracy"] == f"{100 * found['accuracy']:.1f} %, {wrong} of 40 misread"
    assert "read as" in told["worst confusions"]


def test_without_a_test_part_it_evaluates_on_all_and_says_so(folder, net, digits, capsys):
    assert run("evaluate", folder / "net.npz", folder / "untested.npz") == 0
    shown = capsys.readouterr().out
    assert "untested: all 200 images, as there is no test part" in shown
    assert f"loss: {net.evaluate(*digits[:2])['loss']:.4f}\n" in shown


@pytest.mark.parametrize(
    ("name", "part", "images"), [("few", "test", 40), ("untested", "all", 200)]
)
def test_its_document_says_the_same(folder, net, digits, capsys, name, part, images):
    assert run("evaluate", folder / "net.npz", folder / f"{name}.npz", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    x, y = digits[2:] if part == "test" else digits[:2]
    assert (document["data"]["part"], document["data"]["images"]) == (part, images)
    assert (document["loss"], document["epochs_trained"]) == ("cross_entropy", 2)
    assert document["test"].items() >= net.evaluate(x, y).items()
    misread = document["test"]["misread"]
    assert misread == (net.predict(x).argmax(axis=1) != y).sum()
    assert misread == sum(confusion["times"] for confusion in document["test"]["confusions"])


def test_data_may_lack_the_last_classes(folder, digits, tmp_path, capsys):
    some = digits[1] < 9
    np.savez(tmp_path / "nine.npz", x=digits[0][some], y=digits[1][some])
    assert run("evaluate", folder / "net.npz", tmp_path / "nine.npz") == 0
    assert f"all {some.sum()} images" in capsys.readouterr().out


# predict


def test_it_prints_a_line_an_image_with_the_class_and_its_probability(folder, net, digits, capsys):
    assert run("predict", folder / "net.npz", folder / "few.npz") == 0
    outputs = net.predict(digits[2]).astype(float)
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [int(place) for place, _, _ in lines] == list(range(40))
    assert [int(read) for _, read, _ in lines] == outputs.argmax(axis=1).tolist()
    probabilities = [float(score) for _, _, score in lines]
    np.testing.assert_allclose(probabilities, shares.max(axis=1), rtol=1e-5)


def test_images_need_no_labels(folder, net, digits, capsys):
    assert run("predict", folder / "net.npz", folder / "images.npz") == 0
    reads = [int(line.split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert reads == net.predict(digits[2][:3]).argmax(axis=1).tolist()


@pytest.mark.parametrize(
    ("name", "part", "images"),
    [("few", "test", 40), ("untested", "all", 200), ("images", "all", 3)],
)
def test_its_document_holds_the_outputs_too(folder, net, digits, capsys, name, part, images):
    assert run("predict", folder / "net.npz", folder / f"{name}.npz", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["data"]["part"], document["data"]["images"]) == (part, images)
    outputs = np.array([image["outputs"] for image in document["predictions"]])
    x = digits[0] if name == "untested" else digits[2][:images]
    np.testing.assert_array_equal(outputs, net.predict(x))
    reads = [image["class"] for image in document["predictions"]]
    assert reads == outputs.argmax(axis=1).tolist()
    assert all(0.1 <= image["probability"] <= 1 for image in document["predictions"])


def test_folders_are_read_as_train_reads_them(folder, digits, tmp_path, capsys):
    for name, array in (("images-idx3", digits[2][:, 0]), ("labels-idx1", digits[3])):
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        head = bytes([0, 0, 8, array.ndim]) + sizes
        (tmp_path / f"train-{name}-ubyte").write_bytes(head + array.astype(np.uint8).tobytes())
    assert run("predict", folder / "net.npz", tmp_path) == 0
    by_folder = capsys.readouterr().out
    assert run("predict", folder / "net.npz", folder / "few.npz") == 0
    assert by_folder == capsys.readouterr().out


def test_where_outputs_are_no_logits_their_values_stand_in_place_of_probabilities(
    folder, tmp_path, capsys
):
    layers = [L.Linear(10, activation="sigmoid")]
    net = cnnbp.Network(layers, input_shape=(1, 28, 28), loss="mse")
    net.save(tmp_path / "net.npz")
    outputs = net.predict(np.load(folder / "images.npz")["x"])
    assert run("predict", tmp_path / "net.npz", folder / "images.npz") == 0
    scores = [float(line.split()[2]) for line in capsys.readouterr().out.splitlines()]
    np.testing.assert_allclose(scores, outputs.max(axis=1), rtol=1e-5)
    assert run("predict", tmp_path / "net.npz", folder / "images.npz", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [image["probability"] for image in document["predictions"]] == [None] * 3


def test_outputs_that_are_not_finite_are_no_class(folder, tmp_path, capsys):
    net = cnnbp.Network([L.Linear(10)], input_shape=(1, 28, 28), loss="cross_entropy")
    net.load_state_dict({name: array * np.nan for name, array in net.state_dict().items()})
    net.save(tmp_path / "nan.npz")
    assert run("predict", tmp_path / "nan.npz", folder / "images.npz") == 0
    assert capsys.readouterr().out == "0 - nan\n1 - nan\n2 - nan\n"
    assert run("predict", tmp_path / "nan.npz", folder / "images.npz", "--json") == 0
    document = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert document["predictions"][0] == {
        "class": None,
        "probability": None,
        "outputs": [None] * 10,
    }


# Refusals


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "net.npz", "nowhere"], "nowhere: no such file or folder"),
        (["evaluate", "none.npz", "few.npz"], "none.npz: No such file"),
        (["evaluate", "few.npz", "net.npz"], "few.npz is not a network saved by cnnbp"),
        (["evaluate", "net.npz", "images.npz"], "images.npz: holds the arrays ['x']; expected"),
        (["evaluate", "net.npz", "small.npz"], "1x28x28 and small.npz has images of 1x9x9"),
        (["evaluate", "net.npz", "many.npz"], "net.npz has 10 outputs and many.npz has 12 classes"),
        (["evaluate", "net.npz"], "Missing argument"),
        (["predict", "net.npz", "small.npz"], "1x28x28 and small.npz has images of 1x9x9"),
        (["predict", "net.npz", "net.npz"], "expected images called x_test, x_train or x"),
        (["predict", "net.npz", "nan.npz"], "nan.npz: x holds NaN or infinity, first in image 1"),
        (["predict", "few.npz", "net.npz"], "few.npz is not a network saved by cnnbp"),
        (["predict", "net.npz", "text.npz"], "text.npz: not a sound .npz archive"),
        (["predict", "net.npz", "text.txt"], "expected an .npz file, a .mat file, or a folder"),
        (["predict", "net.npz", "few.npz", "--threads=0"], "--threads"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_asked_gets_one_line(
    folder, digits, tmp_path, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    np.savez("small.npz", x=digits[0][:, :, :9, :9], y=digits[1])
    np.savez("many.npz", x=digits[0], y=digits[1] + 2)
    np.savez("nan.npz", x=np.stack([np.zeros((28, 28)), np.full((28, 28), np.nan)]))
    for name in ("text.npz", "text.txt"):
        (tmp_path / name).write_text("no digits")
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("cnnbp: ")
    assert shown.err.count("\n") == 1
    assert words in shown.err
