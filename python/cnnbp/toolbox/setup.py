"""The toolbox's `cnnsetup`: sizes, and random weights to start from."""

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnbp.toolbox.layout import Array, check_same_samples, real_array
from cnnbp.toolbox.net import Layer, Net, require_net


def cnnsetup(
    net: Net | Iterable[Layer | Mapping[str, Any]],
    x: ArrayLike,
    y: ArrayLike,
    *,
    seed: int | np.random.Generator | None = None,
) -> Net:
    """Return `net` with random weights for images and classes like those of `x` and `y`.

    Weights start uniform in ±√(6 / (fan_in + fan_out)), biases at 0.

    Parameters
    ----------
    net : Net, or the layers of one
        The definition; weights it may already have are replaced.
    x : array_like of shape (rows, columns, samples)
        Images; only their size is used.
    y : array_like of shape (classes, samples)
        Targets; only the number of classes is used.
    seed : int, numpy.random.Generator or None
        Where the weights come from; None draws a new set each time.

    Returns
    -------
    Net
        With `k` and `b` of each layer, `ffW` and `ffb`.

    Raises
    ------
    ValueError
        If a layer does not fit the maps below it, or `x` and `y` differ in their samples.
    TypeError
        If `net` is neither a `Net` nor its layers, or `x` or `y` does not hold real numbers.
    """
    if not isinstance(net, Iterable):
        require_net(net)
    x_shape = real_array("x", x, ("rows", "columns", "samples")).shape
    y_shape = real_array("y", y, ("classes", "samples")).shape
    check_same_samples(x_shape, y_shape)
    net = net.copy() if isinstance(net, Net) else Net(net)
    shapes = net.map_shapes(x_shape[0], x_shape[1])
    rng = np.random.default_rng(seed)
    steps = pairwise(shapes)
    for layer, ((in_maps, _, _), (out_maps, _, _)) in zip(net.layers[1:], steps, strict=True):
        layer.b = np.zeros(out_maps)
        if layer.type == "c":
            size = layer.kernelsize
            fans = (in_maps + out_maps) * size**2
            layer.k = _uniform(rng, (in_maps, out_maps, size, size), fans)
    classes, features = y_shape[0], math.prod(shapes[-1])
    net.ffb = np.zeros((classes, 1))
    net.ffW = _uniform(rng, (classes, features), classes + features)
    return net


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], fans: int) -> Array:
    """Draw weights within ±√(6 / fans), `fans` being fan_in + fan_out."""
    limit = np.sqrt(6 / fans)
    return rng.uniform(-limit, limit, shape)
