"""The equations of optimizers, with their options: how a parameter p follows from its gradient.

A step computes what stands in its text from left to right.
"""

from __future__ import annotations

from typing import NamedTuple

from cnnbp.equation import BACKWARD, Equation, number
from cnnbp.optim import SGD, Adagrad, Adam, AdamW, Lion, Optimizer, RMSprop

_MOMENTS = "m ← β_1 · m + (1 − β_1) · g,  s ← β_2 · s + (1 − β_2) · g²"
_OVER_MOMENTS = "lr · m / (1 − β_1^t) / (√(s / (1 − β_2^t)) + eps)"
#: Options that are numbers of the same name in the text.
_NUMBERS = ("momentum", "alpha", "eps", "weight_decay", "lr_decay", "clip_norm", "clip_value")


class _Step(NamedTuple):
    """What becomes of p by the gradient g, where that comes from, and what is kept, 0 at first."""

    text: str
    source: str
    kept: str = ""


def update(rule: Optimizer) -> Equation:
    """Return how a parameter p follows from its gradient."""
    gradient, documented = _gradient(rule)
    plain = isinstance(rule, SGD) and not rule.nesterov and gradient == "∂E/∂p"
    step = _step(rule, gradient if plain else "g")
    if step is None:
        kind = type(rule).__name__
        return Equation(f"p ← p − lr · (step of {kind})", f"documentation of cnnbp.optim.{kind}")
    text = step.text if plain else f"g = {gradient},  {step.text}"
    sources = [step.source, f"documentation of {' and '.join(documented)}" if documented else ""]
    return Equation(text, "; ".join(filter(None, sources)), _words(rule, text, step.kept))


def _gradient(rule: Optimizer) -> tuple[str, list[str]]:
    """Write the gradient as a rule takes it, clipped and with a decay, and what documents that."""
    text, documented = "∂E/∂p", []
    if rule.clip_norm is not None:
        text = "∂E/∂p · min(1, clip_norm / (‖∂E/∂p‖ + 1e−6))"
        documented.append("torch.nn.utils.clip_grad_norm_")
    if rule.clip_value is not None:
        text = "min(max(∂E/∂p, −clip_value), clip_value)"
        documented.append("torch.nn.utils.clip_grad_value_")
    if isinstance(rule, SGD | Adagrad | RMSprop | Adam) and rule.weight_decay:
        text += " + weight_decay · p"
        documented.append(f"torch.optim.{type(rule).__name__}")
    return text, documented


def _step(rule: Optimizer, g: str) -> _Step | None:
    match rule:
        case SGD():
            return _sgd(rule, g)
        case Adagrad():
            rate = "lr / (1 + (t − 1) · lr_decay)" if rule.lr_decay else "lr"
            text = f"s ← s + g²,  p ← p − {rate} · g / (√s + eps)"
            return _Step(text, "Duchi, Hazan and Singer 2011", "s")
        case RMSprop():
            return _rmsprop(rule)
        case Adam():
            text = f"{_MOMENTS},  p ← p − {_OVER_MOMENTS}"
            return _Step(text, "Kingma and Ba 2015", "m and s")
        case AdamW():
            text = f"{_MOMENTS},  p ← {_decayed(rule)} − {_OVER_MOMENTS}"
            return _Step(text, "Loshchilov and Hutter 2019", "m and s")
        case Lion():
            signed = f"p ← {_decayed(rule)} − lr · sign(β_1 · m + (1 − β_1) · g)"
            text = f"{signed},  m ← β_2 · m + (1 − β_2) · g"
            return _Step(text, "Chen et al. 2023", "m")
    return None


def _sgd(rule: SGD, g: str) -> _Step:
    if not rule.momentum:
        return _Step(f"p ← p − lr · {g}", BACKWARD)
    velocity = f"v ← momentum · v + {g}"
    if rule.nesterov:
        text = f"{velocity},  p ← p − lr · ({g} + momentum · v)"
        return _Step(text, "Sutskever et al. 2013", "v")
    return _Step(f"{velocity},  p ← p − lr · v", "Polyak 1964", "v")


def _rmsprop(rule: RMSprop) -> _Step:
    mean, scaled = "s ← alpha · s + (1 − alpha) · g²", "g / (√s + eps)"
    if rule.momentum:
        text = f"{mean},  v ← momentum · v + {scaled},  p ← p − lr · v"
        return _Step(text, "Hinton 2012, lecture 6e", "s and v")
    return _Step(f"{mean},  p ← p − lr · {scaled}", "Hinton 2012, lecture 6e", "s")


def _decayed(rule: AdamW | Lion) -> str:
    return "(1 − lr · weight_decay) · p" if rule.weight_decay else "p"


def _words(rule: Optimizer, text: str, kept: str) -> str:
    """Say what the words mean: numbers but the rate, which schedules change, and the state."""
    words = []
    if "β_1" in text:
        betas = rule.options()["betas"]
        words += [f"β_{place} = {number(beta)}" for place, beta in enumerate(betas, 1)]
    words += [f"{name} = {number(rule.options()[name])}" for name in _NUMBERS if name in text]
    if "‖" in text:
        words.append("‖ ‖: norm over all parameters together")
    if rule.lr_scales:
        words.append("lr: times the parameter's factor in lr_scales")
    if "^t" in text or "(t − 1)" in text:
        words.append("t: number of the step")
    if kept:
        words.append(f"{kept}: 0 at first")
    return ", ".join(words)
