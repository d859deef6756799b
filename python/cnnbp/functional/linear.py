"""The fully connected layer, its delta and its gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from cnnbp import _core
from cnnbp.functional.arrays import read_floats

if TYPE_CHECKING:
    from cnnbp._core import Float

WEIGHT_AXES = "out_features in_features"


def linear(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Float:
    """``u = W x + b`` for every row of `x`.

    Parameters
    ----------
    x : array_like, shape (..., in_features)
        Rows of features, with any number of axes before the last.
    weight : array_like, shape (out_features, in_features)
        Weights.
    bias : array_like, shape (out_features,), optional
        Added to each output.

    Returns
    -------
    ndarray, shape (..., out_features)
    """
    features = read_floats(x, "x")
    if features.ndim == 0:
        raise ValueError("x must have shape (..., in_features), got ()")
    output = _core.linear(
        features.reshape(math.prod(features.shape[:-1]), features.shape[-1]),
        read_floats(weight, "weight", WEIGHT_AXES, like=features),
        None if bias is None else read_floats(bias, "bias", "out_features", like=features),
    )
    return output.reshape(*features.shape[:-1], output.shape[-1])


def linear_delta(output_delta: ArrayLike, weight: ArrayLike) -> Float:
    """Delta of the input of `linear`: ``Wᵀ δ``.

    Parameters
    ----------
    output_delta : array_like, shape (N, out_features)
        Delta of the output.
    weight : array_like, shape (out_features, in_features)
        Weights.

    Returns
    -------
    ndarray, shape (N, in_features)
    """
    delta = read_floats(output_delta, "output_delta", "N out_features")
    return _core.linear_delta(delta, read_floats(weight, "weight", WEIGHT_AXES, like=delta))


def linear_gradients(x: ArrayLike, output_delta: ArrayLike) -> tuple[Float, Float]:
    """Gradients of the parameters of `linear`, summed over the samples: ``δ xᵀ`` and ``δ``.

    Parameters
    ----------
    x : array_like, shape (N, in_features)
        Rows of features.
    output_delta : array_like, shape (N, out_features)
        Delta of the output.

    Returns
    -------
    weight : ndarray, shape (out_features, in_features)
    bias : ndarray, shape (out_features,)
    """
    features = read_floats(x, "x", "N in_features")
    delta = read_floats(output_delta, "output_delta", "N out_features", like=features)
    return _core.linear_gradients(features, delta)
