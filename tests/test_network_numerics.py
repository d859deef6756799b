"""Whole networks against the oracle: every layer's arrays, every gradient, many steps."""

import numpy as np
import pytest

import architectures
import geometries
import oracle_losses

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


def test_bytes_are_read_as_fractions_of_255(dtype, rng):
    network = architectures.TOOLBOX.build(dtype)
    pixels = rng.integers(0, 256, (19, 1, 28, 28), dtype=np.uint8)
    fractions = (pixels / 255).astype(dtype)
    assert_close(network.predict(pixels), network.predict(fractions), 8 * np.finfo(dtype).eps)
