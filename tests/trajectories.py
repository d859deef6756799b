"""Rules to follow for 200 steps, the network they move, and the same network in PyTorch."""

from dataclasses import fields

import numpy as np
import pytest

import cnnbp
from cnnbp import optim
from cnnbp.layers import AvgPool2d, Conv2d, Linear

#: Every rule and every option, at rates at which 200 steps move the parameters far.
RULES = [
    optim.SGD(lr=0.1),
    optim.SGD(lr=0.05, momentum=0.9, weight_decay=0.01),
    optim.SGD(lr=0.05, momentum=0.8, weight_decay=0.01, nesterov=True),
    optim.Adagrad(),
    optim.Adagrad(lr=0.05, lr_decay=0.02, weight_decay=0.01, eps=1e-3),
    optim.RMSprop(),
    optim.RMSprop(lr=0.002, alpha=0.9, eps=1e-4, weight_decay=0.01, momentum=0.7),
    optim.Adam(),
    optim.Adam(lr=0.01, betas=(0.8, 0.99), eps=1e-5, weight_decay=0.1),
    optim.AdamW(),
    optim.AdamW(lr=0.01, betas=(0.8, 0.99), eps=1e-5, weight_decay=0.1),
    optim.Lion(),
    optim.Lion(lr=0.003, betas=(0.8, 0.95), weight_decay=0.1),
]
CLIPPED = [
    optim.SGD(lr=0.1, momentum=0.9, clip_norm=0.05),
    optim.SGD(lr=0.1, momentum=0.9, clip_norm=1e3),
    optim.SGD(lr=0.1, momentum=0.9, clip_value=0.01),
    optim.Adam(lr=0.01, clip_norm=0.05),
    optim.AdamW(lr=0.01, clip_value=0.01),
]
KINDS = [optim.SGD(0.1, 0.9), optim.Adagrad(), optim.RMSprop(momentum=0.5), optim.Adam(),
         optim.AdamW(), optim.Lion()]  # fmt: skip
STEPS = 200


def make(optimizer, *, dtype="float64", seed=3):
    """More parameters (4,811) than one task takes, and a last vector that is not full."""
    return cnnbp.Network(
        [Conv2d(5, 3, activation="tanh"), AvgPool2d(2), Linear(37, activation="tanh"), Linear(4)],
        input_shape=(2, 12, 12),
        loss="cross_entropy",
        optimizer=optimizer,
        dtype=dtype,
        seed=seed,
    )


def batches(rng, count, dtype=np.float64):
    for _ in range(count):
        yield rng.standard_normal((9, 2, 12, 12)).astype(dtype), rng.integers(0, 4, 9)


def assert_close(state, others, tolerance):
    """Relative to the largest number of each array: single ones pass through zero."""
    assert state.keys() == others.keys()
    for name, array in state.items():
        error = np.abs(array - others[name]).max()
        assert error <= tolerance * np.abs(others[name]).max(), (name, error)


class TorchTwin:
    """The network of `make` in PyTorch, from the parameters of `net`."""

    def __init__(self, net):
        self.torch = pytest.importorskip(
            "torch", reason="PyTorch is not installed (pip install '.[bench]')"
        )
        self.torch.set_num_threads(1)
        self.weights = {
            name: self.torch.nn.Parameter(self.torch.tensor(p))
            for name, p in net.state_dict().items()
        }

    def optimizer(self, rule, groups=None):
        """The rule of the same name, over all weights or over parameter groups."""
        own = {field.name for field in fields(optim.Optimizer) if field.kw_only}
        options = {name: value for name, value in rule.options().items() if name not in own}
        made = getattr(self.torch.optim, type(rule).__name__)
        return made(groups or list(self.weights.values()), **options)

    def step(self, optimizer, x, y, *, clip_norm=None, clip_value=None):
        """Train on one batch."""
        optimizer.zero_grad()
        maps = self.torch.conv2d(
            self.torch.tensor(x), self.weights["0.weight"], self.weights["0.bias"]
        )
        maps = self.torch.nn.functional.avg_pool2d(self.torch.tanh(maps), 2).flatten(1)
        hidden = self.torch.tanh(maps @ self.weights["2.weight"].T + self.weights["2.bias"])
        logits = hidden @ self.weights["3.weight"].T + self.weights["3.bias"]
        self.torch.nn.functional.cross_entropy(logits, self.torch.tensor(y)).backward()
        if clip_norm is not None:
            self.torch.nn.utils.clip_grad_norm_(self.weights.values(), clip_norm)
        if clip_value is not None:
            self.torch.nn.utils.clip_grad_value_(self.weights.values(), clip_value)
        optimizer.step()

    def state_dict(self):
        """The parameters as NumPy has them."""
        return {name: weight.detach().numpy() for name, weight in self.weights.items()}
