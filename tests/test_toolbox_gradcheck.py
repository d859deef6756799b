"""``cnnnumgradcheck`` passes on the toolbox's nets, and can fail."""

import re

import numpy as np
import pytest

from cnnbp import set_num_threads
from cnnbp.toolbox import cnnbp, cnnff, cnnnumgradcheck
from toolbox_golden import NAMES, golden


@pytest.fixture(autouse=True)
def _one_thread():
    """Thousands of passes over two samples: starting a second thread costs more than it saves."""
    set_num_threads(1)


def checked(name: str, samples: int):
    """A golden net after a pass over a few samples, and these samples."""
    run = golden(name)
    x, y = run.x[:, :, :samples], run.y[:, :samples]
    return cnnbp(cnnff(run.net(), x), y), x, y


@pytest.mark.parametrize("name", NAMES)
def test_the_gradients_of_the_toolboxs_nets_pass(name):
    cnnnumgradcheck(*checked(name, samples=2))


@pytest.mark.parametrize(
    ("field", "place"),
    [("dffb", (1, 0)), ("dffW", (2, 3)), ("db", (2,)), ("dk", (1, 2, 0, 2))],
    ids=["dffb", "dffW", "db", "dk"],
)
def test_an_error_of_a_millionth_in_one_gradient_fails(field, place):
    net, x, y = checked("random_2c2_2s_3c3", samples=2)
    holder = net if field.startswith("dff") else net.layers[3]
    gradient = getattr(holder, field).copy()
    gradient[place] += 1e-6
    setattr(holder, field, gradient)
    with pytest.raises(ArithmeticError, match=re.escape(f"{field}[{place}] is")):
        cnnnumgradcheck(net, x, y)


def test_gradients_of_other_samples_fail():
    net, x, y = checked("random_2c2_2s_3c3", samples=2)
    with pytest.raises(ArithmeticError, match="numerical gradient checking failed"):
        cnnnumgradcheck(net, x[:, :, ::-1], y)


def test_not_a_number_in_a_gradient_fails():
    net, x, y = checked("random_2c2_2s_3c3", samples=2)
    net.dffb = np.full_like(net.dffb, np.nan)
    with pytest.raises(ArithmeticError, match="is nan"):
        cnnnumgradcheck(net, x, y)


def test_a_net_without_gradients_is_refused():
    run = golden("random_2c2_2s_3c3")
    with pytest.raises(ValueError, match=r"net has no dffW, dffb, .* call net = cnnbp"):
        cnnnumgradcheck(run.net(), run.x, run.y)
