"""The same bits for any number of threads."""

import numpy as np
import pytest

import architectures
import cnnbp
from claims import assert_same_bits


@pytest.mark.parametrize(
    "name",
    [
        "toolbox",
        "lenet",
        "odd",
        "subsampled",
        "combined",
        "transposed",
        "dropped",
        "normalized",
        "resized",
    ],
)
def test_training_gives_the_same_bits_for_any_number_of_threads(name, dtype):
    architecture = architectures.ALL[name]
    cnnbp.set_num_threads(1)
    alone = architecture.train_twenty_steps(dtype)
    for threads in range(2, 9):
        cnnbp.set_num_threads(threads)
        assert_same_bits(architecture.train_twenty_steps(dtype), alone)


def test_fit_gives_the_same_bits_for_any_number_of_threads(rng):
    """The whole epoch in C++: shuffled, a last batch of 3, evaluated after each epoch."""
    x, y = architectures.TOOLBOX.samples(rng, 103, "float32")
    results = []
    for threads in (1, 2, 5):
        cnnbp.set_num_threads(threads)
        network = architectures.TOOLBOX.build()
        history = network.fit(x, y, epochs=2, batch_size=20, validation_data=(x, y), progress=False)
        state = {**network.state_dict(), "losses": np.array(history.batch_losses)}
        results.append({**state, "outputs": network.predict(x)})
    for result in results[1:]:
        assert_same_bits(result, results[0])


@pytest.mark.parametrize("operation", ["conv2d", "conv2d_delta", "conv2d_gradients"])
def test_operations_give_the_same_bits_for_any_number_of_threads(operation, dtype, rng):
    x = rng.standard_normal((37, 5, 9, 10)).astype(dtype)
    weight = rng.standard_normal((13, 5, 3, 3)).astype(dtype)
    delta = rng.standard_normal((37, 13, 7, 8)).astype(dtype)
    calls = {
        "conv2d": lambda: cnnbp.functional.conv2d(x, weight),
        "conv2d_delta": lambda: cnnbp.functional.conv2d_delta(delta, weight, input_size=(9, 10)),
        "conv2d_gradients": lambda: cnnbp.functional.conv2d_gradients(x, delta, kernel_size=3)[0],
    }
    results = []
    for threads in range(1, 9):
        cnnbp.set_num_threads(threads)
        results.append({operation: calls[operation]()})
    for result in results[1:]:
        assert_same_bits(result, results[0])
