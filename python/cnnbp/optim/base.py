"""What all optimizers share: they are values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

from cnnbp import _core
from cnnbp.arguments import read_amount, read_flag, read_positive, read_share
from cnnbp.names import shown
from cnnbp.optim.scales import read_scales

_RULES = f"{__package__}.rules"


@dataclass(frozen=True, repr=False)
class Optimizer:
    """An update rule's definition: immutable, and equal to another with the same options.

    What a rule keeps from step to step lies in the network. Assigning another optimizer of the
    same kind to ``net.optimizer`` goes on with it; one of another kind starts anew.

    Parameters
    ----------
    lr : float
        Learning rate, at least 0.
    clip_norm : float, optional
        Gradients are scaled so that their norm, over all parameters together, is at most this:
        ``g ← g · min(1, clip_norm / (‖g‖ + 10⁻⁶))``, as ``torch.nn.utils.clip_grad_norm_``.
    clip_value : float, optional
        Gradients are held within ``[-clip_value, clip_value]``, as
        ``torch.nn.utils.clip_grad_value_``; not together with `clip_norm`.
    ema_decay : float, optional
        Keeps a running average of the parameters, at least 0 and below 1:
        ``average ← ema_decay · average + (1 - ema_decay) · p`` after each step; the first step
        copies p, as ``torch.optim.swa_utils.get_ema_multi_avg_fn``. `Network.averaged` gives it.
    lr_scales : mapping of str to float, optional
        Factors of the rate, at least 0, for parameters by what their names start with:
        ``{"0": 0.1}`` slows all of layer 0 down, ``{"0": 0, "0.bias": 1}`` trains its bias alone.
        The longest start counts; all others take the rate itself, which schedules change.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range; the message names it.
    """

    lr: float
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_value: float | None = field(default=None, kw_only=True)
    ema_decay: float | None = field(default=None, kw_only=True)
    lr_scales: Mapping[str, float] | None = field(default=None, kw_only=True, hash=False)

    def __post_init__(self) -> None:
        for given in fields(self):
            value = _READERS[given.name](getattr(self, given.name), given.name)
            object.__setattr__(self, given.name, value)
        if self.clip_norm is not None and self.clip_value is not None:
            raise ValueError(
                f"clip_norm is {self.clip_norm} and clip_value is {self.clip_value}; give one"
            )

    def options(self) -> dict[str, Any]:
        """Return all arguments as plain data; ``type(rule)(**rule.options())`` equals the rule."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        return options | {"lr_scales": self.lr_scales and dict(self.lr_scales)}

    def definition(self) -> _core.Optimizer:
        """Return the same rule for the compiled core."""
        given = {name: value for name, value in self.options().items() if value is not None}
        shared = {field.name for field in fields(Optimizer) if field.kw_only}
        options = _core.UpdateOptions(**{name: given.pop(name) for name in shared & given.keys()})
        rule = getattr(_core, type(self).__name__)
        return cast("_core.Optimizer", rule(**given, options=options))

    def __repr__(self) -> str:
        # The rate, and what differs from the default.
        shown = [f"lr={self.lr}"]
        shown += [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if field.name != "lr" and getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def read_optimizer(given: object) -> Optimizer:
    """Read one of the rules."""
    # The core has no rule for a class of one's own, whatever its name.
    if not isinstance(given, Optimizer) or type(given).__module__ != _RULES:
        told = f"optimizer must be one of cnnbp.optim, got {shown(given, Optimizer)}"
        raise TypeError(told + _call_of(given))
    return given


def _call_of(name: object) -> str:
    """Say what to write for a rule's name, such as "adam"."""
    rules = [kind.__name__ for kind in Optimizer.__subclasses__() if kind.__module__ == _RULES]
    called = [rule for rule in rules if isinstance(name, str) and rule.lower() == name.lower()]
    return f"; write cnnbp.optim.{called[0]}()" if called else ""


def _read_betas(value: object, name: str) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} must be a pair of numbers, got {value!r}")
    first, second = (read_share(beta, f"each of {name}") for beta in value)
    return first, second


def _read_bound(value: object, name: str) -> float | None:
    if value is None or value == math.inf:
        return None
    return read_positive(value, name)


def _read_optional_share(value: object, name: str) -> float | None:
    return None if value is None else read_share(value, name)


_READERS: dict[str, Callable[[object, str], object]] = {
    "lr": read_amount,
    "lr_decay": read_amount,
    "weight_decay": read_amount,
    "eps": read_amount,
    "momentum": read_share,
    "alpha": read_share,
    "betas": _read_betas,
    "nesterov": read_flag,
    "clip_norm": _read_bound,
    "clip_value": _read_bound,
    "ema_decay": _read_optional_share,
    "lr_scales": read_scales,
}
