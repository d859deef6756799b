"""The toolbox's own numbers (``data/toolbox``), and the nets to set beside them."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from cnnbp.toolbox import Net, cnnbp, cnnff

FOLDER = Path(__file__).parent / "data" / "toolbox"
NAMES = ("mnist_6c5_2s_12c5_2s", "random_2c2_2s_3c3", "random_rect_3c3_3s_5c3")


class Golden:
    """One run of the toolbox under Octave; samples are counted from 0 here."""

    def __init__(self, name: str) -> None:
        run = loadmat(FOLDER / f"{name}.mat")
        self.x, self.y, self.o = run["x"], run["y"], run["o"]
        self.alpha, self.er = float(run["alpha"].item()), float(run["er"].item())
        self.bad = run["bad"].ravel().astype(int) - 1
        self.batches = [batch.ravel().astype(int) - 1 for batch in cells(run["batches"])]
        self.losses, self.rL = run["L"].ravel(), run["rL"].ravel()
        self.layers = [definition(layer) for layer in cells(run["layers"])]
        self.initial, self.after_1, self.after, self.ff_bp = (
            struct(run[name]) for name in ("init", "after_1", "after", "ff_bp")
        )

    def net(self, weights: dict[str, Any] | None = None) -> Net:
        """The net with the toolbox's weights from before training, or others of its states."""
        weights = self.initial if weights is None else weights
        net = Net(self.layers)
        net.ffW, net.ffb = weights["ffW"], weights["ffb"]
        for place, layer in enumerate(net.layers):
            if layer.type == "c":
                layer.k = np.array([cells(row) for row in cells(cells(weights["k"])[place])])
                layer.b = np.array([b.item() for b in cells(cells(weights["b"])[place])])
        return net

    def first_pass(self) -> Net:
        """The net after one forward and backward pass over the first batch."""
        batch = self.batches[0]
        return cnnbp(cnnff(self.net(), self.x[:, :, batch]), self.y[:, batch])


@cache
def golden(name: str) -> Golden:
    return Golden(name)


def struct(value: np.ndarray) -> dict[str, Any]:
    """The fields of a 1x1 struct."""
    return {field: value[field].item() for field in value.dtype.names}


def cells(value: np.ndarray) -> list[Any]:
    """What a row of cells holds."""
    return list(value.ravel())


def definition(layer: np.ndarray) -> dict[str, Any]:
    """A layer's struct as the arguments of `Layer`."""
    fields = struct(layer)
    return {"type": fields.pop("type").item(), **{key: int(v.item()) for key, v in fields.items()}}


def assert_agree(got, want) -> None:
    """Hold each element to 1e-12 of the largest magnitude in the toolbox's array.

    `want` is one array of the toolbox, a single map or kernel; it is never compared as part of a
    larger one. Octave adds in another order than the core, so the last bits differ.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-12 * np.abs(want).max()


def assert_weights_agree(net: Net, weights: dict[str, Any]) -> None:
    """Hold `ffW`, `ffb`, each kernel and each bias to the toolbox's."""
    assert_agree(net.ffW, weights["ffW"])
    assert_agree(net.ffb, weights["ffb"])
    assert_layers_agree(net, weights, kernels="k", biases="b")


def assert_layers_agree(net: Net, weights: dict[str, Any], *, kernels: str, biases: str) -> None:
    """Hold each kernel and each bias of each convolution, or their gradients, to the toolbox's."""
    for place, layer in enumerate(net.layers):
        if layer.type == "c":
            rows = [cells(row) for row in cells(cells(weights[kernels])[place])]
            assert getattr(layer, kernels).shape[:2] == (len(rows), len(rows[0]))
            for i, row in enumerate(rows):
                for j, kernel in enumerate(row):
                    assert_agree(getattr(layer, kernels)[i][j], kernel)
            for j, bias in enumerate(cells(cells(weights[biases])[place])):
                assert_agree(getattr(layer, biases)[j], bias.item())
