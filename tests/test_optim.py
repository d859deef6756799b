"""``cnnbp.optim``: every rule against its definition and ``torch.optim``, and bad options."""

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp import optim
from oracle_optim import OracleOptimizer
from trajectories import CLIPPED, KINDS, RULES, STEPS, TorchTwin, assert_close, batches, make


@pytest.mark.parametrize("rule", RULES + CLIPPED, ids=str)
def test_two_hundred_steps_follow_the_definition(rule, rng):
    """The same gradients go to both, so that nothing but the rule differs."""
    cnnbp.set_num_threads(1)
    net = make(rule)
    reference = OracleOptimizer(rule, net.state_dict())
    for x, y in batches(rng, STEPS):
        net.zero_gradients()
        net.accumulate_gradients(x, y)
        net.apply_gradients()
        reference.step(net.gradient_dict())
    assert_close(net.state_dict(), reference.parameters, 1e-10)


@pytest.mark.parametrize("rule", RULES + CLIPPED, ids=str)
def test_in_float32_a_step_is_the_definition_s_to_its_rounding(rule, rng):
    """A step rounds a dozen times, on numbers not larger than parameter and step."""
    net = make(rule, dtype="float32")
    before = net.state_dict()
    reference = OracleOptimizer(rule, before)
    [(x, y)] = batches(rng, 1, np.float32)
    net.accumulate_gradients(x, y)
    net.apply_gradients()
    reference.step(net.gradient_dict())
    for name, array in net.state_dict().items():
        wanted = reference.parameters[name]
        size = np.abs(before[name]) + np.abs(wanted - before[name]).max()
        assert (np.abs(array - wanted) <= 12 * np.finfo(np.float32).eps * size).all(), name


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES + CLIPPED if not isinstance(rule, optim.Lion)], ids=str
)
def test_two_hundred_steps_are_pytorch_s(rule, rng):
    """Gradients and all, each side its own; to 1e-10 of an array's largest number."""
    net = make(rule)
    twin = TorchTwin(net)
    optimizer = twin.optimizer(rule)
    for x, y in batches(rng, STEPS):
        twin.step(optimizer, x, y, clip_norm=rule.clip_norm, clip_value=rule.clip_value)
        net.train_step(x, y)
    assert_close(net.state_dict(), twin.state_dict(), 1e-10)


