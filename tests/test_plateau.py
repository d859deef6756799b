"""``ReduceLROnPlateau``: torch's rates, and calls of `Network.fit` that go on or begin anew."""

import copy
import dataclasses
import json

import numpy as np
import pytest

import cnnbp
from cnnbp.layers import Linear
from cnnbp.optim import SGD
from cnnbp.optim.schedules import ReduceLROnPlateau, StepLR

#: A loss that must halve never does: the rate falls after the second epoch, and each one on.
PLATEAU = ReduceLROnPlateau(patience=0, threshold=0.5)
LR = 0.3


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 0},
        {"patience": 2, "factor": 0.5, "threshold": 0.1},
        {"patience": 1, "cooldown": 3, "min_lr": 0.01},
        {"patience": 0, "factor": 0.5, "eps": 0.01},
    ],
)
def test_plateaus_are_pytorch_s(options, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=LR)
    twin = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    losses = np.exp(-np.arange(40) / 20) + rng.normal(0, 0.1, 40)
    for epochs in range(1, 41):
        twin.step(losses[epochs - 1])
        rate = ReduceLROnPlateau(**options).rate_after(LR, losses[:epochs])
        assert rate == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-14)


def test_a_plateau_lowers_the_rate_after_patience_and_one_epoch():
    schedule = ReduceLROnPlateau(patience=2, cooldown=1)
    rates = [schedule.rate_after(1.0, [5.0, 4.0] + [4.0] * more) for more in range(8)]
    assert rates == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01])


@pytest.fixture
def data(rng):
    return rng.standard_normal((70, 1, 3, 3)), rng.integers(0, 4, 70)


def make(rate):
    return cnnbp.Network(
        [Linear(4)], input_shape=(1, 3, 3), loss="cross_entropy", dtype="float64",
        optimizer=SGD(rate),
    )  # fmt: skip


def fit(net, data, epochs=4, **options):
    return net.fit(*data, epochs=epochs, batch_size=20, progress=False, **options)


def rates_of(*histories):
    return [epoch.lr for history in histories for epoch in history.epochs]


@pytest.mark.parametrize("validate", [False, True])
def test_a_plateau_is_seen_by_fit(validate, data):
    options = {"validation_data": data} if validate else {}
    scheduled, by_hand = make(1e-3), make(1e-3)
    fit(scheduled, data, schedule=PLATEAU, **options)
    for rate in (1e-3, 1e-3, 1e-4, 1e-5):
        by_hand.optimizer = SGD(rate)
        fit(by_hand, data, epochs=1)
    for name, parameter in scheduled.state_dict().items():
        assert np.allclose(parameter, by_hand.state_dict()[name], rtol=1e-13, atol=1e-15)


def test_an_equal_plateau_from_the_same_rate_goes_on_where_a_call_was_ended(data):
    net = make(1e-3)
    first = fit(net, data, schedule=PLATEAU, on_epoch=lambda epoch: epoch.number == 2)
    net.optimizer = SGD(1e-3, momentum=0.5)
    second = fit(net, data, epochs=2, schedule=dataclasses.replace(PLATEAU))
    assert rates_of(first, second) == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])


@pytest.mark.parametrize(
    "change",
    [
        lambda net: (net, dataclasses.replace(PLATEAU, first_epoch=2), 1e-3),
        lambda net: (net, dataclasses.replace(PLATEAU, factor=0.5), 1e-3),
        lambda net: (net, PLATEAU, 5e-4),
        lambda net: (copy.deepcopy(net), PLATEAU, 1e-3),
    ],
    ids=["another first_epoch", "another factor", "another rate", "a copy"],
)
def test_a_plateau_begins_anew(change, data):
    net = make(1e-3)
    fit(net, data, epochs=2, schedule=PLATEAU)
    net, schedule, rate = change(net)
    net.optimizer = SGD(rate, momentum=0.5)
    lower = rate * schedule.factor
    history = fit(net, data, epochs=3, schedule=schedule)
    assert rates_of(history) == pytest.approx([rate, rate, lower])


def test_a_plateau_begins_anew_after_a_call_without_it_and_not_after_one_that_failed(data):
    net = make(1e-3)
    fit(net, data, epochs=2, schedule=PLATEAU)
    with pytest.raises(ValueError, match="epochs"):
        fit(net, data, epochs=0, schedule=StepLR(1))
    assert rates_of(fit(net, data, epochs=1, schedule=PLATEAU)) == pytest.approx([1e-4])
    fit(net, data, epochs=1)
    assert rates_of(fit(net, data, epochs=1, schedule=PLATEAU)) == [1e-3]


def test_a_history_with_a_plateau_is_the_same_document(data):
    history = fit(make(1e-3), data, schedule=PLATEAU)
    assert set(json.loads(history.to_json())) == {"epochs", "batch_losses"}
    assert "plateau" not in repr(history)
