"""``trainable=False``: parameters that stay, and what goes on around them."""

import numpy as np
import pytest

from claims import assert_same_bits
from cnnbp import Network, check_gradients, optim
from cnnbp.layers import Conv2d, Linear, Subsample2d


def network(frozen: set[int], optimizer=None) -> Network:
    layers = [
        Conv2d(4, 3, activation="tanh", trainable=0 not in frozen),
        Subsample2d(2, activation="tanh", trainable=1 not in frozen),
        Linear(5, activation="tanh", trainable=2 not in frozen),
        Linear(3, trainable=3 not in frozen),
    ]
    return Network(
        layers, input_shape=(1, 8, 8), loss="cross_entropy", optimizer=optimizer, dtype="float64"
    )


@pytest.mark.parametrize("frozen", [{0}, {1}, {3}, {0, 1}, {1, 2}, {0, 1, 2, 3}])
@pytest.mark.parametrize("rule", [optim.SGD(0.1, 0.9), optim.AdamW(weight_decay=0.1)])
def test_frozen_parameters_stay_and_the_others_have_the_same_gradients(frozen, rule, rng):
    """Also with weight decay, which would move what has no gradient."""
    x, y = rng.standard_normal((9, 1, 8, 8)), rng.integers(0, 3, 9)
    whole, part = network(set()), network(frozen, rule)
    assert_same_bits(part.state_dict(), whole.state_dict())
    whole.accumulate_gradients(x, y)
    part.accumulate_gradients(x, y)
    learned = {n: g for n, g in whole.gradient_dict().items() if int(n[0]) not in frozen}
    assert_same_bits(part.gradient_dict(), learned)
    before = part.state_dict()
    for _ in range(3):
        part.train_step(x, y)
    for name, value in part.state_dict().items():
        assert np.array_equal(value, before[name]) == (int(name[0]) in frozen), name


def test_frozen_parameters_are_counted_apart():
    lines = network({0}).summary().layers
    assert [(line.parameters, line.frozen) for line in lines[:2]] == [(40, 40), (8, 0)]


def test_frozen_parameters_can_be_loaded_and_the_input_keeps_its_delta(rng):
    net = network({0, 1, 2, 3})
    state = {name: rng.standard_normal(p.shape) for name, p in net.state_dict().items()}
    net.load_state_dict(state)
    assert_same_bits(net.state_dict(), state)
    assert check_gradients(net, rng.standard_normal((3, 1, 8, 8)), [0, 1, 2])