@pytest.mark.parametrize("name", ["Adagrad", "RMSprop", "Adam", "AdamW"])
def test_defaults_are_pytorch_s(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    defaults = getattr(torch.optim, name)([torch.zeros(1)]).defaults
    options = getattr(optim, name)().options()
    assert {option: defaults.get(option) for option in options} == options


@pytest.mark.parametrize("rule", KINDS + CLIPPED, ids=str)
def test_the_bits_do_not_depend_on_the_number_of_threads(rule, dtype):
    states = []
    for threads in (1, 2, 3, 8):
        cnnbp.set_num_threads(threads)
        net = make(rule, dtype=np.dtype(dtype).name)
        for x, y in batches(np.random.default_rng(4), 20, dtype):
            net.train_step(x, y)
        states.append(net.state_dict())
    for state in states[1:]:
        assert_same_bits(state, states[0])


@pytest.mark.parametrize("rule", KINDS + CLIPPED, ids=str)
def test_a_network_from_a_file_goes_on_with_the_same_bits(rule, dtype, tmp_path, rng):
    """Means, squares and the number of steps, which Adam divides by."""
    net = make(rule, dtype=np.dtype(dtype).name)
    steps = list(batches(rng, 10, dtype))
    for x, y in steps[:5]:
        net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    other = cnnbp.Network.load(tmp_path / "net.npz")
    assert other.optimizer == rule
    for x, y in steps[5:]:
        assert net.train_step(x, y) == other.train_step(x, y)
    assert_same_bits(net.state_dict(), other.state_dict())


def test_another_rate_keeps_what_the_rule_has_learned(rng):
    rule = optim.Adam(lr=0.01)
    net = make(rule)
    reference = OracleOptimizer(rule, net.state_dict())
    for step, (x, y) in enumerate(batches(rng, 10)):
        if step == 5:
            net.optimizer = optim.Adam(lr=0.003)
        net.zero_gradients()
        net.accumulate_gradients(x, y)
        net.apply_gradients()
        reference.step(net.gradient_dict(), lr=0.003 if step >= 5 else None)
    assert_close(net.state_dict(), reference.parameters, 1e-12)


@pytest.mark.parametrize("first", KINDS, ids=str)
def test_another_rule_starts_anew(first, rng):
    """Also back to the first, so that nothing is left behind."""
    [(x, y), (x2, y2)] = batches(rng, 2)
    net = make(first)
    net.train_step(x, y)
    fresh = make(first)
    fresh.load_state_dict(net.state_dict())
    net.optimizer = next(rule for rule in KINDS if type(rule) is not type(first))
    net.optimizer = first
    net.train_step(x2, y2)
    fresh.train_step(x2, y2)
    assert_same_bits(net.state_dict(), fresh.state_dict())


def test_clipping_leaves_the_gradients_as_they_are(rng):
    [(x, y)] = batches(rng, 1)
    net, plain = make(optim.SGD(clip_norm=1e-3)), make(optim.SGD())
    for each in (net, plain):
        each.accumulate_gradients(x, y)
        each.apply_gradients()
    assert_same_bits(net.gradient_dict(), plain.gradient_dict())


def test_the_norm_is_that_of_all_gradients_together(rng):
    """After one plain step of rate 1 the parameters have moved by the norm asked for."""
    [(x, y)] = batches(rng, 1)
    net = make(optim.SGD(lr=1.0, clip_norm=0.01))
    before = net.state_dict()
    net.train_step(x, y)
    moved = [net.state_dict()[name] - before[name] for name in before]
    # ‖g‖ is about 1 and 10⁻⁶ is added to it.
    assert np.sqrt(sum(np.sum(m**2) for m in moved)) == pytest.approx(0.01, rel=1e-5)


def test_rates_are_plain_floats():
    assert optim.SGD(lr=np.float32(0.5), momentum=0) == optim.SGD(0.5, 0.0)


def test_rules_are_values():
    assert optim.Adam() == optim.Adam(betas=[0.9, 0.999], clip_norm=None, lr_scales={})
    assert optim.Adam() != optim.AdamW(weight_decay=0.0)
    assert len({optim.Lion(), optim.Lion(), optim.Lion(lr=1)}) == 2
    slowed = [optim.SGD(lr_scales={"0": 1, "1": 0}), optim.SGD(lr_scales={"1": 0.0, "0": 1.0})]
    assert len(set(slowed)) == 1


def test_a_rule_keeps_its_own_factors():
    scales = {"0": 0.5}
    rule = optim.SGD(lr_scales=scales)
    scales["0"] = 2
    rule.options()["lr_scales"]["0"] = 2
    with pytest.raises(TypeError, match="assignment"):
        rule.lr_scales["0"] = 2
    assert rule == optim.SGD(lr_scales={"0": 0.5})
    assert repr(rule).endswith("lr_scales={'0': 0.5})")


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda rule: pickle.loads(pickle.dumps(rule, 0)),
        lambda rule: replace(rule, momentum=0.0),
        lambda rule: optim.SGD(**json.loads(json.dumps(rule.options()))),
    ],
    ids=["copy", "deepcopy", "pickle", "replace", "json"],
)
def test_a_copy_of_a_rule_has_its_factors(duplicate):
    rule = optim.SGD(lr_scales={"0": 0.5, "0.bias": 2})
    other = duplicate(rule)
    assert other == rule
    assert other.lr_scales == {"0": 0.5, "0.bias": 2.0} == rule.lr_scales
    with pytest.raises(TypeError, match="assignment"):
        other.lr_scales["0"] = 2


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"lr": -0.1}, ValueError),
        ({"lr": float("nan")}, ValueError),
        ({"lr": float("inf")}, ValueError),
        ({"lr": 10**400}, ValueError),
        ({"lr": -(10**5000)}, ValueError),
        ({"lr": "0.1"}, TypeError),
        ({"lr": True}, TypeError),
        ({"lr": None}, TypeError),
        ({"lr": 1j}, TypeError),
        ({"momentum": 1.0}, ValueError),
        ({"momentum": -0.1}, ValueError),
        ({"momentum": [0.9]}, TypeError),
        ({"weight_decay": -1}, ValueError),
        ({"nesterov": 1, "momentum": 0.9}, TypeError),
        ({"nesterov": True}, ValueError),
        ({"clip_norm": 0}, ValueError),
        ({"clip_norm": float("nan")}, ValueError),
        ({"clip_value": -1}, ValueError),
        ({"clip_value": "1"}, TypeError),
        ({"clip_value": 1.0, "clip_norm": 1.0}, ValueError),
        ({"ema_decay": 1.0}, ValueError),
        ({"ema_decay": -0.1}, ValueError),
        ({"ema_decay": "0.9"}, TypeError),
        ({"lr_scales": 0.1}, TypeError),
        ({"lr_scales": {0: 0.1}}, TypeError),
        ({"lr_scales": {"0": "0.1"}}, TypeError),
        ({"lr_scales": {"0": -0.1}}, ValueError),
        ({"lr_scales": {"0": float("inf")}}, ValueError),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(options, error):
    with pytest.raises(error, match=next(iter(options))):
        optim.SGD(**options)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (optim.Adagrad, {"lr_decay": -1}),
        (optim.Adagrad, {"eps": float("nan")}),
        (optim.RMSprop, {"alpha": 1}),
        (optim.RMSprop, {"eps": -1}),
        (optim.Adam, {"betas": 0.9}),
        (optim.Adam, {"betas": (0.9, 1.0)}),
        (optim.AdamW, {"betas": (0.9, 0.99, 0.999)}),
        (optim.Lion, {"betas": ("0.9", 0.99)}),
    ],
)
def test_the_other_rules_refuse_by_name_too(kind, options):
    assert_refused(lambda: kind(**options), options)


