"""Arrays that are not in use at the same time share memory: less of it, the same numbers."""

import numpy as np
import pytest

import architectures
from claims import assert_same_bits
from cnnbp import Network, summarize
from cnnbp.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Layer,
    Linear,
    MaxPool2d,
    Residual,
    Upsample,
)
from resnet import resnet20


@pytest.mark.parametrize("batch", [1, 37])
@pytest.mark.parametrize("name", architectures.ALL)
def test_steps_have_the_bits_of_a_trace_which_shares_nothing(name, batch, dtype, rng):
    """An array that overwrote another still in use would change a gradient or the loss.

    The second step finds what the first left in memory, the third shares its larger memory.
    """
    architecture = architectures.ALL[name]
    network = architecture.build(dtype)
    for samples in (batch + 1, batch + 1, 2 if batch == 1 else 5):
        x, y = architecture.samples(rng, samples, dtype)
        trace = network.trace(x, y)
        network.zero_gradients()
        assert network.accumulate_gradients(x, y) == pytest.approx(float(trace["loss"]), rel=1e-6)
        gradients = network.gradient_dict()
        assert gradients
        assert_same_bits(gradients, {key: trace[_traced(key)] for key in gradients})


@pytest.mark.parametrize("name", ["thrifty", "resnet", "sums", "normalized", "pooled-branch"])
def test_steps_that_make_values_again_have_those_bits_too(name, dtype, rng):
    """That is done with maps of 2 MB and more."""
    architecture = architectures.ALL[name]
    network = architecture.build(dtype)
    x, y = architecture.samples(rng, 1500, dtype)
    trace = network.trace(x, y)
    network.zero_gradients()
    network.accumulate_gradients(x, y)
    gradients = network.gradient_dict()
    assert_same_bits(gradients, {key: trace[_traced(key)] for key in gradients})


def _traced(name: str) -> str:
    layer, parameter = name.rsplit(".", 1)
    return f"{layer}.gradient.{parameter}"


@pytest.mark.parametrize("name", ["branched", "odd", "resized", "combined", "resnet"])
def test_predictions_do_not_see_what_an_earlier_batch_left(name, dtype, rng):
    architecture = architectures.ALL[name]
    network = architecture.build(dtype)
    x, _ = architecture.samples(rng, 19, dtype)
    first = network.predict(x)
    network.predict(np.full_like(x, 1e37))  # overflows, and is soon not a number
    assert_same_bits({"outputs": network.predict(x)}, {"outputs": first})


#: Bytes of 8 maps of 16 x 16 in a batch of 16, each with 5 cache lines more, and of one layer's
#: weights packed for forward.
MAPS, WEIGHTS = 8 * (16 * 16 + 5) * 16 * 4, 8 * 8 * 9 * 4

#: The same of 256 samples: as much as a core's second cache holds, so that they may be made again.
LARGE_MAPS = 16 * MAPS


@pytest.mark.parametrize("name", ["odd", "resized", "combined", "resnet"])
def test_predictions_find_weights_packed_for_them_alone(name, dtype, rng):
    """Training packs weights into memory that other arrays have the next moment."""
    architecture = architectures.ALL[name]
    network, again = architecture.build(dtype), architecture.build(dtype)
    for samples in (5, 19, 3):  # each another plan
        x, y = architecture.samples(rng, samples, dtype)
        network.train_step(x, y)
        network.predict(x)
        again.load_state_dict(network.state_dict())
        x, _ = architecture.samples(rng, samples + 1, dtype)
        assert_same_bits({"outputs": network.predict(x)}, {"outputs": again.predict(x)})


def _chain(length: int, **options):
    layers = [Conv2d(8, 3, padding=1, activation="tanh", **options) for _ in range(length)]
    return summarize([*layers, Linear(3)], input_shape=(8, 16, 16), batch_size=16).memory


def test_a_longer_chain_keeps_its_outputs_and_no_more_deltas():
    """Every output is needed by a gradient, a delta only until the layer before has its own.

    Weights packed for one pass of a layer are needed for no longer than that, either.
    """
    assert _chain(12).training - _chain(7).training == 5 * MAPS


