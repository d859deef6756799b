"""What a network that is given no optimizer trains with."""

import numpy as np
import pytest

from cnnbp import Network, data
from cnnbp.layers import Conv2d, Flatten, Linear, MaxPool2d, Sigmoid, Tanh
from cnnbp.optim import SGD

DIGITS = data.digits()
X, LABELS = DIGITS.x_train[:1000], DIGITS.y_train[:1000]


@pytest.mark.parametrize(
    ("layers", "loss", "rule"),
    [
        ([Linear(4, activation="sigmoid")], "mse", SGD(lr=1.0)),
        ([Linear(4), Sigmoid()], "mse", SGD(lr=1.0)),
        ([Conv2d(4, 3, activation="sigmoid"), Flatten()], "mse", SGD(lr=1.0)),
        ([Sigmoid(), Linear(4)], "mse", SGD(lr=0.01, momentum=0.9)),
        ([Linear(4), Tanh()], "mse", SGD(lr=0.01, momentum=0.9)),
        ([Flatten()], "mse", SGD(lr=0.01, momentum=0.9)),
        ([Linear(4)], "l1", SGD(lr=0.02, momentum=0.9)),
        ([Linear(4, activation="sigmoid")], "huber", SGD(lr=0.02, momentum=0.9)),
    ],
    ids=str,
)
def test_without_an_optimizer_the_rate_is_one_that_the_outputs_take(layers, loss, rule):
    assert Network(layers, input_shape=(1, 5, 5), loss=loss).optimizer == rule
    given = SGD(lr=0.5)
    assert Network(layers, input_shape=(1, 5, 5), loss=loss, optimizer=given).optimizer == given


#: The last layers, and their targets.
REGRESSIONS = {
    "ink": ([Linear(32, activation="relu"), Linear(1)], X.mean(axis=(2, 3)) / 25.5),
    "one-hot": ([Linear(10)], np.eye(10)[LABELS]),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_a_regression_learns_at_the_rate_that_it_gets(name):
    """Of what the mean of the targets would miss, more than a third is found in five epochs."""
    last, y = REGRESSIONS[name]
    net = Network([Conv2d(8, 5, activation="relu"), MaxPool2d(2), *last], input_shape=(1, 28, 28))
    net.fit(X, y, epochs=5, progress=False)
    constant = 0.5 * ((y - y.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert net.evaluate(X, y)["loss"] < constant * 2 / 3
