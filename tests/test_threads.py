"""The core beside other threads, processes and their floating-point settings."""

import copy
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import architectures
import cnnbp
from claims import assert_same_bits
from cnnbp import functional
from cnnbp import layers as L  # noqa: N812

needs_fork = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork"
)


def test_the_number_of_threads_is_what_was_set():
    for threads in (1, 3, 8):
        cnnbp.set_num_threads(threads)
        assert cnnbp.get_num_threads() == threads


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OMP_THREAD_LIMIT", "1"), ("OMP_DYNAMIC", "true"), ("OMP_MAX_ACTIVE_LEVELS", "0")],
)
def test_a_smaller_team_than_asked_for_computes_the_same(variable, value):
    """OpenMP may give fewer threads than asked for; nobody waits for the missing ones."""
    program = (
        "import sys, numpy, cnnbp; cnnbp.set_num_threads(4);"
        "x = numpy.linspace(-1, 1, 64 * 16 * 24 * 24).reshape(64, 16, 24, 24);"
        "weight = numpy.linspace(-1, 1, 16 * 16 * 5 * 5).reshape(16, 16, 5, 5);"
        "sys.stdout.buffer.write(cnnbp.functional.conv2d(x, weight)[-1].tobytes())"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **limit},
            stdout=subprocess.PIPE,
            timeout=300,
            check=True,
        ).stdout
        for limit in ({}, {variable: value})
    ]
    assert outputs[0] == outputs[1]


def lets_others_run(call) -> bool:
    """Whether another Python thread takes a turn while ``call`` runs, in a hundred tries at most.

    The interpreter's switch interval is made so long that no turn is taken by force: the other
    thread advances only where the call itself lets the interpreter go.
    """
    turns, started, stop = 0, threading.Event(), threading.Event()

    def count() -> None:
        nonlocal turns
        started.set()
        while not stop.wait(timeout=1e-4):
            turns += 1

    counter = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        counter.start()
        started.wait()
        before = turns
        for _ in range(100):
            call()
            if turns > before:
                return True
        return False
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        counter.join()


def test_the_test_of_letting_others_run_can_fail():
    assert not lets_others_run(lambda: sum(range(100_000)))


@pytest.mark.parametrize(
    "call", ["predict", "train_step", "accumulate_gradients", "evaluate", "fit"]
)
def test_a_network_lets_other_threads_run_while_it_computes(call, rng):
    architecture = architectures.LENET
    network = architecture.build()
    x, y = architecture.samples(rng, 500, "float32")
    arguments = {"predict": (x,)}.get(call, (x, y))
    options = {"progress": False} if call == "fit" else {}
    assert lets_others_run(lambda: getattr(network, call)(*arguments, **options))


@pytest.mark.parametrize("call", ["conv2d", "conv2d_delta", "conv2d_gradients", "max_pool2d"])
def test_functions_let_other_threads_run_while_they_compute(call):
    x, weight = np.ones((64, 32, 34, 34), np.float32), np.ones((32, 32, 3, 3), np.float32)
    delta = np.ones((64, 32, 32, 32), np.float32)
    arguments = {
        "conv2d": lambda: functional.conv2d(x, weight),
        "conv2d_delta": lambda: functional.conv2d_delta(delta, weight, input_size=(34, 34)),
        "conv2d_gradients": lambda: functional.conv2d_gradients(x, delta, kernel_size=3),
        "max_pool2d": lambda: functional.max_pool2d(x, 3, stride=1),
    }
    assert lets_others_run(arguments[call])


@pytest.mark.parametrize("name", ["toolbox", "lenet"])
def test_predictions_from_many_threads_are_those_of_one(name, rng):
    """Batches of every size at once on one network: the same bits, and nothing is changed."""
    architecture = architectures.ALL[name]
    network = architecture.build()
    x, y = architecture.samples(rng, 64, "float32")
    network.accumulate_gradients(x, y)
    before, gradients = network.state_dict(), network.gradient_dict()
    batches = [x[: 1 + 7 * k % 64] for k in range(40)]
    alone = [network.predict(batch) for batch in batches]
    with ThreadPoolExecutor(max_workers=8) as pool:
        together = list(pool.map(network.predict, batches))
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)
    assert_unchanged(network, before, gradients)


def assert_unchanged(network, parameters, gradients) -> None:
    assert_same_bits(network.state_dict(), parameters)
    assert_same_bits(network.gradient_dict(), gradients)


def test_one_network_trained_from_many_threads_takes_every_step(rng):
    """Which order the steps come in is open; with equal batches the result is not."""
    x, y = architectures.TOOLBOX.samples(rng, 17, "float32")
    alone, shared = architectures.TOOLBOX.build(), architectures.TOOLBOX.build()
    for _ in range(24):
        alone.train_step(x, y)
    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(lambda _: shared.train_step(x, y), range(24)))
    assert_same_bits(alone.state_dict(), shared.state_dict())


def _change_while_others_predict() -> None:
    """Run in a process of its own, which may hang."""
    network = architectures.LENET.build()
    x, _ = architectures.LENET.samples(np.random.default_rng(1), 2000, "float32")
    states = [network.state_dict(), architectures.LENET.build(seed=2).state_dict()]
    expected = []
    for state in states:
        network.load_state_dict(state)
        expected.append(network.predict(x).tobytes())
    with ThreadPoolExecutor(max_workers=2) as pool:
        predictions = [pool.submit(network.predict, x) for _ in range(6)]
        while not all(prediction.done() for prediction in predictions):
            for state in states:
                network.load_state_dict(state)
                network.optimizer = cnnbp.optim.SGD(lr=0.1)
    for prediction in predictions:
        assert prediction.result().tobytes() in expected


