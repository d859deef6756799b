"""BatchNorm2d: exact statistics, training and evaluation, and what is left alone."""

import numpy as np
import pytest

from claims import assert_refused, assert_same_bits, integers
from cnnbp import Network
from cnnbp.layers import BatchNorm2d, Conv2d, Linear, ReLU, Residual


def alone(dtype, shape=(3, 4, 5), **options) -> Network:
    return Network([BatchNorm2d(**options)], input_shape=shape, dtype=dtype.name)


@pytest.mark.parametrize("batch", [2, 4, 7, 16, 33])
def test_a_training_pass_gives_every_channel_mean_0_and_variance_1(batch, dtype, rng):
    """Up to eps in the variance; lanes without a sample do not count."""
    x = (5 + 3 * rng.standard_normal((batch, 3, 4, 5))).astype(dtype)
    output = alone(dtype, eps=1e-30).trace(x, np.zeros((batch, 60)))["0.output"]
    count, eps = batch * 20, np.finfo(dtype).eps
    assert np.abs(output.mean((0, 2, 3))).max() <= 4 * eps
    assert np.abs(output.var((0, 2, 3)) - 1).max() <= 2 * np.sqrt(count) * eps


def test_a_large_mean_costs_the_variance_no_digits(rng):
    """From Σ x² in float32, a mean of 4096 would leave nothing of a variance of 1."""
    noise = rng.integers(-2, 3, (32, 1, 8, 8)).astype(np.float32)
    net = alone(np.dtype("float32"), (1, 8, 8), momentum=1.0)
    net.train_step(noise + 4096, np.zeros((32, 64)))
    state = net.state_dict()
    assert state["0.running_mean"][0] == pytest.approx(4096 + noise.mean(), rel=1e-7)
    assert state["0.running_var"][0] == pytest.approx(noise.var(ddof=1), rel=1e-6)


def test_a_first_block_unlike_the_others_costs_the_variance_no_digits(rng):
    """Sums about its mean are 15 times the variance here: four of 24 bits."""
    x = rng.integers(-2, 3, (256, 1, 8, 8)).astype(np.float32)
    x[:16] += 4096
    net = alone(np.dtype("float32"), (1, 8, 8), momentum=1.0)
    net.train_step(x, np.zeros((256, 64)))
    state = net.state_dict()
    assert state["0.running_mean"][0] == pytest.approx(x.mean(dtype=float), rel=1e-6)
    assert state["0.running_var"][0] == pytest.approx(x.var(ddof=1, dtype=float), rel=1e-6)


#: Convolutions, which measure what they make, by the way their sums go; of 96 maps of 9 × 10.
MEASURED = {
    "directly": Conv2d(5, 3, algorithm="direct"),
    "at Winograd's points": Conv2d(17, 3, padding=1, algorithm="winograd"),
    "with a stride there": Conv2d(6, 3, stride=2, padding=1, algorithm="winograd"),
    "as a product": Conv2d(7, 3, stride=2, padding=1, algorithm="direct"),
    "as a product in place": Conv2d(8, 1),
    "channel by channel": Conv2d(96, 3, groups=96),
}


def with_statistics(layers, shape, dtype, rng) -> Network:
    """Weights and statistics that are as good as trained ones."""
    net = Network(layers, input_shape=shape, dtype=dtype.name, seed=3)
    state = net.state_dict()
    for name in state:
        if name.split(".")[-1] in ("running_mean", "running_var", "bias"):
            state[name] = rng.uniform(0.5, 2, state[name].shape).astype(dtype)
    net.load_state_dict(state)
    return net


def alone_with(layer, state, prefix, shape, dtype) -> Network:
    """A network of that layer, with what `state` has for it."""
    net = Network([layer], input_shape=shape, dtype=dtype.name)
    own = {"0." + name[len(prefix) :]: v for name, v in state.items() if name.startswith(prefix)}
    net.load_state_dict(own)
    return net


