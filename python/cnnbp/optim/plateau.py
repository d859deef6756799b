"""A rate that falls when the loss does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cnnbp.arguments import read_amount, read_integer
from cnnbp.optim.names import SCHEDULES
from cnnbp.optim.schedule import LRSchedule, Rates, Times


@SCHEDULES.answered
@dataclass(frozen=True)
class ReduceLROnPlateau(LRSchedule):
    """``factor`` times the rate when the loss has not improved for `patience` epochs and one more.

    The loss is that of the validation data, or of training where there are none. It improves when
    it falls by the share `threshold` of the best so far. After a reduction `cooldown` epochs pass
    before epochs are counted again. Reductions smaller than `eps` are left out.

    A call of `fit` goes on where the last one ended if that had an equal schedule and the
    optimizer's rate is the same; give validation data to all of them or to none. With another
    schedule, be it by its `first_epoch`, or another rate it begins anew at the optimizer's rate;
    so does a network that was loaded or copied, as it knows no losses from before.
    """

    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.per != "epoch":
            raise ValueError(f'per must be "epoch" on a plateau, got "{self.per}"')
        if read_amount(self.factor, "factor") >= 1:
            raise ValueError(f"factor must be below 1, got {self.factor}")
        for name in ("patience", "cooldown"):
            read_integer(getattr(self, name), name, minimum=0)
        for name in ("threshold", "min_lr", "eps"):
            read_amount(getattr(self, name), name)

    def _rates(self, lr: float, t: Times) -> Rates:
        return np.full(t.shape, lr)

    def start(
        self, lr: float, *, epochs: range, batches: int
    ) -> Callable[[Sequence[float]], Rates]:
        """Return a function from the losses of the epochs done to the next one's rates."""
        super().start(lr, epochs=epochs, batches=batches)
        return lambda losses: np.full(batches, self.rate_after(lr, losses))

    def rate_after(self, lr: float, losses: Sequence[float]) -> float:
        """Return the rate after epochs with these losses."""
        best, bad, cooling = np.inf, 0, 0
        for loss in losses:
            bad += 1
            if loss < best * (1 - self.threshold):
                best, bad = loss, 0
            if cooling > 0:
                cooling, bad = cooling - 1, 0
            if bad > self.patience:
                lower = max(lr * self.factor, self.min_lr)
                lr = lower if lr - lower > self.eps else lr
                cooling, bad = self.cooldown, 0
        return lr
