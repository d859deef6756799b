"""The optimizers by definition: one function a rule, in float64 NumPy.

A rule takes a parameter, its gradient, the step's number t = 1, 2, … and its own state, a dict that
is empty at first; it returns the new parameter.
"""

import numpy as np


def sgd(p, g, t, s, *, lr, momentum, weight_decay, nesterov):
    g = g + weight_decay * p
    s["v"] = momentum * s.get("v", 0) + g
    return p - lr * (g + momentum * s["v"] if nesterov else s["v"])


def adagrad(p, g, t, s, *, lr, lr_decay, weight_decay, eps):
    g = g + weight_decay * p
    s["sum"] = s.get("sum", 0) + g**2
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["sum"]) + eps)


def rmsprop(p, g, t, s, *, lr, alpha, eps, weight_decay, momentum):
    g = g + weight_decay * p
    s["square"] = alpha * s.get("square", 0) + (1 - alpha) * g**2
    s["v"] = momentum * s.get("v", 0) + g / (np.sqrt(s["square"]) + eps)
    return p - lr * s["v"]


def adam(p, g, t, s, *, lr, betas, eps, weight_decay):
    return _adam_step(p, g + weight_decay * p, t, s, lr, betas, eps)


def adamw(p, g, t, s, *, lr, betas, eps, weight_decay):
    return _adam_step(p - lr * weight_decay * p, g, t, s, lr, betas, eps)


def _adam_step(p, g, t, s, lr, betas, eps):
    s["m"] = betas[0] * s.get("m", 0) + (1 - betas[0]) * g
    s["s"] = betas[1] * s.get("s", 0) + (1 - betas[1]) * g**2
    mean, square = s["m"] / (1 - betas[0] ** t), s["s"] / (1 - betas[1] ** t)
    return p - lr * mean / (np.sqrt(square) + eps)


def lion(p, g, t, s, *, lr, betas, weight_decay):
    mean = s.get("m", 0)
    s["m"] = betas[1] * mean + (1 - betas[1]) * g
    return p - lr * (np.sign(betas[0] * mean + (1 - betas[0]) * g) + weight_decay * p)


def clipped(gradients, *, clip_norm, clip_value):
    """The gradients of all parameters, by name."""
    if clip_value is not None:
        return {name: np.clip(g, -clip_value, clip_value) for name, g in gradients.items()}
    norm = np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in gradients.values()))
    scale = 1 if clip_norm is None else min(1, clip_norm / (norm + 1e-6))
    return {name: scale * g for name, g in gradients.items()}


class OracleOptimizer:
    """A rule of ``cnnbp.optim`` at work on named parameters."""

    def __init__(self, optimizer, parameters):
        self.rule = globals()[type(optimizer).__name__.lower()]
        self.options = optimizer.options()
        self.clip = {name: self.options.pop(name) for name in ("clip_norm", "clip_value")}
        self.ema_decay = self.options.pop("ema_decay")
        self.lr_scales = self.options.pop("lr_scales") or {}
        self.parameters = {name: p.astype(np.float64) for name, p in parameters.items()}
        self.states = {name: {} for name in parameters}
        self.average = None
        self.steps = 0

    def step(self, gradients, lr=None):
        self.steps += 1
        lr = self.options["lr"] if lr is None else lr
        for name, g in clipped(gradients, **self.clip).items():
            options = {**self.options, "lr": lr * self.lr_scale(name)}
            self.parameters[name] = self.rule(
                self.parameters[name], g, self.steps, self.states[name], **options
            )
        if self.ema_decay is not None:
            before, keep = self.average or self.parameters, self.ema_decay
            self.average = {
                name: keep * before[name] + (1 - keep) * p for name, p in self.parameters.items()
            }

    def lr_scale(self, name):
        """The factor given for the longest of "0.weight" and "0", or 1."""
        parts = name.split(".")
        starts = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((self.lr_scales[start] for start in starts if start in self.lr_scales), 1)
