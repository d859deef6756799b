"""Normalisation layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from cnnbp import _core
from cnnbp.arguments import read_flag, read_integer, read_number
from cnnbp.layers.base import Layer, read_activation, refuse_unneeded


@dataclass(frozen=True, init=False, repr=False)
class BatchNorm2d(Layer):
    """Every channel with mean 0 and variance 1 over a batch, then scaled and shifted.

    ``u_c = γ_c (x_c - μ_c) / √(σ_c² + eps) + β_c``, with μ and σ² over all samples and pixels of
    the batch (Ioffe and Szegedy 2015), as ``torch.nn.BatchNorm2d``. Predictions and evaluations use
    ``running_mean`` and ``running_var``, which each training pass moves towards the batch's:
    ``r ← (1 - momentum) r + momentum s``, where ``s`` of the variance divides by ``n - 1``.
    Parameters: ``weight`` (γ, from 1) and ``bias`` (β, from 0), of shape ``(channels,)``, and the
    running statistics. Takes maps, and vectors of features too.

    Parameters
    ----------
    eps : float
        Added to the variance, above 0.
    momentum : float
        Share of the batch in the running statistics, 0 to 1.
    affine : bool
        Whether γ and β are learned; 1 and 0 otherwise.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds γ and β, and uses the running statistics in training too, without moving them.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range. Training with one value a channel is
        refused by the call.
    """

    eps: float
    momentum: float
    affine: bool
    activation: str | None
    trainable: bool

    def __init__(
        self,
        *extra: Never,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        activation: str | None = None,
        trainable: bool = True,
    ) -> None:
        refuse_unneeded("BatchNorm2d", "its options by name; channels are inferred", extra=extra)
        self._assign(
            eps=_read_eps(eps, "BatchNorm2d eps"),
            momentum=read_number(momentum, "BatchNorm2d momentum"),
            affine=read_flag(affine, "BatchNorm2d affine"),
            activation=read_activation(activation, "BatchNorm2d activation"),
            trainable=read_flag(trainable, "BatchNorm2d trainable"),
        )
        if not 0 <= self.momentum <= 1:
            raise ValueError(f"BatchNorm2d momentum must be 0 to 1, got {momentum!r}")

    def definition(self) -> _core.BatchNorm2d:
        """Return the same layer for the compiled core."""
        return _core.BatchNorm2d(
            eps=self.eps,
            momentum=self.momentum,
            affine=self.affine,
            activation=self.activation or "identity",
            trainable=self.trainable,
        )


@dataclass(frozen=True, init=False, repr=False)
class GroupNorm(Layer):
    """Every group of channels of a sample with mean 0 and variance 1, then scaled and shifted.

    ``u_c = γ_c (x_c - μ_g) / √(σ_g² + eps) + β_c``, with μ and σ² over the pixels of the
    neighbouring channels of a group, of one sample (Wu and He 2018), as ``torch.nn.GroupNorm``. It
    computes the same in training and in predictions, for a batch of any size. One group is layer
    normalisation over channels and pixels, with γ and β by channel (Ba, Kiros and Hinton 2016); as
    many groups as channels are instance normalisation (Ulyanov, Vedaldi and Lempitsky 2016).
    Parameters: ``weight`` (γ, from 1) and ``bias`` (β, from 0), of shape ``(channels,)``. Takes
    maps, and vectors of features too.

    Parameters
    ----------
    num_groups : int
        Number of groups of equal size; divides the channels.
    eps : float
        Added to the variance, above 0.
    affine : bool
        Whether γ and β are learned; 1 and 0 otherwise.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds γ and β at their values: they have no gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range. Groups that do not divide the channels
        or hold a single value are refused by `Network`.
    """

    num_groups: int
    eps: float
    affine: bool
    activation: str | None
    trainable: bool

    def __init__(
        self,
        num_groups: int,
        *extra: Never,
        eps: float = 1e-5,
        affine: bool = True,
        activation: str | None = None,
        trainable: bool = True,
    ) -> None:
        takes = "num_groups, the rest by name; channels are inferred"
        refuse_unneeded("GroupNorm", takes, num_groups, extra=extra)
        self._assign(
            num_groups=read_integer(num_groups, "GroupNorm num_groups"),
            eps=_read_eps(eps, "GroupNorm eps"),
            affine=read_flag(affine, "GroupNorm affine"),
            activation=read_activation(activation, "GroupNorm activation"),
            trainable=read_flag(trainable, "GroupNorm trainable"),
        )

    def definition(self) -> _core.GroupNorm:
        """Return the same layer for the compiled core."""
        return _core.GroupNorm(
            num_groups=self.num_groups,
            eps=self.eps,
            affine=self.affine,
            activation=self.activation or "identity",
            trainable=self.trainable,
        )


def _read_eps(value: object, name: str) -> float:
    eps = read_number(value, name)
    if eps <= 0:
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return eps