@pytest.mark.parametrize("given", [optim.Optimizer(lr=0.1), optim.Adam, "adam", None])
def test_a_network_takes_rules_alone(given, rng):
    net = make(optim.Adam())
    [(x, y)] = batches(rng, 1)
    with pytest.raises(TypeError, match="optimizer"):
        net.optimizer = given
    assert net.optimizer == optim.Adam()
    assert net.train_step(x, y) == make(optim.Adam()).train_step(x, y)


@pytest.mark.parametrize("kind", [optim.SGD, optim.RMSprop])
def test_a_momentum_that_is_set_later_starts_at_rest(kind, rng):
    """Its first step is one without momentum, the second is not."""
    plain, later = make(kind(lr=0.1)), make(kind(lr=0.1))
    [first, second, third] = batches(rng, 3)
    plain.train_step(*first)
    later.train_step(*first)
    later.optimizer = kind(lr=0.1, momentum=0.5)
    for net in (plain, later):
        net.train_step(*second)
    assert_same_bits(later.state_dict(), plain.state_dict())
    for net in (plain, later):
        net.train_step(*third)
    name, array = next(iter(later.state_dict().items()))
    assert (array != plain.state_dict()[name]).any()


@pytest.mark.parametrize("kind", [optim.SGD, optim.RMSprop])
def test_a_momentum_that_comes_back_starts_at_rest(kind, dtype, tmp_path, rng):
    """As in a network that was saved or copied while there was none."""
    net = make(kind(0.01, momentum=0.9), dtype=dtype.name)
    steps = list(batches(rng, 15, dtype))
    for x, y in steps[:5]:
        net.train_step(x, y)
    net.optimizer = kind(0.01)
    for x, y in steps[5:10]:
        net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    others = [cnnbp.Network.load(tmp_path / "net.npz"), copy.deepcopy(net)]
    for each in (net, *others):
        each.optimizer = kind(0.01, momentum=0.9)
        for x, y in steps[10:]:
            each.train_step(x, y)
    for other in others:
        assert_same_bits(other.state_dict(), net.state_dict())
