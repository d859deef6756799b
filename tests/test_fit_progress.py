"""What ``Network.fit`` shows while it trains."""

import os
import subprocess
import sys
import types

import pytest

from cnnbp import Network
from cnnbp.layers import Linear
from cnnbp.optim import SGD
from striped import Recorder, make, stripes


@pytest.fixture
def data(rng):
    return stripes(rng)


def test_an_epoch_that_is_shown_has_been_counted(data):
    """Whoever reads its line and presses Ctrl-C at once finds it in the network."""

    class Impatient(Recorder):
        def end(self, epoch):
            raise KeyboardInterrupt

    net = make()
    with pytest.raises(KeyboardInterrupt):
        net.fit(*data, epochs=2, progress=Impatient())
    assert net.epochs_trained == len(net.history.epochs) == 1


def test_where_there_is_no_terminal_an_epoch_is_a_line(data, capsys):
    make().fit(*data, epochs=2, validation_data=data)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1/2  loss ")
    assert second.startswith("epoch 2/2  loss ")
    assert "val accuracy" in second
    assert "images/s" in second
    assert second.isprintable()


def test_a_regression_is_shown_with_its_loss_alone(data, capsys):
    x, y = data[0], data[1][:, None] / 2
    net = Network([Linear(1)], input_shape=(1, 8, 8), optimizer=SGD(lr=0.01))
    net.fit(x, y, validation_data=(x, y))
    (line,) = capsys.readouterr().out.splitlines()
    assert "val loss" in line
    assert "accuracy" not in line


@pytest.mark.parametrize("output", [None, types.SimpleNamespace(write=len)])
def test_a_service_may_have_no_output(data, output, monkeypatch):
    """Python has None there when it is started without; a logger may take its place."""
    monkeypatch.setattr(sys, "stdout", output)
    assert len(make().fit(*data).epochs) == 1


def test_epochs_are_counted_on_over_calls(data, capsys):
    net = make()
    net.fit(*data, progress=False)
    net.fit(*data, epochs=2)
    assert capsys.readouterr().out.splitlines()[1].startswith("epoch 3/3")


def test_progress_can_be_silenced(data, capsys):
    make().fit(*data, progress=False)
    assert capsys.readouterr() == ("", "")


def test_progress_can_be_shown_by_an_object_of_ones_own(data, capsys):
    """A bar for another kind of screen; how often batches are told depends on the time."""
    recorder, net = Recorder(), make()
    history = net.fit(*data, epochs=2, batch_size=20, progress=recorder)
    kinds = [kind for kind, _ in recorder.told]
    assert [told for told in recorder.told if told[0] != "batches"] == [
        ("begin", 1), ("end", 1), ("begin", 2), ("end", 2)
    ]  # fmt: skip
    batches = -(-len(data[0]) // 20)
    for number in (1, 2):
        end = recorder.told.index(("end", number))
        assert recorder.told[end - 1] == ("batches", batches)
    assert kinds.index("batches") == 1
    assert capsys.readouterr() == ("", "")
    alone = make().fit(*data, epochs=2, batch_size=20, progress=False)
    assert history.batch_losses == alone.batch_losses


ON_A_TERMINAL = """
import numpy as np
from cnnbp import Network, layers
x, y = np.zeros((5000, 8, 8), np.float32), np.zeros(5000, int)
net = Network([layers.Linear(4)], input_shape=(1, 8, 8))
net.fit(x, y, epochs=2)
"""


def test_a_terminal_gets_a_bar_and_a_line_for_each_epoch():
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    env = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    child = subprocess.Popen([sys.executable, "-c", ON_A_TERMINAL], stdout=theirs, env=env)
    os.close(theirs)
    seen = b""
    try:
        while part := os.read(ours, 4096):
            seen += part
    except OSError:  # how Linux says that the other side is closed
        pass
    os.close(ours)
    assert child.wait() == 0
    text = seen.decode()
    assert "━" in text
    assert "epoch 1/2  loss" in text
    assert "epoch 2/2  loss" in text
    assert text.rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in text[-200:]
