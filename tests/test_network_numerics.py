"""Whole networks against the oracle: every layer's arrays, every gradient, many steps."""

import numpy as np
import pytest

import architectures
import geometries
import oracle_losses
from claims import assert_same_bits

networks = pytest.mark.parametrize(
    "architecture", architectures.ALL.values(), ids=architectures.ALL
)

#: Relative to the largest element of an array. A sum of up to 800 products rounds by about √800·eps
#: / 2 = 14 eps; ten layers, of which a few have sums so long, stay below 100 eps.
LAYERS_DEEP = {"float32": 100 * 2.0**-23, "float64": 100 * 2.0**-52}


def assert_close(got, want, tolerance, name="") -> None:
    got, want = np.asarray(got), np.asarray(want)
    error = np.abs(got.reshape(want.shape) - want).max() / np.abs(want).max()
    assert error <= tolerance, f"{name}: {error}"


def oracle_step(architecture, network, x, labels):
    target = oracle_losses.one_hot(labels, architecture.classes)
    return architecture.oracle_of(network).backward(x, target)


@networks
def test_predictions_match_the_oracle(architecture, dtype, rng):
    network = architecture.build(dtype)
    x, _ = architecture.samples(rng, 19, dtype)
    passes = architecture.oracle_of(network).forward(x)
    predicted = network.predict(x)
    assert predicted.dtype == dtype
    assert_close(predicted, list(passes.values())[-1].output, LAYERS_DEEP[dtype.name])


@networks
def test_every_array_of_a_step_matches_the_oracle(architecture, dtype, rng):
    """Inputs, pre-activations, outputs, deltas and gradients of every layer, by name."""
    network, tolerance = architecture.build(dtype), LAYERS_DEEP[dtype.name]
    x, labels = architecture.samples(rng, 19, dtype)
    loss, passes, gradients, input_delta = oracle_step(architecture, network, x, labels)
    trace = network.trace(x, labels)
    assert trace["loss"] == pytest.approx(loss, rel=tolerance)
    assert_close(trace["input.delta"], input_delta, tolerance, "input.delta")
    for layer, seen in passes.items():
        for what in ("input", "pre_activation", "output", "delta"):
            name = f"{layer}.{what}"
            assert_close(trace[name], getattr(seen, what), tolerance, name)
    for name, gradient in gradients.items():
        place, _, parameter = name.rpartition(".")
        assert_close(trace[f"{place}.gradient.{parameter}"], gradient, tolerance, name)


@networks
def test_gradients_of_training_match_the_oracle(architecture, dtype, rng):
    """What ``trace`` shows is not what training keeps: here activations are computed in place."""
    network = architecture.build(dtype)
    x, labels = architecture.samples(rng, 19, dtype)
    loss, _, gradients, _ = oracle_step(architecture, network, x, labels)
    assert network.accumulate_gradients(x, labels) == pytest.approx(
        loss, rel=LAYERS_DEEP[dtype.name]
    )
    for name, gradient in network.gradient_dict().items():
        assert_close(gradient, gradients[name], LAYERS_DEEP[dtype.name], name)


@pytest.mark.parametrize("batch", geometries.BATCHES)
@pytest.mark.parametrize("name", ["odd", "subsampled", "combined", "transposed"])
def test_gradients_of_partial_blocks_match_the_oracle(name, batch, dtype, rng):
    """Empty lanes of the last block add nothing to gradients or loss."""
    architecture = architectures.ALL[name]
    network = architecture.build(dtype)
    x, labels = architecture.samples(rng, batch, dtype)
    expected_loss, _, gradients, _ = oracle_step(architecture, network, x, labels)
    loss = network.accumulate_gradients(x, labels)
    assert loss == pytest.approx(expected_loss, rel=LAYERS_DEEP[dtype.name])
    for name, gradient in network.gradient_dict().items():
        assert_close(gradient, gradients[name], LAYERS_DEEP[dtype.name], name)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@networks
def test_twenty_steps_follow_the_oracle(architecture, momentum, rng):
    """Losses and parameters, batches of changing sizes, in float64.

    Twenty steps add twenty times the rounding of one to the parameters, 10⁻¹⁴, and these networks
    amplify it little.
    """
    options = {"lr": 0.01, "momentum": momentum}
    network = architecture.build("float64", **options)
    reference = architecture.oracle_of(network, **options)
    for step in range(20):
        x, labels = architecture.samples(rng, (5, 17, 3)[step % 3])
        expected = reference.train_step(x, oracle_losses.one_hot(labels, architecture.classes))
        assert network.train_step(x, labels) == pytest.approx(expected, rel=1e-13)
    for name, parameter in network.state_dict().items():
        assert_close(parameter, reference.parameters[name], 1e-13, name)


