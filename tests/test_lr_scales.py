"""``lr_scales``: layers and parameters with learning rates of their own."""

from dataclasses import replace

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp import optim
from cnnbp.layers import Linear
from oracle_optim import OracleOptimizer
from trajectories import KINDS, STEPS, TorchTwin, assert_close, batches, make

#: Layers 0 and 2 at rates of their own, a bias at another, layer 3 at the common one.
SCALES = {"0": 0.3, "2": 2.0, "2.bias": 0.5}
FACTORS = {"0.weight": 0.3, "0.bias": 0.3, "2.weight": 2.0, "2.bias": 0.5}
SCALED = [replace(rule, lr_scales=SCALES) for rule in KINDS]
SCALED += [replace(KINDS[0], lr_scales=SCALES, clip_norm=0.05)]
SCALED += [optim.AdamW(lr=0.01, weight_decay=0.1, lr_scales=SCALES, ema_decay=0.9)]


@pytest.mark.parametrize("rule", SCALED, ids=str)
def test_two_hundred_steps_follow_the_definition(rule, rng):
    """Decays that a rule takes from its rate are scaled with it; a clip's norm is over all."""
    net = make(rule)
    reference = OracleOptimizer(rule, net.state_dict())
    for x, y in batches(rng, STEPS):
        net.zero_gradients()
        net.accumulate_gradients(x, y)
        net.apply_gradients()
        reference.step(net.gradient_dict())
    assert_close(net.state_dict(), reference.parameters, 1e-10)


@pytest.mark.parametrize(
    "rule", [rule for rule in SCALED if not isinstance(rule, optim.Lion)], ids=str
)
def test_two_hundred_steps_are_those_of_pytorch_s_groups(rule, rng):
    net = make(rule)
    twin = TorchTwin(net)
    groups = [
        {"params": [weight], "lr": rule.lr * FACTORS.get(name, 1)}
        for name, weight in twin.weights.items()
    ]
    optimizer = twin.optimizer(rule, groups)
    for x, y in batches(rng, STEPS):
        twin.step(optimizer, x, y, clip_norm=rule.clip_norm)
        net.train_step(x, y)
    assert_close(net.state_dict(), twin.state_dict(), 1e-10)


def moved(rule, rng, net=None):
    """The names of the parameters that a step moves."""
    net = net or make(rule)
    before = net.state_dict()
    [(x, y)] = batches(rng, 1)
    net.train_step(x, y)
    return [name for name, array in net.state_dict().items() if (array != before[name]).any()]


@pytest.mark.parametrize(
    ("scales", "names"),
    [
        ({"0": 0}, ["2.weight", "2.bias", "3.weight", "3.bias"]),
        ({"0": 0, "0.bias": 1, "3": 0}, ["0.bias", "2.weight", "2.bias"]),
        ({"2.weight": 0, "3.weight": 0}, ["0.weight", "0.bias", "2.bias", "3.bias"]),
        ({"0": 0, "2": 0, "3": 0}, []),
    ],
)
def test_the_longest_start_counts_and_0_stands_still(scales, names, rng):
    assert moved(optim.SGD(lr_scales=scales), rng) == names


def test_a_start_ends_at_a_dot(rng):
    """Layer 1 is not the start of layer 10."""
    net = cnnbp.Network(
        [Linear(3) for _ in range(11)],
        input_shape=(1, 2, 2),
        optimizer=optim.SGD(lr_scales={"1": 0}),
    )
    before = net.state_dict()
    net.train_step(rng.standard_normal((4, 1, 2, 2)), [0, 1, 2, 0])
    still = {name for name, array in net.state_dict().items() if (array == before[name]).all()}
    assert still == {"1.weight", "1.bias"}


@pytest.mark.parametrize("rule", KINDS, ids=str)
def test_a_factor_of_one_changes_no_bit(rule, dtype, rng):
    """Also where it cuts the parameters into other tasks."""
    scaled = replace(rule, lr_scales={"0.weight": 1, "2.bias": 1})
    net, plain = (make(r, dtype=dtype.name) for r in (scaled, rule))
    for x, y in batches(rng, 5, dtype):
        net.train_step(x, y)
        plain.train_step(x, y)
    assert_same_bits(net.state_dict(), plain.state_dict())


def test_the_bits_do_not_depend_on_the_number_of_threads(dtype):
    states = []
    for threads in (1, 2, 3, 8):
        cnnbp.set_num_threads(threads)
        net = make(SCALED[-1], dtype=dtype.name)
        for x, y in batches(np.random.default_rng(4), 10, dtype):
            net.train_step(x, y)
        states.append(net.state_dict())
    for state in states[1:]:
        assert_same_bits(state, states[0])


def test_a_schedule_changes_the_rate_that_factors_scale(rng):
    """SGD's steps are in proportion to the rate."""
    x, y = next(batches(rng, 1))
    moves = []
    for schedule in (None, optim.schedules.LambdaLR(lambda t: 0.25)):
        net = make(optim.SGD(lr=0.5, lr_scales={"0": 0.5}))
        before = net.state_dict()
        net.fit(x, y, batch_size=len(x), progress=False, schedule=schedule)
        moves.append({name: array - before[name] for name, array in net.state_dict().items()})
    assert_close(moves[1], {name: move / 4 for name, move in moves[0].items()}, 1e-13)


def test_a_saved_network_keeps_its_factors(tmp_path, rng):
    net = make(optim.Adam(lr_scales=SCALES))
    net.save(tmp_path / "net.npz")
    other = cnnbp.Network.load(tmp_path / "net.npz")
    assert other.optimizer == net.optimizer
    for x, y in batches(rng, 3):
        assert net.train_step(x, y) == other.train_step(x, y)
    assert_same_bits(net.state_dict(), other.state_dict())


@pytest.mark.parametrize("name", ["1", "4", "0.", "", "0.weights", "2.b", "weight"])
def test_a_name_that_starts_no_parameter_s_is_refused_with_those_that_are_there(name, rng):
    rule = optim.SGD(lr_scales={"0": 0.5, name: 0.1})
    words = ("lr_scales", f"'{name}'", "0.weight, 0.bias, 2.weight, 2.bias, 3.weight, 3.bias")
    assert_refused(lambda: make(rule), words)
    net, untouched = make(optim.Adam()), make(optim.Adam())
    with pytest.raises(ValueError, match="lr_scales"):
        net.optimizer = rule
    assert net.optimizer == optim.Adam()
    for x, y in batches(rng, 2):
        assert net.train_step(x, y) == untouched.train_step(x, y)