def test_a_longer_chain_predicts_in_the_same_memory():
    assert _chain(12).prediction - _chain(7).prediction == 5 * WEIGHTS


def test_a_map_that_its_reader_normalizes_is_kept_once():
    """Normalized by its writer, as for tanh, it is made again for the backward pass.

    Convolutions of 24 channels take too long to be.
    """

    def of(blocks: int, activation: str) -> int:
        same = {"kernel_size": 3, "padding": 1, "bias": False}
        block = [Conv2d(24, **same), BatchNorm2d(activation=activation)]
        layers = [*blocks * block, Conv2d(24, **same)]
        return summarize(layers, input_shape=(2, 16, 16), batch_size=256).memory.training

    assert of(7, "relu") - of(5, "relu") == 2 * 3 * LARGE_MAPS
    assert of(7, "tanh") - of(5, "tanh") == 2 * 3 * LARGE_MAPS


def _chain_of_sums(channels: int, blocks: int) -> list[Layer]:
    same = {"kernel_size": 3, "padding": 1, "bias": False}
    block = Residual([Conv2d(channels, **same), BatchNorm2d()], activation="relu")
    return [Conv2d(channels, **same), *blocks * [block], Linear(3)]


@pytest.mark.parametrize(("channels", "kept"), [(24, 4), (16, 3)])
def test_of_a_chain_of_sums_every_second_one_is_kept_at_most(channels, kept):
    """The others are made again, one of the other if need be.

    So is a part of what convolutions of 16 channels leave; of 24 all of that is kept.
    """

    def of(blocks: int) -> int:
        layers = _chain_of_sums(channels, blocks)
        return summarize(layers, input_shape=(8, 16, 16), batch_size=256).memory.training

    least, most = kept * channels // 8 * LARGE_MAPS, (4 + 2) * channels // 8 * LARGE_MAPS
    assert least <= of(8) - of(4) < most


def test_what_is_made_again_of_other_such_values_has_the_bits_of_a_trace(dtype, rng):
    """In a chain of sums several wait for each other; convolutions are made of sums."""
    network = Network(_chain_of_sums(16, 6), input_shape=(8, 16, 16), dtype=dtype)
    x, y = rng.random((256, 8, 16, 16)).astype(dtype), rng.integers(3, size=256)
    trace = network.trace(x, y)
    network.zero_gradients()
    network.accumulate_gradients(x, y)
    gradients = network.gradient_dict()
    assert_same_bits(gradients, {key: trace[_traced(key)] for key in gradients})


def test_resnet20_takes_less_than_its_convolutions_leave():
    """Kept all, they would be there together when the backward pass begins."""
    maps = sum(
        blocks * features for blocks, features in [(7, 16 * 32**2), (7, 32 * 16**2), (7, 64 * 8**2)]
    )
    network = resnet20().build("float32")
    memory = summarize(network.layers, input_shape=(3, 32, 32), batch_size=128).memory
    assert memory.training < 128 * maps * 4


def test_what_no_gradient_needs_is_not_kept():
    """A convolution's output that is only added up: a block keeps the sum, the next one's input."""

    def of(*layers):
        rest = [Conv2d(8, 3, padding=1), MaxPool2d(2), Linear(3)]
        network = [Conv2d(8, 3, padding=1), *layers, *rest]
        return summarize(network, input_shape=(8, 16, 16), batch_size=16).memory.training

    block = Residual([Conv2d(8, 3, padding=1)])
    assert of(*4 * [block]) - of(*2 * [block]) == 2 * MAPS


def test_a_term_that_is_only_added_is_not_kept():
    """The convolution that ends a block writes the sum: its own maps would be a third in memory."""

    def of(layer):
        layers = [*7 * [layer], MaxPool2d(2), Linear(3)]
        return summarize(layers, input_shape=(8, 16, 16), batch_size=16).memory.prediction

    assert of(Residual([Conv2d(8, 3, padding=1)])) == of(Conv2d(8, 3, padding=1))


#: Bytes of those maps after pooling, and of the places of their maxima.
POOLED, PLACES = 8 * (8 * 8 + 1) * 16 * 4, 8 * 8 * 8 * 16 * 2


