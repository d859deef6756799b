"""Activations as layers of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Never

from cnnbp import _core
from cnnbp.arguments import read_amount, read_choice, read_number
from cnnbp.layers.base import Layer, refuse_unneeded


class ActivationLayer(Layer):
    """What all activations share: a function of the core, and perhaps a number it takes."""

    function: ClassVar[str]

    def __init__(self, *extra: Never) -> None:
        takes = "no arguments; torch's inplace and dim are not needed"
        refuse_unneeded(type(self).__name__, takes, extra=extra)

    def parameter(self) -> float | None:
        """Return the function's number; None if it takes none."""
        return None

    def core_function(self) -> str:
        """Return the core's name of the function."""
        return self.function

    def definition(self) -> _core.Activation:
        """Return the same layer for the compiled core."""
        return _core.Activation(function=self.core_function(), parameter=self.parameter())


class Sigmoid(ActivationLayer):
    """``f(u) = 1 / (1 + exp(-u))``, element by element; ``f' = f (1 - f)`` (Bouvrie 2006)."""

    function = "sigmoid"


class Tanh(ActivationLayer):
    """``f(u) = tanh(u)``, element by element; ``f' = 1 - f²`` (Bouvrie 2006)."""

    function = "tanh"


class ScaledTanh(ActivationLayer):
    """``f(u) = 1.7159 tanh(2u / 3)``, the squashing function of LeNet-5.

    LeCun, Bottou, Bengio and Haffner 1998, *Gradient-Based Learning Applied to Document
    Recognition*, appendix A.
    """

    function = "scaled_tanh"


class ReLU(ActivationLayer):
    """``f(u) = max(u, 0)``; ``f' = 1`` above 0, and 0 elsewhere (Nair and Hinton 2010)."""

    function = "relu"


@dataclass(frozen=True, init=False, repr=False)
class LeakyReLU(ActivationLayer):
    """``f(u) = max(u, 0) + negative_slope · min(u, 0)`` (Maas, Hannun and Ng 2013).

    Parameters
    ----------
    negative_slope : float
        Slope below 0, at least 0.
    """

    negative_slope: float
    function: ClassVar[str] = "leaky_relu"

    def __init__(self, negative_slope: float = 0.01, *extra: Never) -> None:
        takes = "negative_slope alone; torch's inplace is not needed"
        refuse_unneeded("LeakyReLU", takes, negative_slope, extra=extra)
        self._assign(negative_slope=read_amount(negative_slope, "LeakyReLU negative_slope"))

    def parameter(self) -> float:
        """Return the slope below 0."""
        return self.negative_slope


@dataclass(frozen=True, init=False, repr=False)
class ELU(ActivationLayer):
    """``f(u) = u`` above 0, ``alpha (exp(u) - 1)`` below (Clevert, Unterthiner, Hochreiter 2016).

    Parameters
    ----------
    alpha : float
        Minus the limit on the left, at least 0.
    """

    alpha: float
    function: ClassVar[str] = "elu"

    def __init__(self, alpha: float = 1.0, *extra: Never) -> None:
        refuse_unneeded("ELU", "alpha alone; torch's inplace is not needed", alpha, extra=extra)
        self._assign(alpha=read_amount(alpha, "ELU alpha"))

    def parameter(self) -> float:
        """Return minus the limit on the left."""
        return self.alpha


@dataclass(frozen=True, init=False, repr=False)
class Softplus(ActivationLayer):
    """``f(u) = log(1 + exp(beta · u)) / beta``; ``f' = σ(beta · u)`` (Dugas et al. 2001).

    It is so at every u, without torch's threshold beyond which ``f(u) = u``.

    Parameters
    ----------
    beta : float
        How sharp the bend at 0 is, above 0.
    """

    beta: float
    function: ClassVar[str] = "softplus"

    def __init__(self, beta: float = 1.0, *extra: Never) -> None:
        takes = "beta alone; it is log(1 + exp(beta u)) / beta at every u, without a threshold"
        refuse_unneeded("Softplus", takes, beta, extra=extra)
        number = read_number(beta, "Softplus beta")
        if number <= 0:
            raise ValueError(f"Softplus beta must be above 0, got {beta!r}")
        self._assign(beta=number)

    def parameter(self) -> float:
        """Return the sharpness."""
        return self.beta


@dataclass(frozen=True, init=False, repr=False)
class GELU(ActivationLayer):
    """``f(u) = u Φ(u)``, Φ the normal distribution (Hendrycks and Gimpel 2016).

    Parameters
    ----------
    approximate : {"none", "tanh"}
        Φ itself, or ``½ (1 + tanh(√(2/π) (u + 0.044715 u³)))`` in its place.
    """

    approximate: str

    def __init__(self, *, approximate: str = "none") -> None:
        read_choice(approximate, "GELU approximate", ("none", "tanh"))
        self._assign(approximate=approximate)

    def core_function(self) -> str:
        """Return the core's name of the function."""
        return "gelu" if self.approximate == "none" else "gelu_tanh"


class SiLU(ActivationLayer):
    """``f(u) = u σ(u)``, also called swish (Ramachandran, Zoph and Le 2017)."""

    function = "silu"


class Hardswish(ActivationLayer):
    """``f(u) = u min(max(u + 3, 0), 6) / 6`` (Howard et al. 2019, MobileNetV3)."""

    function = "hardswish"


class Softmax(ActivationLayer):
    """``f(u)_j = exp(u_j) / Σ_k exp(u_k)`` over features, or over the channels of each pixel.

    Bishop 2006, *Pattern Recognition and Machine Learning*, multiclass logistic regression.
    The loss "cross_entropy" takes logits: a network that trains with it ends without a softmax.
    """

    function = "softmax"
