"""The worked example of the notes: a 4×4 map, 2×2 pooling, the pooled delta [[1, 3], [2, 4]]."""

import numpy as np
import pytest

from cnnbp import functional

POOLED_DELTA = [[1, 3], [2, 4]]
SHARED = [
    [0.25, 0.25, 0.75, 0.75],
    [0.25, 0.25, 0.75, 0.75],
    [0.5, 0.5, 1, 1],
    [0.5, 0.5, 1, 1],
]
#: Maxima at the lower right, upper right, upper left and lower left of the cells of 1, 3, 2, 4.
MAP = [[0, 1, 2, 9], [3, 8, 1, 0], [7, 2, 1, 3], [0, 1, 6, 5]]
PLACED = [[0, 0, 0, 3], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 4, 0]]


def images(rows, dtype, batch: int) -> np.ndarray:
    return np.broadcast_to(np.array(rows, dtype), (batch, 1, len(rows), len(rows[0])))


@pytest.mark.parametrize("batch", [1, 17])
def test_mean_pooling_shares_the_delta_out(batch, dtype):
    delta = functional.avg_pool2d_delta(images(POOLED_DELTA, dtype, batch), 2, input_size=(4, 4))
    assert np.array_equal(delta, images(SHARED, dtype, batch))


@pytest.mark.parametrize("batch", [1, 17])
def test_max_pooling_places_the_delta_at_the_maximum(batch, dtype):
    output, positions = functional.max_pool2d(images(MAP, dtype, batch), 2)
    delta = functional.max_pool2d_delta(
        images(POOLED_DELTA, dtype, batch), positions, input_size=(4, 4)
    )
    assert np.array_equal(output, images([[8, 9], [7, 6]], dtype, batch))
    assert np.array_equal(delta, images(PLACED, dtype, batch))
