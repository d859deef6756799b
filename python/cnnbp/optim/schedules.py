"""Learning rates that follow the epoch or the batch, for ``Network.fit(..., schedule=…)``.

Names, defaults and values are those of ``torch.optim.lr_scheduler``, as closed forms: a schedule is
a value, and the optimizer's rate stays the base that it was. In every formula t = 0, 1, … counts
epochs, or batches with ``per="batch"``, and lr₀ is the optimizer's rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from cnnbp.arguments import read_amount, read_choice, read_integer, read_number
from cnnbp.optim.names import SCHEDULES
from cnnbp.optim.plateau import ReduceLROnPlateau
from cnnbp.optim.schedule import LRSchedule, Rates, Times

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRSchedule",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


@SCHEDULES.answered
@dataclass(frozen=True)
class StepLR(LRSchedule):
    """``lr₀ · gamma^⌊t / step_size⌋``."""

    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        read_integer(self.step_size, "step_size")
        read_amount(self.gamma, "gamma")

    def _rates(self, lr: float, t: Times) -> Rates:
        return lr * self.gamma ** (t // self.step_size).astype(np.float64)


@SCHEDULES.answered
@dataclass(frozen=True)
class MultiStepLR(LRSchedule):
    """``lr₀ · gamma^k`` when k of the `milestones` are at t or before."""

    milestones: Sequence[int]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "milestones", _read_milestones(self.milestones))
        read_amount(self.gamma, "gamma")

    def _rates(self, lr: float, t: Times) -> Rates:
        passed = np.searchsorted(self.milestones, t, side="right")
        return lr * self.gamma ** passed.astype(np.float64)


@SCHEDULES.answered
@dataclass(frozen=True)
class ExponentialLR(LRSchedule):
    """``lr₀ · gammaᵗ``."""

    gamma: float

    def __post_init__(self) -> None:
        super().__post_init__()
        read_amount(self.gamma, "gamma")

    def _rates(self, lr: float, t: Times) -> Rates:
        return lr * self.gamma ** t.astype(np.float64)


@SCHEDULES.answered
@dataclass(frozen=True)
class CosineAnnealingLR(LRSchedule):
    """``eta_min + (lr₀ - eta_min) · (1 + cos(π t / t_max)) / 2`` (Loshchilov and Hutter 2017).

    `t_max` is torch's ``T_max``. It does not restart: after t_max the rate rises again.
    """

    t_max: int
    eta_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        read_integer(self.t_max, "t_max")
        read_amount(self.eta_min, "eta_min")

    def _rates(self, lr: float, t: Times) -> Rates:
        return _cosine(lr, self.eta_min, t / self.t_max)


@SCHEDULES.answered
@dataclass(frozen=True)
class LinearLR(LRSchedule):
    """``lr₀`` times a factor from `start_factor` to `end_factor` in `total_iters` steps: a warm-up.

    Afterwards the factor stays.
    """

    start_factor: float = 1 / 3
    end_factor: float = 1.0
    total_iters: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        read_amount(self.start_factor, "start_factor")
        read_amount(self.end_factor, "end_factor")
        read_integer(self.total_iters, "total_iters")

    def _rates(self, lr: float, t: Times) -> Rates:
        share = np.minimum(t, self.total_iters) / self.total_iters
        return lr * _line(self.start_factor, self.end_factor, share)


@SCHEDULES.answered
@dataclass(frozen=True)
class OneCycleLR(LRSchedule):
    """Up to a large rate and down to a tiny one (Smith and Topin 2018); per batch if not told.

    From ``max_lr / div_factor`` to `max_lr` until ``t = pct_start · total_steps - 1``, then to
    ``max_lr / (div_factor · final_div_factor)`` at ``total_steps - 1``. The optimizer's rate is not
    used. The momentum stays as it is: torch's ``cycle_momentum=False``.
    """

    max_lr: float
    total_steps: int
    pct_start: float = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    per: Literal["epoch", "batch"] = field(default="batch", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        read_amount(self.max_lr, "max_lr")
        read_integer(self.total_steps, "total_steps")
        read_choice(self.anneal_strategy, "anneal_strategy", ("cos", "linear"))
        for name in ("div_factor", "final_div_factor"):
            if read_amount(getattr(self, name), name) == 0:
                raise ValueError(f"{name} must be above 0, got 0")
        if not 1 < read_number(self.pct_start, "pct_start") * self.total_steps < self.total_steps:
            raise ValueError(
                f"pct_start must be above 1 / total_steps, {1 / self.total_steps:g}, and below 1, "
                f"got {self.pct_start}"
            )

    def _rates(self, lr: float, t: Times) -> Rates:
        steps = t.max(initial=0) + 1
        if steps > self.total_steps:
            raise ValueError(
                f"total_steps of the schedule is {self.total_steps}, but the training has {steps}"
            )
        between = _cosine if self.anneal_strategy == "cos" else _line
        first, last = self.max_lr / self.div_factor, self.total_steps - 1
        top = self.pct_start * self.total_steps - 1
        rising = between(first, self.max_lr, t / top)
        fallen = (t.astype(np.float64) - top) / (last - top)
        falling = between(self.max_lr, first / self.final_div_factor, fallen)
        return np.where(t <= top, rising, falling)


@SCHEDULES.answered
@dataclass(frozen=True)
class LambdaLR(LRSchedule):
    """``lr₀ · lr_lambda(t)``, for any function of an int."""

    lr_lambda: Callable[[int], float]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.lr_lambda):
            raise TypeError(f"lr_lambda must be a function of an int, got {self.lr_lambda!r}")

    def _rates(self, lr: float, t: Times) -> Rates:
        factors = [read_number(self.lr_lambda(int(i)), "lr_lambda's result") for i in t]
        return lr * np.array(factors, np.float64)


@SCHEDULES.answered
@dataclass(frozen=True)
class SequentialLR(LRSchedule):
    """One schedule after the other: the next begins, with t = 0, at each of the `milestones`.

    ``SequentialLR([LinearLR(), CosineAnnealingLR(25)], [5])`` warms up for 5 epochs. What t counts
    is this schedule's `per`.
    """

    schedules: Sequence[LRSchedule]
    milestones: Sequence[int]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "schedules", _read_schedules(self.schedules))
        object.__setattr__(self, "milestones", _read_milestones(self.milestones))
        if len(self.schedules) != len(self.milestones) + 1:
            raise ValueError(
                f"milestones must be one fewer than the {len(self.schedules)} schedules, "
                f"got {self.milestones}"
            )

    def _rates(self, lr: float, t: Times) -> Rates:
        rates = np.empty(t.shape)
        which = np.searchsorted(self.milestones, t, side="right")
        for place, (begin, schedule) in enumerate(
            zip((0, *self.milestones), self.schedules, strict=True)
        ):
            rates[which == place] = schedule.rates(lr, t[which == place] - begin)
        return rates


def _line(start: float, end: float, share: Rates) -> Rates:
    return start + (end - start) * share


def _cosine(start: float, end: float, share: Rates) -> Rates:
    return np.asarray(end + (start - end) * (1 + np.cos(np.pi * share)) / 2)


def _read_milestones(given: Any) -> tuple[int, ...]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError(f"milestones must be a list of integers, got {given!r}")
    return tuple(sorted(read_integer(step, "each of milestones", minimum=0) for step in given))


def _read_schedules(given: Any) -> tuple[LRSchedule, ...]:
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise TypeError(f"schedules must be a list of schedules, got {given!r}")
    for schedule in (schedules := tuple(given)):
        if not isinstance(schedule, LRSchedule) or isinstance(schedule, ReduceLROnPlateau):
            raise TypeError(f"schedules must hold functions of the time, got {schedule!r}")
    return schedules
