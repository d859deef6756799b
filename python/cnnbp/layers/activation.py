"""Activations as layers of their own."""

from __future__ import annotations

from cnnbp import _core
from cnnbp.layers.base import Layer


class Sigmoid(Layer):
    """``f(u) = 1 / (1 + exp(-u))``, element by element; ``f' = f (1 - f)``."""

    def definition(self) -> _core.Activation:
        """Return the same layer for the compiled core."""
        return _core.Activation(function="sigmoid")


class Tanh(Layer):
    """``f(u) = tanh(u)``, element by element; ``f' = 1 - f²``."""

    def definition(self) -> _core.Activation:
        """Return the same layer for the compiled core."""
        return _core.Activation(function="tanh")


class ReLU(Layer):
    """``f(u) = max(u, 0)``, element by element; ``f' = 1`` above 0, and 0 elsewhere."""

    def definition(self) -> _core.Activation:
        """Return the same layer for the compiled core."""
        return _core.Activation(function="relu")


class Softmax(Layer):
    """``f(u)_j = exp(u_j) / Σ_k exp(u_k)`` over features, or over the channels of each pixel.

    The loss "cross_entropy" takes logits: a network that trains with it ends without a softmax.
    """

    def definition(self) -> _core.Activation:
        """Return the same layer for the compiled core."""
        return _core.Activation(function="softmax")
