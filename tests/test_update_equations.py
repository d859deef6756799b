"""What is printed of an optimizer, run as it stands, beside what the optimizer does."""

import re

import numpy as np
import pytest

from cnnbp import equations, optim
from cnnbp.cli.telling import spell
from trajectories import CLIPPED, RULES, batches, make

EACH = [
    *RULES,
    *CLIPPED,
    optim.SGD(lr=0.1, momentum=0.9),
    optim.SGD(lr=0.1, weight_decay=0.01, clip_norm=0.05),
    optim.SGD(lr=0.1, momentum=0.9, nesterov=True),
    optim.SGD(lr=0.1, ema_decay=0.9),
    optim.SGD(lr=0.1, lr_scales={"0": 0.5}),
    optim.Adagrad(clip_value=0.01, weight_decay=0.1),
    optim.AdamW(weight_decay=0),
    optim.Lion(weight_decay=0.1, clip_norm=0.05, lr_scales={"0": 0.5}),
]
#: Signs, and what Python has for them.
SIGNS = {
    "∂E/∂p": "d", "‖d‖": "norm", "²": "**2", "^t": "**t", "·": "*", "−": "-", "←": "=",
    "√s": "sqrt(s)", "√(": "sqrt(", "β_": "beta_",
}  # fmt: skip
FUNCTIONS = {"sqrt": np.sqrt, "sign": np.sign, "min": np.minimum, "max": np.maximum}


def statements(text):
    for sign, code in SIGNS.items():
        text = text.replace(sign, code)
    return text.split(",  ")


def numbers(where):
    """Every ``name = number`` of the words."""
    found = re.findall(r"(\w+) = ([−\de.]+)", where)
    return {name.replace("β_", "beta_"): float(n.replace("−", "-")) for name, n in found}


@pytest.mark.parametrize("rule", EACH, ids=str)
def test_five_steps_of_the_printed_equation_are_the_optimizers(rule, rng):
    """With the numbers that its words give; the rate alone is not among them."""
    told = equations.update(rule)
    net = make(rule)
    p = net.state_dict()
    factors = {name: 0.5 if rule.lr_scales and name[0] == "0" else 1 for name in p}
    kept = {name: {"v": 0, "s": 0, "m": 0} for name in p}
    for t, (x, y) in enumerate(batches(rng, 5), 1):
        net.train_step(x, y)
        gradients = net.gradient_dict()
        norm = np.sqrt(sum((d**2).sum() for d in gradients.values()))
        for name, d in gradients.items():
            state = {"p": p[name], "d": d, "norm": norm, "t": t, "lr": rule.lr * factors[name]}
            scope = {**FUNCTIONS, **numbers(told.where), **kept[name], **state}
            for statement in statements(told.text):
                exec(statement, scope)
            p[name] = scope["p"]
            kept[name] = {letter: scope[letter] for letter in "vsm"}
    for name, value in net.state_dict().items():
        np.testing.assert_allclose(value, p[name], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("rule", EACH, ids=str)
def test_what_an_update_keeps_and_counts_is_told(rule):
    told = equations.update(rule)
    kept = [letter for letter in "msv" if f"{letter} ←" in told.text]
    assert (f"{' and '.join(kept)}: 0 at first" in told.where) == bool(kept)
    assert ("t: number of the step" in told.where) == ("t" in re.findall(r"\bt\b", told.text))
    assert ("norm over all parameters together" in told.where) == (rule.clip_norm is not None)
    assert ("the parameter's factor in lr_scales" in told.where) == (rule.lr_scales is not None)
    assert "?" not in spell(str(told), "ascii")


def test_plain_descent_is_the_notes():
    assert str(equations.update(optim.SGD(0.1))) == (
        "p ← p − lr · ∂E/∂p  (Bouvrie 2006, backpropagation pass)"
    )
    told = equations.update(optim.SGD(0.1, 0.9))
    assert told.text == "v ← momentum · v + ∂E/∂p,  p ← p − lr · v"
    assert told.source == "Polyak 1964"


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (optim.SGD(0.1, 0.9, nesterov=True), "Sutskever et al. 2013"),
        (optim.Adagrad(), "Duchi, Hazan and Singer 2011"),
        (optim.RMSprop(), "Hinton 2012, lecture 6e"),
        (optim.Adam(), "Kingma and Ba 2015"),
        (optim.AdamW(), "Loshchilov and Hutter 2019"),
        (optim.Lion(), "Chen et al. 2023"),
        (optim.Adam(weight_decay=1), "Kingma and Ba 2015; documentation of torch.optim.Adam"),
        (
            optim.Lion(clip_norm=1),
            "Chen et al. 2023; documentation of torch.nn.utils.clip_grad_norm_",
        ),
    ],
    ids=str,
)
def test_an_update_names_its_paper_and_what_documents_its_options(rule, source):
    assert equations.update(rule).source == source
    for word in re.findall(r"[A-Z][a-z]+|\d{4}", source.partition(";")[0]):
        assert word in type(rule).__doc__
