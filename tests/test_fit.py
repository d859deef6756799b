"""``Network.fit``: the loop, what it records and survives."""

import json
import math
import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from cnnbp import Network, set_num_threads
from cnnbp.layers import Conv2d, Linear
from cnnbp.optim import SGD
from cnnbp.optim.schedules import ExponentialLR
from cnnbp.training import Epoch, History
from striped import Recorder, make, stripes


@pytest.fixture
def data(rng):
    return stripes(rng)


def equal(net, other):
    states = net.state_dict(), other.state_dict()
    return all(np.array_equal(*(state[name] for state in states)) for name in states[0])


def test_it_learns(data):
    x, y = data
    net = make()
    history = net.fit(x[:150], y[:150], epochs=20, batch_size=10, progress=False)
    assert net.evaluate(x[150:], y[150:])["accuracy"] > 0.95
    assert history.epochs[-1].loss < history.epochs[0].loss / 5


@pytest.mark.parametrize("first", [[], 2 * [Conv2d(32, 3, padding=1)]])
def test_without_shuffling_an_epoch_is_its_steps_in_order(first, data):
    """A batch of 30 leaves 20 samples to the last; beside 32 channels none is loaded ahead."""
    fitted, stepped = make(first), make(first)
    x, y = data
    history = fitted.fit(x, y, batch_size=30, shuffle=False, progress=False)
    steps = [stepped.train_step(x[i : i + 30], y[i : i + 30]) for i in range(0, 200, 30)]
    assert history.batch_losses == steps
    assert equal(fitted, stepped)


class Disturber(Recorder):
    """Trains between batches: with as many samples, or with one less, whose arrays lie alike."""

    def __init__(self, net, x, y):
        super().__init__()
        self.net, self.x, self.y = net, x, y
        self.steps = {}

    def on_batch(self, batches_done, loss):
        if len(self.steps) < 6:
            samples = (40, 39)[len(self.steps) % 2]
            self.steps[batches_done] = samples
            self.net.train_step(self.x[-samples:], self.y[-samples:])
            self.net.predict(self.x[:3])
            time.sleep(0.06)  # so that the next batch is told of, too


def test_steps_between_batches_meet_no_batch_that_was_read_ahead(rng):
    """While a batch trains, the next is read; a step in between may use the same memory.

    Where the machine is through with an epoch before somebody is told of a batch in it, the next
    try has twice as many.
    """
    set_num_threads(2)
    x, y = rng.normal(size=(3000, 1, 24, 24)), rng.integers(0, 4, 3000)
    for _ in range(6):
        fitted, stepped = (
            Network([Conv2d(64, 5), Linear(4)], input_shape=(1, 24, 24), loss="cross_entropy",
                    optimizer=SGD(lr=0.01), dtype="float64") for _ in range(2)
        )  # fmt: skip
        disturber, batches = Disturber(fitted, x, y), len(x) // 40
        history = fitted.fit(x, y, batch_size=40, shuffle=False, progress=disturber)
        if min(disturber.steps) < batches:
            break
        x, y = np.concatenate([x, x]), np.concatenate([y, y])
    losses = []
    for done in range(1, batches + 1):
        batch = slice(40 * done - 40, 40 * done)
        losses.append(stepped.train_step(x[batch], y[batch]))
        if samples := disturber.steps.get(done):
            stepped.train_step(x[-samples:], y[-samples:])
    assert min(disturber.steps) < batches
    assert history.batch_losses == losses
    assert equal(fitted, stepped)


def test_a_shuffled_epoch_sees_every_sample_once(data):
    """With a rate of 0 the losses of batches of one are those of the samples, in some order."""
    x, y = data
    net = make(optimizer=SGD(lr=0.0))
    ordered = net.fit(x, y, batch_size=1, shuffle=False, progress=False).batch_losses
    shuffled = net.fit(x, y, batch_size=1, progress=False).batch_losses
    again = net.fit(x, y, batch_size=1, progress=False).batch_losses
    assert ordered != shuffled != again
    assert sorted(ordered) == sorted(shuffled) == sorted(again)


