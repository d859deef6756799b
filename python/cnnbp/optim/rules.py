"""The rules, with the names, defaults and formulas of ``torch.optim``.

In every formula g is the gradient ``∂E/∂p`` of a parameter p, clipped if the rule says so, and
t = 1, 2, … counts the steps. `Optimizer` explains ``lr`` and the options that all rules
take: ``clip_norm``, ``clip_value``, ``ema_decay`` and ``lr_scales``.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnbp.optim.base import Optimizer
from cnnbp.optim.names import RULES


@RULES.answered
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Gradient descent with momentum.

    ``g ← g + weight_decay · p``, ``v ← momentum · v + g``, ``p ← p - lr · v``; with `nesterov`
    ``p ← p - lr · (g + momentum · v)``. Without momentum this is the update of Bouvrie 2006 and of
    the toolbox, whose ``alpha`` is `lr`. The default rate is not torch's, which is 0.001.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float
        Share of the velocity that is kept from step to step, at least 0 and below 1.
    weight_decay : float
        Pull of every parameter to 0, at least 0.
    nesterov : bool
        Whether the momentum looks one step ahead (Sutskever et al. 2013).
    """

    lr: float = 0.01
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0, got 0.0")


@RULES.answered
@dataclass(frozen=True, repr=False)
class Adagrad(Optimizer):
    """Steps that shrink with the squares of all gradients so far (Duchi, Hazan, Singer 2011).

    ``g ← g + weight_decay · p``, ``s ← s + g²``,
    ``p ← p - lr / (1 + (t - 1) · lr_decay) · g / (√s + eps)``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    lr_decay : float
        How fast the rate falls with the steps, at least 0.
    weight_decay : float
        Pull of every parameter to 0, at least 0.
    eps : float
        Keeps the divisor from 0.
    """

    lr: float = 0.01
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    eps: float = 1e-10


@RULES.answered
@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """Steps over a running mean of squared gradients (Hinton 2012, lecture 6e).

    ``g ← g + weight_decay · p``, ``s ← alpha · s + (1 - alpha) · g²``,
    ``v ← momentum · v + g / (√s + eps)``, ``p ← p - lr · v``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    alpha : float
        Share of the running mean that is kept from step to step, at least 0 and below 1.
    eps : float
        Keeps the divisor from 0.
    weight_decay : float
        Pull of every parameter to 0, at least 0.
    momentum : float
        Share of the velocity that is kept from step to step, at least 0 and below 1.
    """

    lr: float = 0.01
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0


@RULES.answered
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Running means of gradients and of their squares (Kingma and Ba 2015, algorithm 1).

    ``g ← g + weight_decay · p``, ``m ← β₁ m + (1 - β₁) g``, ``s ← β₂ s + (1 - β₂) g²``,
    ``p ← p - lr · m̂ / (√ŝ + eps)`` with ``m̂ = m / (1 - β₁ᵗ)`` and ``ŝ = s / (1 - β₂ᵗ)``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    betas : (float, float)
        β₁ and β₂, the shares of both means that are kept, at least 0 and below 1.
    eps : float
        Keeps the divisor from 0.
    weight_decay : float
        Pull of every parameter to 0 through its gradient, at least 0; see `AdamW`.
    """

    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@RULES.answered
@dataclass(frozen=True, repr=False)
class AdamW(Optimizer):
    """`Adam` with a weight decay of its own (Loshchilov and Hutter 2019).

    ``p ← (1 - lr · weight_decay) · p`` before the step; g is left as it is.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    betas : (float, float)
        β₁ and β₂, the shares of both means that are kept, at least 0 and below 1.
    eps : float
        Keeps the divisor from 0.
    weight_decay : float
        Share of every parameter, times `lr`, that is lost in a step; at least 0.
    """

    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01


@RULES.answered
@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """Steps of one size, in the direction of a mean's sign (Chen et al. 2023, algorithm 2).

    ``p ← (1 - lr · weight_decay) · p - lr · sign(β₁ m + (1 - β₁) g)``,
    ``m ← β₂ m + (1 - β₂) g``.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0; a third to a tenth of what Adam takes.
    betas : (float, float)
        β₁ and β₂, at least 0 and below 1.
    weight_decay : float
        Share of every parameter, times `lr`, that is lost in a step; at least 0.
    """

    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.0
