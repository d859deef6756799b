"""``ema_decay``: the running average of the parameters, and ``Network.averaged``."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp import optim
from cnnbp.layers import Linear
from oracle_optim import OracleOptimizer
from trajectories import KINDS, STEPS, TorchTwin, assert_close, batches, make

AVERAGED = [replace(rule, ema_decay=0.95) for rule in KINDS]


@pytest.mark.parametrize("rule", AVERAGED, ids=str)
def test_two_hundred_steps_average_as_defined(rule, rng):
    net = make(rule)
    reference = OracleOptimizer(rule, net.state_dict())
    for x, y in batches(rng, STEPS):
        net.zero_gradients()
        net.accumulate_gradients(x, y)
        net.apply_gradients()
        reference.step(net.gradient_dict())
    assert_close(net.averaged().state_dict(), reference.average, 1e-10)


def test_two_hundred_steps_average_as_pytorch_s(rng):
    """``AveragedModel`` with ``get_ema_multi_avg_fn``, along Adam's steps."""
    rule = optim.Adam(lr=0.01, ema_decay=0.98)
    net = make(rule)
    twin = TorchTwin(net)
    optimizer = twin.optimizer(rule)
    swa = twin.torch.optim.swa_utils
    model = twin.torch.nn.ParameterList(twin.weights.values())
    average = swa.AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(rule.ema_decay))
    for x, y in batches(rng, STEPS):
        twin.step(optimizer, x, y)
        average.update_parameters(model)
        net.train_step(x, y)
    averages = (parameter.detach().numpy() for parameter in average.module)
    expected = dict(zip(twin.weights, averages, strict=True))
    assert_close(net.averaged().state_dict(), expected, 1e-10)


@pytest.mark.parametrize("rule", AVERAGED, ids=str)
def test_an_average_does_not_change_the_training(rule, dtype, rng):
    net, plain = (make(r, dtype=dtype.name) for r in (rule, replace(rule, ema_decay=None)))
    for x, y in batches(rng, 5, dtype):
        net.train_step(x, y)
        plain.train_step(x, y)
    assert_same_bits(net.state_dict(), plain.state_dict())


def test_the_first_step_copies_the_parameters(dtype, rng):
    net = make(optim.SGD(ema_decay=0.9), dtype=dtype.name)
    [(x, y)] = batches(rng, 1, dtype)
    net.train_step(x, y)
    assert_same_bits(net.averaged().state_dict(), net.state_dict())


def test_the_bits_do_not_depend_on_the_number_of_threads(dtype):
    states = []
    for threads in (1, 2, 3, 8):
        cnnbp.set_num_threads(threads)
        net = make(optim.AdamW(ema_decay=0.9), dtype=dtype.name)
        for x, y in batches(np.random.default_rng(4), 20, dtype):
            net.train_step(x, y)
        states.append(net.averaged().state_dict())
    for state in states[1:]:
        assert_same_bits(state, states[0])


@pytest.mark.parametrize("steps", [0, 3])
def test_a_network_from_a_file_goes_on_averaging(steps, dtype, tmp_path, rng):
    """Also one whose average has not begun, which the next step copies."""
    net = make(optim.Adam(ema_decay=0.9), dtype=dtype.name)
    for x, y in batches(rng, steps, dtype):
        net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    other = cnnbp.Network.load(tmp_path / "net.npz")
    for x, y in batches(rng, 3, dtype):
        assert net.train_step(x, y) == other.train_step(x, y)
    assert_same_bits(net.averaged().state_dict(), other.averaged().state_dict())


def test_what_averaged_returns_is_a_network_of_its_own(rng):
    net = make(optim.SGD(lr=0.5, momentum=0.5, ema_decay=0.5))
    for x, y in batches(rng, 5):
        net.train_step(x, y)
    average = net.averaged()
    assert average.definition == net.definition
    assert average.optimizer == net.optimizer
    kept, state = average.state_dict(), net.state_dict()
    assert not np.array_equal(kept["0.weight"], state["0.weight"])
    twin = make(optim.SGD())
    twin.load_state_dict(kept)
    assert np.array_equal(average.predict(x), twin.predict(x))
    net.train_step(x, y)
    assert_same_bits(average.state_dict(), kept)
    average.train_step(x, y)
    assert not np.array_equal(average.state_dict()["0.weight"], kept["0.weight"])


def test_an_average_begins_when_it_is_asked_for(rng):
    """Whatever the parameters and an earlier average were before."""
    net = make(optim.SGD(ema_decay=0.9))
    [(x, y), (x2, y2)] = batches(rng, 2)
    net.train_step(x, y)
    for rule in (optim.SGD(), optim.SGD(ema_decay=0.9)):
        net.optimizer = rule
    net.train_step(x2, y2)
    assert_same_bits(net.averaged().state_dict(), net.state_dict())


def test_another_rate_goes_on_with_the_average(rng):
    [(x, y), (x2, y2)] = batches(rng, 2)
    net = make(optim.SGD(lr=0.1, ema_decay=0.9))
    net.train_step(x, y)
    first = net.state_dict()
    net.optimizer = optim.SGD(lr=0.2, ema_decay=0.75)
    net.train_step(x2, y2)
    second = net.state_dict()
    expected = {name: 0.75 * first[name] + 0.25 * second[name] for name in first}
    assert_close(net.averaged().state_dict(), expected, 1e-14)


def test_no_average_is_refused_with_what_to_do():
    assert_refused(make(optim.SGD()).averaged, ("SGD", "no average", "ema_decay"))


def test_an_average_of_no_step_is_refused(rng):
    net = make(optim.SGD(ema_decay=0.9))
    assert_refused(net.averaged, ("ema_decay=0.9", "no step", "train first"))
    [(x, y)] = batches(rng, 1)
    net.train_step(x, y)
    net.optimizer = optim.Adam(ema_decay=0.9)
    assert_refused(net.averaged, ("Adam", "no step"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's RLIMIT_AS")
def test_where_memory_is_short_another_rule_changes_nothing():
    """36 MB for Adam's first mean, where 20 MB are left."""
    resource = pytest.importorskip("resource")
    net = cnnbp.Network(
        [Linear(3000)], input_shape=(3000, 1, 1), optimizer=optim.SGD(ema_decay=0.9)
    )
    net.train_step(np.ones((4, 3000, 1, 1), np.float32), np.zeros((4, 3000), np.float32))
    before = net.averaged().state_dict()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 20_000_000, limits[1]))
    try:
        with pytest.raises(MemoryError):
            net.optimizer = optim.Adam(ema_decay=0.9)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert net.optimizer == optim.SGD(ema_decay=0.9)
    assert_same_bits(net.averaged().state_dict(), before)
