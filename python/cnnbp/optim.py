"""Update rules: how a gradient changes a parameter."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbp.arguments import read_number


@dataclass(frozen=True)
class SGD:
    """Gradient descent with momentum, in the form of ``torch.optim.SGD``.

    ``v ← momentum · v + ∂E/∂p``, ``p ← p - lr · v``. Without momentum this is the update of
    Bouvrie 2006 and of the toolbox, whose ``alpha`` is `lr`. An optimizer is a value: to change
    the rate between epochs, assign a new one to ``net.optimizer``; the velocities are kept.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    momentum : float
        Share of the velocity that is kept from step to step, at least 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is no number or out of range.
    """

    lr: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        lr = read_number(self.lr, "lr")
        momentum = read_number(self.momentum, "momentum")
        if lr < 0:
            raise ValueError(f"lr must be at least 0, got {lr}")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {momentum}")
        object.__setattr__(self, "lr", lr)
        object.__setattr__(self, "momentum", momentum)
