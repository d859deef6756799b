"""Normalisation layers."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbp import _core
from cnnbp.arguments import read_flag, read_number
from cnnbp.layers.base import Layer, read_activation


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
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        activation: str | None = None,
        trainable: bool = True,
    ) -> None:
        self._assign(
            eps=read_number(eps, "BatchNorm2d eps"),
            momentum=read_number(momentum, "BatchNorm2d momentum"),
            affine=read_flag(affine, "BatchNorm2d affine"),
            activation=read_activation(activation, "BatchNorm2d activation"),
            trainable=read_flag(trainable, "BatchNorm2d trainable"),
        )
        if self.eps <= 0:
            raise ValueError(f"BatchNorm2d eps must be above 0, got {eps!r}")
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
