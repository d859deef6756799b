"""Asking a saved network: how good it is, and what it reads."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cnnbp import data
from cnnbp.cli import wording
from cnnbp.cli.evaluation import Evaluation, loss_name
from cnnbp.cli.fit import require_fit, require_fit_of_images
from cnnbp.cli.reading import UNREAD, Reading
from cnnbp.cli.session import Environment
from cnnbp.cli.test_part import test_part
from cnnbp.cli.views import make_view
from cnnbp.data.dataset import Images
from cnnbp.data.npz import load_npz_images
from cnnbp.network import Network
from cnnbp.training import Samples
from cnnbp.training.history import finite


def evaluate(path: Path, source: Path, as_json: bool) -> None:
    """Print how good the network in `path` is on the test part of `source`, or on all without one.

    Raises
    ------
    OSError, TypeError, ValueError
        If there is no such network, or it does not fit the images and classes.
    """
    network = Network.load(path)
    images = data.load(source)
    require_fit(network, path, images)
    tested = images.x_test is not None
    samples = test_part(images) if tested else Samples(images.x_train, images.y_train)
    evaluation = Evaluation.of(network, samples)
    if as_json:
        about = {
            "name": images.name,
            "source": images.source,
            "part": _part(tested),
            "images": len(samples.x),
            "classes": images.classes,
        }
        _print(path, network, {"data": about, "test": evaluation.figures()})
        return
    view = make_view(sys.stdout)
    view.tell("network", wording.network_line(path, network))
    view.tell("data", wording.evaluated_line(images))
    view.tell("loss", wording.figure(evaluation.loss))
    view.tell("accuracy", wording.accuracy(evaluation))
    view.tell("worst confusions", *wording.worst_confusions(evaluation))


def predict(path: Path, source: Path, as_json: bool) -> None:
    """Print what the network in `path` reads on the images of `source`, a line each.

    Raises
    ------
    OSError, TypeError, ValueError
        If there is no such network, or it does not fit the images.
    """
    network = Network.load(path)
    images, tested = _images(source)
    require_fit_of_images(network, path, images.shape, str(source))
    reading = Reading.of(network, images)
    if as_json:
        about = {"source": str(source), "part": _part(tested), "images": len(images)}
        _print(path, network, {"data": about, "predictions": _predictions(reading)})
        return
    for place, (read, score) in enumerate(zip(reading.classes, reading.score, strict=True)):
        print(place, "-" if read == UNREAD else read, f"{score:.6g}")


def _predictions(reading: Reading) -> list[dict[str, Any]]:
    known = reading.probability is not None
    return [
        {
            "class": None if read == UNREAD else int(read),
            "probability": float(score) if known else None,
            "outputs": outputs,
        }
        for read, score, outputs in zip(
            reading.classes, reading.score, reading.outputs.tolist(), strict=True
        )
    ]


def _images(path: Path) -> tuple[Images, bool]:
    """Read the images of the test part, or all if there is none, and which of them it was.

    The labels of an ``.npz`` file are not read, and need not be there.
    """
    if path.suffix.lower() == ".npz" and not path.is_dir():
        name, images = load_npz_images(path)
        return images, name == "x_test"
    read = data.load(path)
    return (read.x_train, False) if read.x_test is None else (read.x_test, True)


def _part(tested: bool) -> str:
    return "test" if tested else "all"


def _print(path: Path, network: Network, found: dict[str, Any]) -> None:
    document = {
        "environment": asdict(Environment.current()),
        "network": str(path),
        "loss": loss_name(network),
        "epochs_trained": network.epochs_trained,
        **found,
    }
    print(json.dumps(finite(document), indent=2, allow_nan=False))
