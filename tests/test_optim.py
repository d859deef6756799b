"""``cnnbp.optim``."""

import numpy as np
import pytest

from cnnbp.optim import SGD


def test_rates_are_plain_floats():
    assert SGD(lr=np.float32(0.5), momentum=0) == SGD(0.5, 0.0)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"lr": -0.1}, ValueError),
        ({"lr": float("nan")}, ValueError),
        ({"lr": float("inf")}, ValueError),
        ({"lr": "0.1"}, TypeError),
        ({"lr": True}, TypeError),
        ({"lr": None}, TypeError),
        ({"lr": 1j}, TypeError),
        ({"momentum": 1.0}, ValueError),
        ({"momentum": -0.1}, ValueError),
        ({"momentum": [0.9]}, TypeError),
    ],
)
def test_a_rate_out_of_range_is_refused_by_name(options, error):
    with pytest.raises(error, match=next(iter(options))):
        SGD(**options)
