"""What a signal's handler may do while the core computes."""

import os
import signal
import subprocess
import sys

import pytest

HANDLED = """
import signal
import numpy as np
import cnnbp

x, y = np.zeros((2_000_000, 1, 4, 4), np.uint8), np.zeros(2_000_000, np.int64)
sgd = cnnbp.optim.SGD()
net, other = (
    cnnbp.Network([cnnbp.layers.Linear(3)], input_shape=(1, 4, 4), optimizer=sgd) for _ in "ab"
)
refusals = []
changes = [
    lambda: setattr(net, "optimizer", cnnbp.optim.Adam()),
    lambda: net.load_state_dict({name: value + 1 for name, value in net.state_dict().items()}),
    lambda: net.initialize("0.weight", "lecun_normal"),
    lambda: net.train_step(x[:9], y[:9]),
    lambda: net.fit(x[:9], y[:9], progress=False),
    lambda: net.accumulate_gradients(x[:9], y[:9]),
    lambda: net.apply_gradients(),
    lambda: net.zero_gradients(),
]

def handle(*_):
    other.train_step(x[:9], y[:9])
    net.predict(x[:9])
    before = net.state_dict()
    for change in changes:
        try:
            change()
        except RuntimeError as error:
            assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())
            assert net.optimizer == sgd
            refusals.append(str(error))
        else:  # the signal has come before or after the call
            net.optimizer = sgd

signal.signal(signal.SIGALRM, handle)
calls = [
    lambda: net.evaluate(x, y),
    lambda: net.predict(x),
    lambda: net.fit(x[:9], y[:9], validation_data=(x, y), progress=False),
]
for call in calls:
    refusals.clear()
    while len(refusals) < len(changes):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        call()
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(*set(refusals))
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no interval timers")
def test_a_handler_that_changes_the_network_meanwhile_is_refused_and_waits_for_nobody():
    """In evaluate, predict and a validation of fit; it may read the network and train another."""
    result = subprocess.run(
        [sys.executable, "-c", HANDLED],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    refusal = (
        "this thread is in evaluate or predict of the network; change it when that has returned"
    )
    assert result.stdout.splitlines() == [refusal] * 3