def test_two_calls_are_one_longer_call(data):
    once, twice = make(), make()
    losses = once.fit(*data, epochs=3, progress=False).batch_losses
    split = twice.fit(*data, epochs=1, progress=False).batch_losses
    split += twice.fit(*data, epochs=2, progress=False).batch_losses
    assert losses == split
    assert equal(once, twice)
    assert twice.epochs_trained == 3


def test_the_seed_decides_the_order(data):
    orders = [
        make(optimizer=SGD(lr=0.0), seed=seed).fit(*data, batch_size=1, progress=False).batch_losses
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1]
    assert np.argsort(orders[0]).tolist() != np.argsort(orders[2]).tolist()


def test_a_batch_may_be_larger_than_the_data(data):
    assert len(make().fit(*data, batch_size=10_000, progress=False).batch_losses) == 1


def test_the_history_records_epochs_and_batches(data):
    x, y = data
    net = make()
    history = net.fit(
        x[:150],
        y[:150],
        epochs=2,
        batch_size=40,
        validation_data=(x[150:], y[150:]),
        progress=False,
    )
    assert history is net.history
    assert [epoch.number for epoch in history.epochs] == [1, 2]
    assert len(history.batch_losses) == 2 * 4
    first, last = history.epochs
    sizes = [40, 40, 40, 30]
    assert first.loss == pytest.approx(np.average(history.batch_losses[:4], weights=sizes))
    assert {"loss": last.val_loss, "accuracy": last.val_accuracy} == net.evaluate(x[150:], y[150:])
    assert last.images_per_second == pytest.approx(150 / last.seconds)


def test_an_epoch_records_its_rates(data):
    """Those of its first and its last batch, of ten; without a schedule the optimizer's."""
    net = make(optimizer=SGD(lr=0.1))
    net.fit(*data, batch_size=20, progress=False)
    net.optimizer = SGD(lr=0.2)
    epochs = net.history.epochs + net.fit(*data, batch_size=20, progress=False).epochs
    epochs += net.fit(*data, batch_size=20, progress=False, schedule=ExponentialLR(0.5)).epochs
    assert [(epoch.lr, epoch.last_lr) for epoch in epochs] == [(0.1, 0.1), (0.2, 0.2), (0.05, 0.05)]
    assert "lr 0.05  " in str(epochs[-1])
    halving = ExponentialLR(gamma=0.5, per="batch", first_epoch=3)
    [epoch] = net.fit(*data, batch_size=20, progress=False, schedule=halving).epochs
    assert (epoch.lr, epoch.last_lr) == (0.2, 0.2 * 0.5**9)
    assert "lr 0.2 to 0.000391" in str(epoch)


def test_without_validation_data_there_are_no_validation_results(data):
    epoch = make().fit(*data, progress=False).epochs[0]
    assert epoch.val_loss is None
    assert epoch.val_accuracy is None


def test_a_regression_has_a_validation_loss_and_no_accuracy(data):
    x, y = data[0], np.stack([data[1], data[1] / 2], axis=1)
    net = Network([Linear(2)], input_shape=(1, 8, 8), optimizer=SGD(lr=0.01))
    history = net.fit(x, y, validation_data=(x, y), progress=False)
    (epoch,) = history.epochs
    assert {"loss": epoch.val_loss} == net.evaluate(x, y)
    assert epoch.val_accuracy is None
    assert json.loads(history.to_json())["epochs"][0]["val_accuracy"] is None


def test_a_history_is_written_as_json(data):
    history = make().fit(*data, progress=False)
    read = json.loads(history.to_json())
    assert read["batch_losses"] == history.batch_losses
    assert read["epochs"][0]["loss"] == history.epochs[0].loss


