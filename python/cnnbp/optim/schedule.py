"""What all schedules share: they are values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.arguments import read_choice, read_integer
from cnnbp.names import shown

Rates: TypeAlias = NDArray[np.float64]
Times: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class LRSchedule(ABC):
    """A learning rate for every epoch or batch.

    Parameters
    ----------
    per : {"epoch", "batch"}
        What t counts, over the network's life: two calls of `fit` are one longer call.
    first_epoch : int
        Number of epochs the network has been trained when t is 0, to begin anew on a network that
        was trained before.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range; the message names it.
    """

    per: Literal["epoch", "batch"] = field(default="epoch", kw_only=True)
    first_epoch: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        read_choice(self.per, "per", ("epoch", "batch"))
        read_integer(self.first_epoch, "first_epoch", minimum=0)

    def rates(self, lr: float, t: ArrayLike) -> Rates:
        """Return the rates at the times `t`, int ``(N,)``, for the optimizer's rate `lr`."""
        return self._rates(lr, np.asarray(t, np.int64))

    @abstractmethod
    def _rates(self, lr: float, t: Times) -> Rates: ...

    def start(
        self, lr: float, *, epochs: range, batches: int
    ) -> Callable[[Sequence[float]], Rates]:
        """Return a function from the losses of the epochs done to the next one's rates.

        It gives one rate for each of the `batches` of an epoch. `epochs` are counted from 0.

        Raises
        ------
        ValueError
            If the epochs begin before `first_epoch`, or a rate is negative or not finite.
        """
        if epochs.start < self.first_epoch:
            raise ValueError(
                f"first_epoch of the schedule is {self.first_epoch}, but the network has been "
                f"trained for {epochs.start}"
            )
        numbers = np.arange(epochs.start, epochs.stop)[:, None] - self.first_epoch
        t = numbers * batches + np.arange(batches) if self.per == "batch" else numbers
        rates = self.rates(lr, t.ravel())
        if not (np.isfinite(rates) & (rates >= 0)).all():
            raise ValueError(f"the schedule {self} gives rates that are negative or not finite")
        # A view: training that ends early may be told of more epochs than memory has rates for.
        table = np.broadcast_to(rates.reshape(t.shape), (len(t), batches))
        return lambda losses: np.ascontiguousarray(table[len(losses)])


def start_rates(
    schedule: LRSchedule | None, lr: Callable[[], float], *, epochs: range, batches: int
) -> Callable[[Sequence[float]], Rates]:
    """Return `LRSchedule.start`'s function; without a schedule, that of the rate as it then is."""
    if isinstance(schedule, LRSchedule):
        return schedule.start(lr(), epochs=epochs, batches=batches)
    if schedule is not None:
        given = shown(schedule, LRSchedule)
        if callable(schedule) and not isinstance(schedule, type):
            given = (
                "a function; write LambdaLR(function), which takes its values as factors of the "
                "optimizer's rate"
            )
        raise TypeError(f"schedule must be one of cnnbp.optim.schedules, got {given}")
    return lambda losses: np.full(batches, lr())
