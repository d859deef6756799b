"""What optimizers and schedules of torch and Keras are told by name, and these are not."""

from __future__ import annotations

from collections.abc import Iterable

from cnnbp.names import OtherNames, Unneeded
from cnnbp.optim.base import Optimizer


def _are_parameters(value: object) -> bool:
    is_one = isinstance(value, str) or hasattr(value, "shape")  # text, or an array
    return isinstance(value, Iterable) and not is_one


def _is_optimizer(value: object) -> bool:
    return isinstance(value, Optimizer) or hasattr(value, "param_groups")  # torch's have these


_BETAS = "betas is the pair (beta_1, beta_2)"
_STEP = Unneeded("the core chooses how it computes a step")
_UNTRACKED = Unneeded("no gradients go through a step", False)
_MOMENTUM = "the momentum stays as it is"
_TOTAL_STEPS = "total_steps is epochs * steps_per_epoch"

RULES = OtherNames(
    unneeded={
        "params": Unneeded("a network gives its optimizer the parameters"),
        "dampening": Unneeded("gradients are added to the velocity whole", 0),
        "maximize": Unneeded("losses are minimised", False),
        "amsgrad": Unneeded("the mean of squares is taken as it is", False),
        "centered": Unneeded("the mean of squares is taken as it is", False),
        "initial_accumulator_value": Unneeded("sums of squares start at 0", 0),
        "decoupled_weight_decay": Unneeded("AdamW is what decouples it", False),
        "foreach": _STEP,
        "fused": _STEP,
        "capturable": _UNTRACKED,
        "differentiable": _UNTRACKED,
    },
    renamed={
        "learning_rate": "lr",
        "epsilon": "eps",
        "rho": "alpha",
        "clipvalue": "clip_value",
        "global_clipnorm": "clip_norm",
        "ema_momentum": "ema_decay",
    },
    elsewhere={
        "beta_1": _BETAS,
        "beta_2": _BETAS,
        "clipnorm": "clip_norm is that of all gradients together",
        "use_ema": "ema_decay keeps an average",
    },
    first=("params", _are_parameters),
)

SCHEDULES = OtherNames(
    unneeded={
        "optimizer": Unneeded("fit is given the schedule, and has the optimizer's rate"),
        "last_epoch": Unneeded("fit goes on where the last call ended", -1),
        "verbose": Unneeded("the history has every epoch's rate"),
        "cycle_momentum": Unneeded(_MOMENTUM, False),
        "three_phase": Unneeded("a cycle has two phases", False),
        "mode": Unneeded("what is watched is a loss", "min"),
        "threshold_mode": Unneeded("the threshold is a share of the best loss", "rel"),
    },
    renamed={"T_max": "t_max", "schedulers": "schedules"},
    elsewhere={
        "epochs": _TOTAL_STEPS,
        "steps_per_epoch": _TOTAL_STEPS,
        "base_momentum": _MOMENTUM,
        "max_momentum": _MOMENTUM,
    },
    first=("optimizer", _is_optimizer),
)
