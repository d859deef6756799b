"""``cnnbp.optim.schedules``: values, and what `Network.fit` makes of them."""

import math

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp.layers import Linear
from cnnbp.optim import SGD, Adam
from cnnbp.optim import schedules as S  # noqa: N812

LR = 0.3
#: A schedule, and its rate at t from the one before, as its definition has it.
BY_DEFINITION = [
    (S.StepLR(7, 0.5), lambda lr, t: lr * (0.5 if t % 7 == 0 else 1)),
    (S.MultiStepLR([4, 9, 9], 0.5), lambda lr, t: lr * {4: 0.5, 9: 0.25}.get(t, 1)),
    (S.ExponentialLR(0.9), lambda lr, t: lr * 0.9),
    (S.CosineAnnealingLR(39), lambda lr, t: LR * math.cos(math.pi * t / 78) ** 2),
    (S.LinearLR(0.2, 1.0, 8), lambda lr, t: lr + (LR * 0.1 if t <= 8 else 0)),
    (S.LambdaLR(lambda t: 1 / (1 + t)), lambda lr, t: LR / (1 + t)),
]
#: Schedule and its twin: a name of torch.optim.lr_scheduler and its options.
TORCHS = [
    (S.StepLR(7), "StepLR", {"step_size": 7}),
    (S.MultiStepLR([9, 4], 0.3), "MultiStepLR", {"milestones": [9, 4], "gamma": 0.3}),
    (S.ExponentialLR(0.9), "ExponentialLR", {"gamma": 0.9}),
    (S.CosineAnnealingLR(25, 0.01), "CosineAnnealingLR", {"T_max": 25, "eta_min": 0.01}),
    (S.LinearLR(), "LinearLR", {}),
    (S.LinearLR(0.1, 0.7, 12), "LinearLR",
     {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 12}),
    (S.OneCycleLR(0.5, 40), "OneCycleLR", {"max_lr": 0.5, "total_steps": 40}),
    (S.OneCycleLR(0.5, 41, 0.4, "linear", 10, 100), "OneCycleLR",
     {"max_lr": 0.5, "total_steps": 41, "pct_start": 0.4, "anneal_strategy": "linear",
      "div_factor": 10, "final_div_factor": 100}),
    (S.LambdaLR(math.sqrt), "LambdaLR", {"lr_lambda": math.sqrt}),
]  # fmt: skip


@pytest.mark.parametrize(("schedule", "following"), BY_DEFINITION)
def test_rates_follow_the_definition(schedule, following):
    rates = schedule.rates(LR, range(40))
    first = LR * (0.2 if isinstance(schedule, S.LinearLR) else 1)
    expected = [first]
    for t in range(1, 40):
        expected.append(following(expected[-1], t))
    assert np.allclose(rates, expected, rtol=1e-13, atol=1e-17)


def test_one_cycle_passes_its_corners():
    """0.3 of 40 steps up: the largest rate at t = 11, with a flat start, top and end."""
    rates = S.OneCycleLR(0.5, 40, div_factor=10, final_div_factor=100).rates(LR, range(40))
    assert rates[[0, 11, 39]] == pytest.approx([0.05, 0.5, 0.0005], rel=1e-14)
    assert np.argmax(rates) == 11
    assert (np.diff(rates[:12]) > 0).all()
    assert (np.diff(rates[11:]) < 0).all()


@pytest.mark.parametrize(("schedule", "name", "options"), TORCHS)
def test_rates_are_pytorch_s(schedule, name, options):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=LR, momentum=0.9)
    twin = getattr(torch.optim.lr_scheduler, name)(optimizer, **options)
    assert np.allclose(schedule.rates(LR, range(40)), steps_of(optimizer, twin), rtol=1e-12, atol=0)


