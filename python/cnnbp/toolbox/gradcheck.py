"""The toolbox's `cnnnumgradcheck`: gradients against central differences of the loss."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from cnnbp.toolbox.layout import Array, float64_array
from cnnbp.toolbox.net import Net, require_net
from cnnbp.toolbox.passes import cnnff, loss

#: The toolbox's own step and allowance.
_EPSILON = 1e-4
_ALLOWED = 1e-8


def cnnnumgradcheck(net: Net, x: ArrayLike, y: ArrayLike) -> None:
    """Compare every gradient in `net` with central differences of the loss.

    ``(L(p + 1e-4) − L(p − 1e-4)) / 2e-4`` must be within 1e-8 of the gradient, for each single
    weight p. Two forward passes a weight: use a few samples.

    Parameters
    ----------
    net : Net
        As returned by `cnnbp` for these samples: ``cnnbp(cnnff(net, x), y)``.
    x : array_like of shape (rows, columns, samples)
        Images.
    y : array_like of shape (classes, samples)
        Targets.

    Raises
    ------
    ArithmeticError
        At the first gradient that is wrong; names it, with both values.
    ValueError, TypeError
        If `net` is no `Net` or holds no gradients, or as `cnnff` and `cnnbp`.
    """
    require_net(net)
    net.require_gradients()
    x = float64_array("x", x, ("rows", "columns", "samples"))
    y = float64_array("y", y, ("classes", "samples"))
    probe = _with_own_weights(net)
    for name, weights, gradients in _pairs(probe):
        for place in np.ndindex(weights.shape):
            numerical = _central_difference(probe, weights, place, x, y)
            if not abs(numerical - gradients[place]) <= _ALLOWED:
                raise ArithmeticError(
                    f"numerical gradient checking failed: net.{name}[{place}] is "
                    f"{gradients[place]:.12g}, central differences give {numerical:.12g}"
                )


def _with_own_weights(net: Net) -> Net:
    """Return a copy of `net` whose weights can be written to."""
    net = net.copy()
    net.ffW, net.ffb = net.ffW.copy(), net.ffb.copy()
    for layer in net.layers:
        if layer.type == "c":
            layer.k, layer.b = layer.k.copy(), layer.b.copy()
    return net


def _pairs(net: Net) -> Iterator[tuple[str, Array, Array]]:
    """Yield each gradient's name, the weights it belongs to, and the gradient, last layer first."""
    yield "dffb", net.ffb, net.dffb
    yield "dffW", net.ffW, net.dffW
    for place, layer in reversed(list(enumerate(net.layers))):
        if layer.type == "c":
            yield f"layers[{place}].db", layer.b, layer.db
            yield f"layers[{place}].dk", layer.k, layer.dk


def _central_difference(
    net: Net, weights: Array, place: tuple[int, ...], x: Array, y: Array
) -> float:
    """Return the slope of the loss along one of `net`'s own weights, and put the weight back."""
    value = weights[place]
    weights[place] = value + _EPSILON
    above = loss(cnnff(net, x).o, y)
    weights[place] = value - _EPSILON
    below = loss(cnnff(net, x).o, y)
    weights[place] = value
    return (above - below) / (2 * _EPSILON)