@pytest.mark.parametrize("convolution", MEASURED.values(), ids=MEASURED)
@pytest.mark.parametrize("batch", [1, 4, 33])
def test_a_prediction_normalizes_pixels_as_they_are_made(convolution, batch, dtype, rng):
    """No map is kept between the two; the bits are those of one that is."""
    normalization, shape = BatchNorm2d(activation="tanh"), (96, 9, 10)
    net = with_statistics([convolution, normalization], shape, dtype, rng)
    x, state = rng.standard_normal((batch, *shape)).astype(dtype), net.state_dict()
    made = alone_with(convolution, state, "0.", shape, dtype).predict(x)
    after = alone_with(normalization, state, "1.", made.shape[1:], dtype)
    assert_same_bits({"output": net.predict(x)}, {"output": after.predict(made)})


@pytest.mark.parametrize("algorithm", ["direct", "winograd"])
@pytest.mark.parametrize("batch", [1, 4, 33])
def test_a_prediction_adds_to_pixels_as_they_are_made(algorithm, batch, dtype, rng):
    convolution, shape = Conv2d(17, 3, padding=1, algorithm=algorithm), (17, 9, 10)
    net = with_statistics([Residual([convolution, BatchNorm2d()])], shape, dtype, rng)
    x, state = rng.standard_normal((batch, *shape)).astype(dtype), net.state_dict()
    made = alone_with(convolution, state, "0.body.0.", shape, dtype).predict(x)
    normal = alone_with(BatchNorm2d(), state, "0.body.1.", shape, dtype).predict(made)
    assert_same_bits({"output": net.predict(x)}, {"output": normal + x})


@pytest.mark.parametrize("convolution", MEASURED.values(), ids=MEASURED)
@pytest.mark.parametrize("batch", [2, 7, 33])
def test_a_convolution_measures_every_number_once(convolution, batch, dtype, rng):
    """Parts of at most 128 pixels have so many roundings, and a mean of 1000 four in float64."""
    x = integers(rng, (batch, 96, 9, 10), dtype)
    net = Network(
        [convolution, BatchNorm2d(affine=False, momentum=1.0)], input_shape=x.shape[1:], dtype=dtype
    )
    net.load_state_dict({**net.state_dict(), "0.bias": np.full(convolution.out_channels, 1000.0)})
    y = rng.standard_normal((batch, np.prod(net.output_shape)))
    trace, eps = net.trace(x, y), float(np.finfo(dtype).eps)

    made = trace["0.output"].astype(np.longdouble)
    mean, variance = made.mean((0, 2, 3)), made.var((0, 2, 3))
    deviation = np.sqrt(variance + 1e-5)[:, None, None]
    expected = (made - mean[:, None, None]) / deviation
    bound = eps * (128 * np.abs(expected) + 4 * 1000 / 2 / deviation)
    assert (np.abs(trace["1.output"] - expected) <= bound).all()

    net.accumulate_gradients(x, y)
    gradients = {name: trace[name.replace(".", ".gradient.")] for name in net.gradient_dict()}
    assert_same_bits(net.gradient_dict(), gradients)
    state, count = net.state_dict(), made.size / len(mean)
    assert state["1.running_mean"] == pytest.approx(mean, rel=2 * eps)
    assert state["1.running_var"] == pytest.approx(variance * count / (count - 1), rel=128 * eps)


def test_predictions_use_the_running_statistics_and_change_nothing(dtype, rng):
    x = rng.standard_normal((6, 3, 4, 5)).astype(dtype)
    net = alone(dtype)
    net.train_step(x, np.zeros((6, 60)))
    before = net.state_dict()
    output = net.predict(x)
    net.evaluate(x, np.zeros((6, 60)))
    net.trace(x, np.zeros((6, 60)))
    assert_same_bits(net.state_dict(), before)
    mean, variance = (before[f"0.running_{s}"][:, None, None] for s in ("mean", "var"))
    weight, bias = (before[f"0.{s}"][:, None, None] for s in ("weight", "bias"))
    expected = (x - mean) / np.sqrt(variance + 1e-5) * weight + bias
    assert np.allclose(
        output, expected, rtol=0, atol=8 * np.finfo(dtype).eps * np.abs(expected).max()
    )


