"""Images that a small network soon tells apart, that network, and who is told of its training."""

import numpy as np

from cnnbp import Network
from cnnbp.layers import Conv2d, Linear, MaxPool2d
from cnnbp.optim import SGD


def stripes(rng):
    """Images with a bright stripe whose column is the class, under noise."""
    y = rng.integers(0, 4, 200)
    x = rng.normal(0, 0.3, (200, 1, 8, 8)).astype(np.float32)
    x[np.arange(200), 0, :, 2 * y] += 1
    return x, y


def make(first=(), **options):
    layers = [*first, Conv2d(4, 3, activation="relu"), MaxPool2d(2), Linear(4)]
    usual = {"loss": "cross_entropy", "optimizer": SGD(lr=0.1, momentum=0.5)}
    return Network(layers, input_shape=(1, 8, 8), **(usual | options))


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    def begin(self, number):
        self.told.append(("begin", number))

    def on_batch(self, batches_done, loss):
        self.told.append(("batches", batches_done))

    def end(self, epoch):
        self.told.append(("end", epoch.number))