@pytest.mark.parametrize(
    ("pool", "kept"), [(AvgPool2d, MAPS), (MaxPool2d, POOLED + PLACES)], ids=["mean", "max"]
)
def test_maps_before_max_pooling_are_not_kept(pool, kept):
    """Their f'(u) is that of the maxima. Kept are the maxima and their positions.

    Besides these, each block keeps what its convolution reads.
    """

    def of(blocks: int) -> int:
        layers = blocks * [Conv2d(8, 3, padding=1, activation="tanh"), pool(2), Upsample(2)]
        network = [*layers, Linear(3)]
        return summarize(network, input_shape=(8, 16, 16), batch_size=16).memory.training

    assert of(6) - of(3) == 3 * (MAPS + kept)


def test_a_first_layers_delta_is_not_kept_where_pooling_makes_it():
    """Images of this batch and the next are, and the layer's output, for f'(u): 3 maps, not 4."""
    network = [Conv2d(8, 3, padding=1, activation="tanh"), AvgPool2d(2), Linear(3)]
    memory = summarize(network, input_shape=(8, 16, 16), batch_size=16).memory.training
    assert 3 * MAPS < memory < 4 * MAPS


def test_a_linear_layers_delta_is_kept_until_its_gradient_has_it_in_rows():
    """By hand, for 16 samples of 16 features: two deltas at once, one input and the output.

    A gradient's second phase runs while the layer before sends its delta back. It reads inputs and
    deltas in rows, so there are two such workspaces, by turns; to these come the images and targets
    of two batches. Weights are read where they lie.
    """
    memory = summarize(3 * [Linear(16)], input_shape=(16, 1, 1), batch_size=16).memory
    assert memory.training == (2 + 2 + 2 * (1 + 1) + 2 * 2) * 16 * 16 * 4


def test_maps_that_cost_little_are_made_again_instead_of_kept():
    """First maps of one channel's 3×3 kernels; of 32 channels' they are 32 times the work.

    Weights packed for them stay until then. What a core's second cache holds is kept.
    """

    def of(in_channels: int, first: int, batch: int = 256) -> int:
        layers = [Conv2d(channels, 3, padding=1) for channels in (first, *8 * [64])]
        shape = (in_channels, 16, 16)
        return summarize(layers, input_shape=shape, batch_size=batch).memory.training

    assert of(1, 48) - of(1, 32) == 16 * 9 * 4
    assert of(32, 48) - of(32, 32) >= 2 * LARGE_MAPS
    assert of(1, 48, batch=16) - of(1, 32, batch=16) >= 2 * MAPS


@pytest.mark.parametrize(
    ("layers", "batches"), [([AvgPool2d(16)], 2), (6 * [Conv2d(64, 3, padding=1)], 1)]
)
def test_there_is_room_for_the_next_batch_where_loading_it_takes_time(layers, batches):
    """Beside 150,000 multiply-adds a pixel it does not show. Weights packed for it are 0.07 MB."""

    def of(channels: int) -> int:
        network = [*layers, Linear(3)]
        return summarize(network, input_shape=(channels, 16, 16), batch_size=256).memory.training

    assert 0 <= of(16) - of(8) - batches * LARGE_MAPS < 100_000


def test_a_delta_lies_where_the_value_was_that_gradients_no_longer_read():
    """Two deltas of 4.3 MB at once if not; kernels and sums at Winograd's points are 0.7 MB."""

    def of(algorithm: str) -> int:
        layers = [Conv2d(16, 3, padding=1, algorithm=algorithm) for _ in range(3)]
        return summarize(layers, input_shape=(16, 32, 32), batch_size=64).memory.training

    assert of("winograd") < of("direct") - 3_500_000


def test_large_packed_weights_are_there_one_layers_at_a_time():
    """Those of 512 channels at the 36 points of 3 x 3 kernels are 37.7 MB.

    A step of so few pixels that a product has 256 columns needs none.
    """

    def memory(batch):
        layers = [*3 * [Conv2d(512, 3, padding=1)], Linear(3)]
        return summarize(layers, input_shape=(512, 4, 4), batch_size=batch).memory.training

    packed = 36 * 512 * 512 * 4
    assert 0.5 * packed < memory(257) - memory(256) < packed