def test_one_after_the_other_is_pytorch_s():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    lr_scheduler = torch.optim.lr_scheduler
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=LR)
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.1, total_iters=5),
        lr_scheduler.CosineAnnealingLR(optimizer, 20),
        lr_scheduler.ExponentialLR(optimizer, 0.9),
    ]
    twin = lr_scheduler.SequentialLR(optimizer, parts, [5, 25])
    parts = [S.LinearLR(0.1, total_iters=5), S.CosineAnnealingLR(20), S.ExponentialLR(0.9)]
    rates = S.SequentialLR(parts, [5, 25]).rates(LR, range(40))
    assert np.allclose(rates, steps_of(optimizer, twin), rtol=1e-12, atol=1e-17)


def steps_of(optimizer, scheduler):
    rates = []
    for _ in range(40):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < 40:
            scheduler.step()
    return rates


@pytest.fixture
def data(rng):
    return rng.standard_normal((70, 1, 3, 3)), rng.integers(0, 4, 70)


def make(optimizer=None):
    return cnnbp.Network(
        [Linear(4)], input_shape=(1, 3, 3), loss="cross_entropy", dtype="float64",
        optimizer=optimizer or Adam(lr=LR),
    )  # fmt: skip


def fit(net, data, epochs=4, **options):
    return net.fit(*data, epochs=epochs, batch_size=20, progress=False, **options)


def test_an_epoch_is_trained_at_its_rate(data):
    scheduled, by_hand = make(), make()
    fit(scheduled, data, schedule=S.StepLR(2))
    for rate in (LR, LR, LR * 0.1, LR * 0.1):
        by_hand.optimizer = Adam(lr=rate)
        fit(by_hand, data, epochs=1)
    assert_same_bits(scheduled.state_dict(), by_hand.state_dict())


def test_a_batch_is_trained_at_its_rate(data):
    """4 epochs of 4 batches, the last of 10 samples."""
    schedule = S.OneCycleLR(0.5, 16)
    scheduled, by_hand = make(), make()
    scheduled.fit(*data, epochs=4, batch_size=20, shuffle=False, progress=False, schedule=schedule)
    for step, rate in enumerate(schedule.rates(LR, range(16))):
        by_hand.optimizer = Adam(lr=rate)
        begin = step % 4 * 20
        by_hand.train_step(data[0][begin : begin + 20], data[1][begin : begin + 20])
    assert_same_bits(scheduled.state_dict(), by_hand.state_dict())


@pytest.mark.parametrize("per", ["epoch", "batch"])
def test_two_calls_are_one_longer_call_at_the_same_rates(per, data):
    schedule = S.ExponentialLR(0.8, per=per)
    once, twice = make(), make()
    fit(once, data, schedule=schedule)
    fit(twice, data, epochs=1, schedule=schedule)
    fit(twice, data, epochs=3, schedule=schedule)
    assert_same_bits(once.state_dict(), twice.state_dict())


def test_a_schedule_may_begin_after_earlier_epochs(data):
    late, by_hand = make(), make()
    for net in (late, by_hand):
        fit(net, data, epochs=2)
    fit(late, data, epochs=2, schedule=S.ExponentialLR(0.5, first_epoch=2))
    for rate in (LR, LR * 0.5):
        by_hand.optimizer = Adam(lr=rate)
        fit(by_hand, data, epochs=1)
    assert_same_bits(late.state_dict(), by_hand.state_dict())


def rates_of(*histories):
    return [(epoch.lr, epoch.last_lr) for history in histories for epoch in history.epochs]


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize(
    "schedule",
    [
        S.StepLR(2),
        S.MultiStepLR([1, 3]),
        S.ExponentialLR(0.9),
        S.ExponentialLR(0.9, per="batch"),
        S.CosineAnnealingLR(10),
        S.LinearLR(),
        S.OneCycleLR(0.5, 16),
        S.LambdaLR(math.sqrt),
        S.SequentialLR([S.LinearLR(), S.StepLR(1)], [2]),
        S.ReduceLROnPlateau(patience=0, threshold=0.5),
        S.ReduceLROnPlateau(patience=1, threshold=0.5, factor=0.5),
        S.ReduceLROnPlateau(patience=0, threshold=0.5, cooldown=1),
    ],
)
def test_calls_of_an_epoch_have_the_rates_of_one_longer_call(schedule, validate, data):
    options = {"schedule": schedule, "validation_data": data if validate else None}
    once, often = make(SGD(1e-3)), make(SGD(1e-3))
    rates = rates_of(fit(once, data, **options))
    assert rates_of(*(fit(often, data, epochs=1, **options) for _ in range(4))) == rates
    assert len(set(rates)) > 1
    assert_same_bits(once.state_dict(), often.state_dict())