@networks
def test_gradients_match_central_differences_of_the_loss(architecture, rng):
    """Without the oracle: four elements of every parameter, h = 10⁻⁵, error h² + eps·loss / h."""
    network, h = architecture.build("float64"), 1e-5
    x, labels = architecture.samples(rng, 5)
    trace, state = network.trace(x, labels), network.state_dict()
    for name in network.gradient_dict():
        layer, _, parameter = name.rpartition(".")
        gradient = trace[f"{layer}.gradient.{parameter}"]
        for _ in range(4):
            place = tuple(rng.integers(0, gradient.shape))
            slope = 0.0
            for sign in (1, -1):
                moved = state[name].copy()
                moved[place] += sign * h
                network.load_state_dict({**state, name: moved})
                slope += sign * network.trace(x, labels)["loss"] / (2 * h)
            assert gradient[place] == pytest.approx(slope, abs=1e-8), name


@networks
def test_accumulated_gradients_add_up(architecture, dtype, rng):
    network, other = architecture.build(dtype), architecture.build(dtype)
    first, second = architecture.samples(rng, 5, dtype), architecture.samples(rng, 17, dtype)
    alone = []
    for samples in (first, second):
        other.accumulate_gradients(*samples)
        alone.append(other.gradient_dict())
        other.zero_gradients()
    network.accumulate_gradients(*first)
    network.accumulate_gradients(*second)
    for name, gradient in network.gradient_dict().items():
        assert_close(gradient, alone[0][name] + alone[1][name], LAYERS_DEEP[dtype.name])


@pytest.mark.parametrize("name", ["toolbox", "odd", "combined", "transposed", "winograd"])
@pytest.mark.parametrize("weighted", [False, True])
def test_parts_scaled_by_their_share_are_one_batch(name, weighted, dtype, rng):
    """Of 19 samples in unequal parts; of weights, by the parts' sums."""
    whole, parts = (architectures.ALL[name].build(dtype) for _ in range(2))
    x, labels = architectures.ALL[name].samples(rng, 19, dtype)
    weight = rng.random(19) if weighted else np.ones(19)
    whole.train_step(x, labels, sample_weight=weight)
    for part in (slice(0, 3), slice(3, 16), slice(16, 19)):
        options = {"sample_weight": weight[part]} if weighted else {}
        share = weight[part].sum() / weight.sum()
        parts.accumulate_gradients(x[part], labels[part], scale=share, **options)
    for key, gradient in whole.gradient_dict().items():
        assert_close(parts.gradient_dict()[key], gradient, LAYERS_DEEP[dtype.name], key)


@networks
@pytest.mark.parametrize("scale", [0.25, -2.0, 0.0])
def test_a_power_of_two_scales_gradients_to_the_bit(architecture, scale, dtype, rng):
    """And the loss that is returned not at all; so do a sign, and 0."""
    plain, scaled = architecture.build(dtype), architecture.build(dtype)
    samples = architecture.samples(rng, 5, dtype)
    loss = plain.accumulate_gradients(*samples)
    assert scaled.accumulate_gradients(*samples, scale=scale) == loss
    for name, gradient in plain.gradient_dict().items():
        assert np.array_equal(scaled.gradient_dict()[name], scale * gradient), name


def test_the_scale_of_one_call_is_not_that_of_the_next(dtype, rng):
    plain, scaled = (architectures.ALL["combined"].build(dtype) for _ in range(2))
    samples = architectures.ALL["combined"].samples(rng, 5, dtype)
    scaled.accumulate_gradients(*samples, scale=0.0)
    plain.train_step(*samples)
    scaled.train_step(*samples)
    assert_same_bits(scaled.gradient_dict(), plain.gradient_dict())


def test_bytes_are_read_as_fractions_of_255(dtype, rng):
    network = architectures.TOOLBOX.build(dtype)
    pixels = rng.integers(0, 256, (19, 1, 28, 28), dtype=np.uint8)
    fractions = (pixels / 255).astype(dtype)
    assert_close(network.predict(pixels), network.predict(fractions), 8 * np.finfo(dtype).eps)