def test_a_number_that_is_not_finite_is_null_in_json():
    lost = Epoch(number=1, loss=math.nan, seconds=1.0, images_per_second=1.0, lr=1.0, last_lr=1.0)
    history = History([lost], [0.5, math.inf, math.nan])
    read = json.loads(history.to_json(), parse_constant=pytest.fail)
    assert read["epochs"][0]["loss"] is None
    assert read["epochs"][0]["number"] == 1
    assert read["batch_losses"] == [0.5, None, None]


@pytest.mark.parametrize("kind", [bool, np.bool_])
def test_on_epoch_is_told_of_every_epoch_and_may_end_the_training(data, kind):
    told = []

    def stop_at_3(epoch):
        told.append(epoch)
        return kind(epoch.number == 3)

    history = make().fit(*data, epochs=10, on_epoch=stop_at_3, progress=False)
    assert told == history.epochs
    assert len(told) == 3


@pytest.mark.parametrize("answer", [None, 1, "stop", np.ones(2)], ids=repr)
def test_what_on_epoch_returns_otherwise_means_nothing(data, answer):
    history = make().fit(*data, epochs=2, on_epoch=lambda epoch: answer, progress=False)
    assert len(history.epochs) == 2


def test_the_rate_can_change_between_epochs(data):
    net = make()
    states = []

    def freeze(epoch):
        states.append(net.state_dict()["2.weight"])
        net.optimizer = SGD(lr=0.0)

    net.fit(*data, epochs=3, on_epoch=freeze, progress=False)
    assert np.array_equal(states[0], states[2])


def test_an_error_in_on_epoch_keeps_what_was_learned(data):
    net = make()

    def fail(epoch):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        net.fit(*data, epochs=5, on_epoch=fail, progress=False)
    assert net.epochs_trained == len(net.history.epochs) == 1
    net.fit(*data, progress=False)
    assert net.epochs_trained == 2


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"shuffle": 1}, TypeError),
        ({"progress": None}, TypeError),
        ({"progress": Recorder}, TypeError),
        ({"on_epoch": "stop"}, TypeError),
        ({"validation_data": 0.2}, TypeError),
        ({"validation_data": (np.zeros((3, 1, 8, 7)), [0, 1, 2])}, ValueError),
        ({"validation_data": (np.zeros((3, 1, 8, 8)), [0, 1])}, ValueError),
        ({"validation_data": (np.zeros((3, 1, 8, 8)), [0, 1, 4])}, ValueError),
        ({"validation_data": (np.full((3, 1, 8, 8), np.nan), [0, 1, 3])}, ValueError),
    ],
)
def test_a_wrong_argument_is_refused_by_name_before_training(data, options, error):
    net = make()
    untouched, history = make(), net.history
    with pytest.raises(error, match=next(iter(options))):
        net.fit(*data, **({"progress": False} | options))
    assert equal(net, untouched)
    assert net.history is history


@contextmanager
def interrupted():
    """Give an event; once it is set, a thread sends SIGINT to this process, which computes on."""
    event = threading.Event()

    def send():
        event.wait()
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        yield event


def test_an_interrupt_ends_an_epoch_that_is_under_way_and_keeps_what_was_learned():
    """It comes after some batches of two million, so that the epoch cannot have ended by itself."""
    x = np.zeros((2_000_000, 1, 4, 4), np.uint8)
    net = Network([Linear(3)], input_shape=(1, 4, 4), optimizer=SGD(lr=0.1))
    before, progress = net.state_dict(), Recorder()
    with interrupted() as event:
        progress.on_batch = lambda batches_done, loss: event.set()
        net.fit(x, np.zeros(len(x), int), batch_size=1, shuffle=False, progress=progress)
    assert net.history.epochs == []
    assert net.epochs_trained == 0
    assert not np.array_equal(net.state_dict()["0.bias"], before["0.bias"])
    net.fit(x[:100], np.zeros(100, int), progress=False)
    assert net.epochs_trained == 1


def test_an_interrupt_between_short_epochs_keeps_their_history(data):
    net = make()
    with interrupted() as event:
        net.fit(*data, epochs=10_000_000, progress=False, on_epoch=lambda epoch: event.set())
    assert net.epochs_trained == len(net.history.epochs) > 0
