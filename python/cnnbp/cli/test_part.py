"""The images a network is tested on."""

from __future__ import annotations

from cnnbp.data import Dataset
from cnnbp.training import Samples


def with_test_part(data: Dataset, seed: int) -> Dataset:
    """Return `data`, a fifth of its images set aside for testing if it has no test part."""
    return data if data.x_test is not None else data.split(seed=seed)


def test_part(data: Dataset) -> Samples:
    """Return the test images and their class numbers.

    Raises
    ------
    ValueError
        If there are none.
    """
    if data.x_test is None or data.y_test is None:
        raise ValueError(f"{data!r} has no test part; make one with Dataset.split")
    return Samples(data.x_test, data.y_test)