def test_epochs_that_are_never_reached_take_no_memory_for_their_batches():
    """Of all these batches together, the rates would take 800 GB."""
    schedule = S.StepLR(10)
    rates = schedule.start(LR, epochs=range(100_000), batches=1_000_000)([1.0] * 25)
    assert rates.shape == (1_000_000,)
    assert (rates == schedule.rates(LR, [25])).all()


def test_the_optimizer_keeps_its_own_rate(data):
    net = make()
    fit(net, data, schedule=S.StepLR(1))
    assert net.optimizer == Adam(lr=LR)


REFUSED = {
    "step_size": lambda: S.StepLR(0),
    "gamma": lambda: S.ExponentialLR(-0.1),
    "milestones": lambda: S.MultiStepLR("5"),
    "each of milestones": lambda: S.MultiStepLR([1, 2.5]),
    "t_max": lambda: S.CosineAnnealingLR(0),
    "eta_min": lambda: S.CosineAnnealingLR(5, math.nan),
    "start_factor": lambda: S.LinearLR(-1),
    "total_iters": lambda: S.LinearLR(total_iters=1.5),
    "max_lr": lambda: S.OneCycleLR(-1, 10),
    "total_steps": lambda: S.OneCycleLR(1, 0),
    "pct_start": lambda: S.OneCycleLR(1, 10, pct_start=0.05),
    "anneal_strategy": lambda: S.OneCycleLR(1, 10, anneal_strategy="cosine"),
    "div_factor": lambda: S.OneCycleLR(1, 10, div_factor=0),
    "lr_lambda": lambda: S.LambdaLR(0.5),
    "schedules": lambda: S.SequentialLR([S.StepLR(2), 0.5], [5]),
    "milestones must be one fewer": lambda: S.SequentialLR([S.StepLR(2)], [5]),
    "factor": lambda: S.ReduceLROnPlateau(factor=1.0),
    "patience": lambda: S.ReduceLROnPlateau(patience=-1),
    "per": lambda: S.StepLR(2, per="step"),
    "first_epoch": lambda: S.StepLR(2, first_epoch=-1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_options_are_refused_by_name(name):
    assert_refused(REFUSED[name], [name])


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (0.1, ["schedule", "0.1"]),
        (S.StepLR, ["schedule"]),
        (S.OneCycleLR(0.5, 15), ["total_steps", "15", "16"]),
        (S.StepLR(2, first_epoch=1), ["first_epoch", "1"]),
        (S.LambdaLR(lambda t: 1 - t), ["LambdaLR", "negative"]),
        (S.LambdaLR(lambda t: "a"), ["lr_lambda"]),
    ],
)
def test_fit_refuses_a_schedule_before_anything_has_changed(schedule, words, data):
    net = make()
    before = net.state_dict()
    assert_refused(lambda: fit(net, data, schedule=schedule), words)
    assert_same_bits(net.state_dict(), before)
    assert net.epochs_trained == 0


@pytest.mark.parametrize("rates", [np.ones(3), np.ones(0), -np.ones(4), np.full(4, np.nan)])
def test_the_core_refuses_rates_that_do_not_fit(rates, data):
    core = make()._core
    with pytest.raises(ValueError, match="lr"):
        core.train_epoch(*data, np.arange(70), 20, lr=rates)
    assert core.optimizer_steps() == 0
