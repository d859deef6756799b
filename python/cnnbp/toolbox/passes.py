"""The toolbox's forward and backward pass, `cnnff` and `cnnbp`."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp import _core, functional
from cnnbp.toolbox.layout import (
    Array,
    flip,
    float64_array,
    from_features,
    to_columns,
    to_features,
    to_images,
    to_maps,
)
from cnnbp.toolbox.net import Net, require_net


def cnnff(net: Net, x: ArrayLike) -> Net:
    """Run the images `x` forward through `net`.

    A convolution computes ``a_j = σ(Σ_i a_i * k_ij + b_j)`` ('valid', kernels flipped),
    subsampling the mean of each scale × scale block, the output layer ``o = σ(ffW · fv + ffb)``.

    Parameters
    ----------
    net : Net
        With weights, from `cnnsetup` or `load_mat`.
    x : array_like of shape (rows, columns, samples)
        Images, taken as float64. Digits stored in bytes are divided by 255 first, by the caller.

    Returns
    -------
    Net
        With `a` of every layer, `fv` and `o`.

    Raises
    ------
    ValueError
        If `net` has no weights or they do not fit the images, or `x` holds a NaN or infinity.
    TypeError
        If `net` is no `Net`, or `x` does not hold real numbers.
    """
    require_net(net)
    x = float64_array("x", x, ("rows", "columns", "samples"))
    shapes = net.map_shapes(*x.shape[:2])
    net.check_weights(shapes)
    net = net.copy()
    net.layers[0].a = x[None]
    for below, layer in pairwise(net.layers):
        images = to_images(below.a)
        if layer.type == "c":
            u = functional.conv2d(images, flip(layer.k), layer.b)
            layer.a = to_maps(functional.sigmoid(u))
        else:
            layer.a = to_maps(functional.avg_pool2d(images, layer.scale))
    net.fv = to_features(net.layers[-1].a)
    output = functional.linear(net.fv.T, net.ffW, net.ffb[:, 0])
    net.o = to_columns(functional.sigmoid(output))
    return net


def cnnbp(net: Net, y: ArrayLike) -> Net:
    """Compute loss, deltas and gradients of the pass that `cnnff` left in `net`.

    With ``e = o − y`` and N samples, ``L = ½ Σ e² / N``; ``od = e ∘ o ∘ (1 − o)`` and
    ``fvd = ffWᵀ · od``, the delta of the last maps. If the last layer is a convolution, `fvd` is
    taken through its sigmoid: ``fvd ∘ fv ∘ (1 − fv)``. Further down the deltas are those of
    J. Bouvrie, *Notes on Convolutional Neural Networks* (2006): of a convolution
    ``d_j = a_j ∘ (1 − a_j) ∘ up(d_j of the layer above) / scale²``, where ``up`` repeats each value
    scale × scale times, and of subsampling ``d_i = Σ_j conv2(d_j, rot180(k_ij), 'full')`` with d
    and k of the convolution above. Gradients are
    ``dk_ij = Σ rot180(conv2(a_i, rot180(d_j), 'valid')) / N`` with a of the layer below,
    ``db_j = Σ d_j / N``, ``dffW = od · fvᵀ / N`` and ``dffb = Σ od / N``, sums over samples.

    Parameters
    ----------
    net : Net
        As returned by `cnnff`.
    y : array_like of shape (classes, samples)
        Targets, usually 1 for the class of the sample and 0 elsewhere.

    Returns
    -------
    Net
        With `e`, `L`, `od`, `fvd`, `d` of every layer above the input, `dk` and `db` of every
        convolution, `dffW` and `dffb`. Gradients are means over the samples.

    Raises
    ------
    ValueError
        If `net` has not been run forward, or `y` has not the shape of `net.o`.
    TypeError
        If `net` is no `Net`, or `y` does not hold real numbers.
    """
    require_net(net)
    net.require(("fv", "o"), ("a",), "call net = cnnff(net, x) before cnnbp(net, y)", types="ics")
    y = float64_array("y", y, ("classes", "samples"))
    net = net.copy()
    net.L = loss(net.o, y)
    net.e = net.o - y
    net.od = _through_sigmoid(net.e, net.o)
    net.fvd = to_columns(functional.linear_delta(net.od.T, net.ffW))
    if net.layers[-1].type == "c":
        net.fvd = _through_sigmoid(net.fvd, net.fv)
    net.layers[-1].d = from_features(net.fvd, *net.layers[-1].a.shape[:3])
    _propagate_deltas(net)
    _compute_gradients(net)
    return net


def loss(o: Array, y: Array) -> float:
    """Return the toolbox's loss ½ Σ (o − y)² / samples."""
    if o.shape != y.shape:
        raise ValueError(
            f"y must have the shape (classes, samples) of the net's outputs, {o.shape}, "
            f"got {y.shape}"
        )
    return float(np.sum((o - y) ** 2) / 2 / y.shape[1])


def _through_sigmoid(delta: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
    """Return delta ∘ output ∘ (1 − output)."""
    delta, output = np.ascontiguousarray(delta), np.ascontiguousarray(output)
    return _core.activation_delta(delta, output, "sigmoid")


def _propagate_deltas(net: Net) -> None:
    """Set `d` from the last layer but one down to the first above the input."""
    for layer, above in reversed(list(pairwise(net.layers[1:]))):
        delta, size = to_images(above.d), layer.a.shape[1:3]
        if layer.type == "c":
            pooled = functional.avg_pool2d_delta(delta, above.scale, input_size=size)
            layer.d = to_maps(_through_sigmoid(pooled, to_images(layer.a)))
        else:
            layer.d = to_maps(functional.conv2d_delta(delta, flip(above.k), input_size=size))


def _compute_gradients(net: Net) -> None:
    """Set the gradients of all weights from the deltas."""
    samples = net.o.shape[1]
    for below, layer in pairwise(net.layers):
        if layer.type == "c":
            weight, bias = functional.conv2d_gradients(
                to_images(below.a), to_images(layer.d), kernel_size=layer.kernelsize
            )
            layer.dk, layer.db = flip(weight) / samples, bias / samples
    weight, bias = functional.linear_gradients(net.fv.T, net.od.T)
    net.dffW, net.dffb = weight / samples, bias[:, None] / samples
