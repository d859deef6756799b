"""Dropout: masks that depend on the counter alone, and predictions without them."""

import numpy as np
import pytest

import architectures
from claims import assert_same_bits, integers
from cnnbp import Network, check_gradients
from cnnbp.layers import Conv2d, Dropout, Linear
from oracle_random import Draws, philox


def alone(dtype="float64", shape=(3, 4, 5), p=0.5, seed=3) -> Network:
    return Network([Dropout(p)], input_shape=shape, dtype=np.dtype(dtype).name, seed=seed)


def masks(net: Network, batch: int) -> np.ndarray:
    """What the next training pass multiplies with."""
    shape = (batch, *net.input_shape)
    return net.trace(np.ones(shape), np.zeros((batch, np.prod(shape[1:]))))["0.output"]


def test_the_generator_gives_the_published_words():
    """Of the known answers that its authors publish with the code (Random123, kat_vectors)."""
    zeros, ones = [0] * 4, [0xFFFFFFFF] * 4
    assert [f"{word:08x}" for word in philox(zeros, (0, 0))] == [
        "6627e8d5", "e169c58d", "bc57ac4c", "9b00dbd8",
    ]  # fmt: skip
    assert [f"{word:08x}" for word in philox(ones, (0xFFFFFFFF, 0xFFFFFFFF))] == [
        "408f276d", "41c83b0e", "a20bc7c6", "6d5451fd",
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 1, 1), (5, 8, 8), (301, 1, 1), (2, 16, 12)])
@pytest.mark.parametrize("batch", [1, 3, 4, 8, 16, 37])
def test_a_training_pass_is_exact(batch, shape, dtype, rng):
    """One product a feature: 2x where the mask is not 0, on planes together and apart."""
    net = alone(dtype, shape)
    x = integers(rng, (batch, *shape), dtype)
    target = np.zeros((batch, np.prod(shape)), dtype)
    mask = Draws(seed=3, passes=0, number=1).dropout_mask(x.shape, 0.5, dtype)
    trace = net.trace(x, target)
    assert np.array_equal(trace["0.output"], mask * x)
    delta = trace["0.delta"].reshape(x.shape)
    assert np.array_equal(trace["input.delta"], mask * delta)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9, 1 - 2.0**-20])
def test_a_share_of_p_is_dropped_and_the_mean_is_kept(p):
    """Of n draws, p·n ± six standard deviations."""
    mask = masks(alone(shape=(20, 32, 32), p=p), 40)
    deviation = np.sqrt(p * (1 - p) / mask.size)
    assert abs((mask == 0).mean() - p) <= 6 * deviation
    assert set(np.unique(mask)) <= {0, 1 / (1 - p)}


def test_draws_of_features_and_samples_are_independent():
    """Of pairs n features, samples or layers apart, a quarter are both kept, ± six deviations."""
    kept = masks(alone(shape=(7, 31, 11)), 64) > 0
    for axis in range(4):
        for distance in (1, 2, 4):
            ends = [np.take(kept, range(*cut), axis) for cut in
                    ((distance, kept.shape[axis]), (0, kept.shape[axis] - distance))]  # fmt: skip
            both = ends[0] & ends[1]
            assert abs(both.mean() - 0.25) <= 6 * np.sqrt(0.25 * 0.75 / both.size)


def test_every_pass_layer_and_seed_draws_for_itself():
    drawn = []
    for seed in (3, 4, 3 + 2**32):
        net = Network([Dropout(), Dropout()], input_shape=(2, 6, 7), dtype="float64", seed=seed)
        for _ in range(3):
            trace = net.trace(np.ones((5, 2, 6, 7)), np.zeros((5, 84)))
            drawn += [trace["0.output"] > 0, trace["1.output"][trace["0.output"] > 0] > 0]
            net.train_step(np.ones((5, 2, 6, 7)), np.zeros((5, 84)))
    assert len({mask.tobytes() for mask in drawn}) == len(drawn)


def test_a_sample_is_dropped_alike_in_any_batch_and_dtype():
    """Its place counts, not what comes after it."""
    largest = masks(alone(shape=(5, 8, 8)), 50)
    for batch in (1, 3, 8, 17):
        for dtype in ("float32", "float64"):
            assert np.array_equal(masks(alone(dtype, (5, 8, 8)), batch), largest[:batch])


def test_predictions_and_evaluations_drop_nothing(dtype, rng):
    net = alone(dtype)
    x = rng.standard_normal((19, 3, 4, 5)).astype(dtype)
    net.train_step(x, x.reshape(19, 60))
    assert np.array_equal(net.predict(x), x)
    assert net.evaluate(x, x.reshape(19, 60))["loss"] == 0


def test_nothing_is_dropped_with_probability_0(rng):
    x, y = rng.standard_normal((9, 2, 6, 6)), rng.integers(0, 3, 9)
    states = []
    for layers in ([Conv2d(3, 3), Dropout(0.0), Linear(3)], [Conv2d(3, 3), Linear(3)]):
        net = Network(layers, input_shape=(2, 6, 6), dtype="float64")
        for _ in range(3):
            net.train_step(x, y)
        states.append(dict(enumerate(net.state_dict().values())))
    assert_same_bits(*states)


def test_a_trace_shows_the_masks_of_the_next_step(dtype, rng):
    architecture = architectures.DROPPED
    net = architecture.build(dtype)
    x, y = architecture.samples(rng, 7, dtype)
    net.train_step(x, y)
    net.zero_gradients()
    trace = net.trace(x, y)
    net.accumulate_gradients(x, y)
    for name, gradient in net.gradient_dict().items():
        place, _, parameter = name.rpartition(".")
        assert np.array_equal(trace[f"{place}.gradient.{parameter}"], gradient), name


def test_a_saved_network_goes_on_with_the_same_masks(tmp_path, rng):
    architecture = architectures.DROPPED
    net = architecture.build()
    x, y = architecture.samples(rng, 7)
    for _ in range(3):
        net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.layers == net.layers
    for _ in range(2):
        assert again.train_step(x, y) == net.train_step(x, y)
    assert_same_bits(again.state_dict(), net.state_dict())


def test_check_gradients_holds_the_masks(rng):
    architecture = architectures.DROPPED
    net = architecture.build()
    x, y = architecture.samples(rng, 3)
    net.train_step(x, y)
    assert check_gradients(net, x, y, entries=5)