def test_predictions_follow_the_running_statistics_of_every_training_pass(rng):
    """Also of one that only accumulates gradients."""
    same = {"kernel_size": 3, "padding": 1, "bias": False}
    net = Network(
        [Conv2d(16, **same), BatchNorm2d(activation="relu"), Conv2d(16, **same)],
        input_shape=(2, 8, 8),
    )
    x = 5 + rng.standard_normal((19, 2, 8, 8)).astype(np.float32)
    before = net.predict(x)
    net.accumulate_gradients(x, np.zeros((19, 1024)))
    after = net.predict(x)
    assert not np.array_equal(after, before)
    again = Network(net.layers, input_shape=(2, 8, 8))
    again.load_state_dict(net.state_dict())
    assert np.array_equal(again.predict(x), after)


def test_one_sample_and_a_batch_are_predicted_with_the_same_bits(rng):
    net = Network(
        [Conv2d(5, 3), BatchNorm2d(activation="relu"), Linear(4), BatchNorm2d(), Linear(3)],
        input_shape=(2, 7, 7),
    )
    x = rng.standard_normal((37, 2, 7, 7)).astype(np.float32)
    net.train_step(x, rng.integers(0, 3, 37))
    together = net.predict(x)
    for n in range(37):
        assert np.array_equal(net.predict(x[n : n + 1])[0], together[n])


def test_running_statistics_are_state_without_a_gradient():
    net = alone(np.dtype("float32"))
    assert list(net.state_dict()) == ["0.weight", "0.bias", "0.running_mean", "0.running_var"]
    assert list(net.gradient_dict()) == ["0.weight", "0.bias"]
    assert list(alone(np.dtype("float32"), affine=False).gradient_dict()) == []


def test_not_trainable_it_uses_running_statistics_and_leaves_them(dtype, rng):
    layers = [Conv2d(4, 3), BatchNorm2d(trainable=False), ReLU(), Linear(3)]
    net = Network(layers, input_shape=(2, 6, 6), dtype=dtype.name)
    state = net.state_dict()
    state |= {name: 1 + rng.random(4) for name in state if name.startswith("1.")}
    net.load_state_dict(state)
    x, y = rng.standard_normal((5, 2, 6, 6)), rng.integers(0, 3, 5)
    before, predicted = net.state_dict(), net.predict(x)
    assert np.array_equal(net.trace(x, y)["3.output"], predicted)
    net.train_step(x, y)
    after = net.state_dict()
    held = [name for name in after if name.startswith("1.")]
    assert_same_bits({n: after[n] for n in held}, {n: before[n] for n in held})
    assert (after["0.weight"] != before["0.weight"]).any()


@pytest.mark.parametrize("call", ["train_step", "accumulate_gradients", "trace"])
def test_training_on_one_value_a_channel_is_refused(call):
    net = Network([Linear(4), BatchNorm2d(), Linear(2)], input_shape=(1, 3, 3))
    words = ("layer 1 (BatchNorm2d)", "1 sample", "batch_size")
    assert_refused(lambda: getattr(net, call)(np.zeros((1, 1, 3, 3)), [0]), words)


def test_an_epoch_that_would_end_with_a_single_sample_is_refused_before_it_begins():
    net = Network([Linear(4), BatchNorm2d(), Linear(2)], input_shape=(1, 3, 3))
    before = net.state_dict()
    fit = lambda: net.fit(np.ones((5, 1, 3, 3)), [0] * 5, batch_size=2, progress=False)  # noqa: E731
    assert_refused(fit, ("layer 1 (BatchNorm2d)", "batch_size"))
    assert_same_bits(net.state_dict(), before)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"eps": 0.0}, ("eps", "above 0")), ({"momentum": 1.5}, ("momentum", "0 to 1"))],
)
def test_options_out_of_range_are_refused(options, words):
    assert_refused(lambda: BatchNorm2d(**options), words)


def test_a_state_of_torch_may_hold_its_count_of_batches(dtype):
    """A state dict of torch.nn.BatchNorm2d is taken as it comes."""
    net = alone(dtype)
    state = net.state_dict() | {"0.weight": np.full(3, 2.0)}
    net.load_state_dict(state | {"0.num_batches_tracked": np.array(7)})
    assert np.array_equal(net.state_dict()["0.weight"], state["0.weight"])
    with pytest.raises(ValueError, match=r"unexpected: 1\.num_batches_tracked"):
        net.load_state_dict(state | {"1.num_batches_tracked": np.array(7)})
