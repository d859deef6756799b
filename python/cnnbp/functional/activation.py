"""Activations, element by element, and softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from cnnbp import _core
from cnnbp.arguments import read_integer
from cnnbp.functional.arrays import read_floats

if TYPE_CHECKING:
    from cnnbp._core import Float


def sigmoid(x: ArrayLike) -> Float:
    """``1 / (1 + exp(-x))`` of every element of an array of any shape."""
    return _of_every_element(x, "sigmoid")


def tanh(x: ArrayLike) -> Float:
    """``tanh(x)`` of every element of an array of any shape."""
    return _of_every_element(x, "tanh")


def relu(x: ArrayLike) -> Float:
    """``max(x, 0)`` of every element of an array of any shape."""
    return _of_every_element(x, "relu")


def softmax(x: ArrayLike, dim: int) -> Float:
    """``exp(x_j) / Σ_k exp(x_k)`` along one axis.

    Parameters
    ----------
    x : array_like
        An array with at least one axis, and at least one element along `dim`.
    dim : int
        The axis whose elements sum to 1; negative counts from the last.

    Returns
    -------
    ndarray
        Of the shape of `x`.
    """
    array = read_floats(x, "x")
    if array.ndim == 0:
        raise ValueError("x must have at least one axis, got shape ()")
    axis = read_integer(dim, "dim", minimum=-array.ndim, maximum=array.ndim - 1)
    if array.shape[axis] == 0:
        raise ValueError(f"x must have elements along axis {axis}, got shape {array.shape}")
    if array.size == 0:  # the core takes no array without elements
        return np.empty_like(array)
    moved = np.moveaxis(array, axis, -1)
    rows: Any = np.ascontiguousarray(moved).reshape(-1, array.shape[axis])
    output = _core.activation(rows, "softmax").reshape(moved.shape)
    return np.moveaxis(output, -1, axis)


def _of_every_element(x: ArrayLike, function: str) -> Float:
    array = read_floats(x, "x")
    if array.size == 0:
        return np.empty_like(array)
    return _core.activation(array.reshape(-1, 1), function).reshape(array.shape)
