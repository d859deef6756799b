"""``summarize`` and ``Network.summary``: what a network is and takes, before it is made."""

import subprocess
import sys

import pytest

import cnnbp
from claims import assert_refused
from cnnbp import Network, optim, summarize
from cnnbp.layers import CombineConv2d, Conv2d, Flatten, Linear


def test_memory_is_what_the_arrays_come_to():
    """By hand: 4 → 3 features, float32, SGD without momentum: values and gradients.

    A batch of 16 is one block of 16 lanes. Training: the images and targets of this batch and of
    the next one; the output's values and deltas; the samples and their deltas in rows of 16.
    """
    rule = optim.SGD(lr=0.1)
    memory = summarize([Linear(3)], input_shape=(4, 1, 1), optimizer=rule, batch_size=16).memory
    parameters = 3 * 4 + 3
    assert memory.parameters == parameters * 4 * 2
    lanes = 2 * (4 + 3) + 3 + 3
    assert memory.training == (lanes * 16 + 16 * (16 + 3)) * 4


def test_only_a_rule_with_momentum_keeps_one():
    def memory(rule):
        return summarize([Linear(3)], input_shape=(4, 1, 1), optimizer=rule).memory.parameters

    assert memory(optim.SGD(0.1, momentum=0.9)) * 2 == memory(optim.SGD(0.1)) * 3
    assert memory(optim.RMSprop(0.1, momentum=0.9)) * 3 == memory(optim.RMSprop(0.1)) * 4


def test_an_average_is_one_more_array():
    def memory(rule):
        return summarize([Linear(3)], input_shape=(4, 1, 1), optimizer=rule).memory.parameters

    assert memory(optim.SGD(0.1, ema_decay=0.9)) * 2 == memory(optim.SGD(0.1)) * 3
    assert memory(optim.Adam(ema_decay=0.9)) * 4 == memory(optim.Adam()) * 5


def test_the_weights_that_a_combination_makes_are_counted():
    """α and its gradient, as many as c: 5 → 7 maps, and 5 kernels of 3 × 3."""
    layers = [CombineConv2d(7, 3, bias=False)]
    memory = summarize(layers, input_shape=(5, 9, 9), optimizer=optim.SGD(0.1)).memory
    assert memory.parameters == ((5 * 9 + 5 * 7) * 2 + 5 * 7 * 2) * 4


def test_bytes_double_with_the_type_and_grow_with_the_optimizers_state():
    layers, shape = [Conv2d(4, 3), Linear(3)], (1, 9, 9)
    single = summarize(layers, input_shape=shape, optimizer=optim.Lion(), batch_size=16).memory
    double = summarize(layers, input_shape=shape, optimizer=optim.Lion(), dtype="float64",
                       batch_size=16).memory  # fmt: skip
    assert double.parameters == 2 * single.parameters
    adam = summarize(layers, input_shape=shape, optimizer=optim.Adam()).memory
    assert adam.parameters * 3 == single.parameters * 4


def test_a_network_larger_than_any_memory_is_described():
    summary = summarize([Conv2d(4096, 3, padding=1), Linear(1000)], input_shape=(3, 512, 512))
    assert summary.parameters > 10**12
    assert summary.memory.parameters > 8 * 10**12
    assert " TB for parameters" in str(summary)


def test_it_is_the_networks_own_summary():
    layers = [Conv2d(4, 3), Flatten(), Linear(3)]
    net = Network(layers, input_shape=(1, 9, 9), optimizer=optim.Adam())
    assert net.summary(batch_size=7) == summarize(
        layers, input_shape=(1, 9, 9), optimizer=optim.Adam(), batch_size=7
    )


def test_what_a_network_is_refused_for_so_is_its_summary():
    assert_refused(lambda: summarize([Conv2d(4, 9)], input_shape=(1, 5, 5)), ("layer 0", "(9, 9)"))
    net = Network([Linear(3)], input_shape=(4, 1, 1))
    assert_refused(lambda: net.summary(batch_size=0), ("batch_size", "0"))


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")
def test_training_takes_the_memory_that_the_summary_states():
    """To 5 %: 350 MB of buffers, in a process whose other needs are known before they are made.

    The smaller batch that ends an epoch trains in the same memory.
    """
    code = """
import numpy as np, cnnbp
from cnnbp import layers as L
layers = [L.Conv2d(32, 3, padding=1), L.MaxPool2d(2), L.Conv2d(32, 3), L.Linear(64)]
def peak():
    lines = open("/proc/self/status")
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
x, y = np.zeros((256, 3, 64, 64), np.uint8), np.zeros(256, np.int64)
cnnbp.set_num_threads(1)
small = cnnbp.Network(layers, input_shape=(3, 8, 8))
small.train_step(x[:, :, :8, :8].copy(), y)
before = peak()
net = cnnbp.Network(layers, input_shape=(3, 64, 64))
net.train_step(x, y)
use = net.summary(batch_size=256).memory
stated, taken = use.parameters + use.training, peak() - before
net.train_step(x[:250], y[:250])
print(taken / stated, (peak() - before - taken) / stated)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    first, more = map(float, result.stdout.split())
    assert first == pytest.approx(1, abs=0.05)
    assert more < 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's /proc")
def test_a_summary_takes_no_memory_for_what_it_states():
    """800 MB of α and its gradient, among others, in a process that grows by less than 50 MB."""
    code = """
import cnnbp
from cnnbp.layers import CombineConv2d
def peak():
    lines = open("/proc/self/status")
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak()
use = cnnbp.summarize([CombineConv2d(10_000, 1)], input_shape=(10_000, 1, 1)).memory
print(use.parameters, peak() - before)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    stated, taken = map(int, result.stdout.split())
    assert stated > 2 * 800e6
    assert taken < 50e6


def test_sizes_are_written_with_three_digits():
    layers = [Linear(1000)]
    text = str(summarize(layers, input_shape=(1, 28, 28), optimizer=optim.SGD(0.1)))
    assert "6.28 MB for parameters" in text  # 785,000 × 2 × 4 bytes
    assert cnnbp.summarize is summarize