def test_a_copy_made_while_another_thread_trains_is_of_one_step(rng):
    """Parameters, velocities and the count of steps: those of two steps would go on to neither."""
    x, y = rng.random((4, 1, 8, 8)), rng.integers(0, 3, 4)
    first, net = (
        cnnbp.Network(
            [L.Conv2d(4, 3), L.Linear(3)],
            input_shape=(1, 8, 8),
            loss="cross_entropy",
            optimizer=cnnbp.optim.SGD(lr=0.01, momentum=0.9),
        )
        for _ in range(2)
    )
    states = []
    for _ in range(400):
        states.append({**first.state_dict(), **first._core.optimizer_state()})
        first.train_step(x, y)

    def train():
        for _ in states:
            net.train_step(x, y)

    trainer = threading.Thread(target=train)
    trainer.start()
    while trainer.is_alive():
        copied = copy.deepcopy(net)
        if (steps := copied._core.optimizer_steps()) < len(states):
            state = {**copied.state_dict(), **copied._core.optimizer_state()}
            assert_same_bits(state, states[steps])
    trainer.join()


def test_a_copy_made_while_another_thread_changes_the_rule_is_of_one_rule():
    """With its state: that of another would fit no network, nor would a file of it."""
    net = cnnbp.Network([L.Linear(3)], input_shape=(1, 8, 8))
    rules = [cnnbp.optim.SGD(lr=0.1), cnnbp.optim.Adam(lr=0.1), cnnbp.optim.Lion(ema_decay=0.9)]

    def change():
        for number in range(3000):
            net.optimizer = rules[number % len(rules)]

    changer = threading.Thread(target=change)
    changer.start()
    while changer.is_alive():
        assert copy.deepcopy(net).optimizer in rules
    changer.join()


def test_a_network_may_be_changed_while_others_predict():
    """No deadlock, and each prediction is that of one state, not of a mixture."""
    child = multiprocessing.get_context("spawn").Process(target=_change_while_others_predict)
    child.start()
    child.join(timeout=300)
    hangs = child.is_alive()
    child.kill()
    assert not hangs
    assert child.exitcode == 0


def _train_and_send(network, x, y, connection) -> None:
    network.train_step(x, y)
    connection.send(network.state_dict())


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_trains_to_the_same_bits(rng):
    """After a parallel region in the parent, whose threads the child does not have."""
    cnnbp.set_num_threads(4)
    x, y = architectures.LENET.samples(rng, 33, "float32")
    network = architectures.LENET.build()
    network.train_step(x, y)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_train_and_send, args=(network, x, y, sender))
    child.start()
    try:
        assert receiver.poll(timeout=300), "the child hangs"
        trained = receiver.recv()
        child.join(timeout=300)
        assert child.exitcode == 0
    finally:
        child.kill()
    network.train_step(x, y)
    assert_same_bits(network.state_dict(), trained)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_pool_of_forked_workers_predicts_to_the_same_bits(rng):
    cnnbp.set_num_threads(4)
    x, _ = architectures.TOOLBOX.samples(rng, 33, "float32")
    network = architectures.TOOLBOX.build()
    alone = network.predict(x)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        for outputs in pool.map_async(network.predict, [x, x, x]).get(timeout=300):
            assert np.array_equal(outputs, alone)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_denormals_of_the_calling_thread_stay_as_they_were(dtype, rng):
    """The core may flush them to zero within a call, and must not leave that behind."""
    smallest = np.finfo(dtype).smallest_subnormal
    network = architectures.TOOLBOX.build(dtype)
    x, y = architectures.TOOLBOX.samples(rng, 33, dtype)
    calls = {
        "train_step": lambda: network.train_step(x, y),
        "predict": lambda: network.predict(x),
        "evaluate": lambda: network.evaluate(x, y),
        "fit": lambda: network.fit(x, y, progress=False),
        "conv2d": lambda: functional.conv2d(x, np.ones((1, 1, 3, 3), dtype)),
        "tanh": lambda: functional.tanh(x),
    }
    for name, call in calls.items():
        call()
        numbers = np.full(64, 8 * smallest)
        assert (numbers * numbers.dtype.type(0.5) == 4 * smallest).all(), name


def test_the_core_prints_nothing(capfd, rng):
    x, y = architectures.TOOLBOX.samples(rng, 17, "float32")
    network = architectures.TOOLBOX.build()
    network.train_step(x, y)
    network.predict(x)
    with pytest.raises(ValueError, match="y"):
        network.train_step(x, y + 10)
    assert capfd.readouterr() == ("", "")


def test_who_changes_a_network_has_a_turn_among_threads_that_predict_without_a_pause():
    """Of six, one was always within its call: a hundred changes took minutes."""
    net = cnnbp.Network([L.Conv2d(8, 5), L.Linear(10)], input_shape=(1, 28, 28))
    x, state = np.zeros((256, 1, 28, 28), np.float32), net.state_dict()
    changed = threading.Event()

    def predict() -> int:
        calls = 0
        while not changed.is_set():
            net.predict(x)
            calls += 1
        return calls

    with ThreadPoolExecutor(6) as readers:
        predicting = [readers.submit(predict) for _ in range(6)]
        try:
            with ThreadPoolExecutor(1) as writer:
                changes = writer.submit(lambda: [net.load_state_dict(state) for _ in range(100)])
                assert len(changes.result(timeout=100)) == 100
        finally:
            changed.set()
        assert all(readers.result() > 0 for readers in predicting)
