"""Losses, through a network whose outputs are its inputs."""

import numpy as np
import pytest

import cnnbp
import oracle
from cnnbp import layers as L  # noqa: N812


def identity_network(outputs: int, loss: str, dtype) -> cnnbp.Network:
    net = cnnbp.Network(
        [L.Linear(outputs, bias=False)],
        input_shape=(outputs, 1, 1),
        loss=loss,
        dtype=np.dtype(dtype).name,
    )
    net.load_state_dict({"0.weight": np.eye(outputs, dtype=dtype)})
    return net


def loss_of(outputs, y, loss: str, dtype):
    """The loss, and its derivative by each output, as the network computes them."""
    outputs = np.asarray(outputs, dtype)
    net = identity_network(outputs.shape[1], loss, dtype)
    trace = net.trace(outputs[:, :, None, None], y)
    return trace["loss"], trace["0.delta"]


def tolerance(dtype, terms: int) -> float:
    """Relative to Σ|terms|: a rounding for each term of a sum, and a few for what is summed."""
    return (terms + 8) * float(np.finfo(dtype).eps)


losses = pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
shapes = pytest.mark.parametrize(
    ("batch", "classes"), [(1, 2), (3, 1), (4, 3), (15, 10), (16, 7), (17, 10), (33, 13), (50, 10)]
)


@losses
@shapes
def test_losses_of_targets_match_the_oracle(loss, batch, classes, dtype, rng):
    outputs = rng.standard_normal((batch, classes)).astype(dtype)
    target = rng.random((batch, classes)).astype(dtype)
    value, delta = loss_of(outputs, target, loss, dtype)
    expected_value, expected_delta = getattr(oracle, loss)(outputs, target)
    assert value == pytest.approx(expected_value, rel=tolerance(dtype, classes), abs=0)
    largest = np.abs(outputs).max() * classes / batch
    assert np.abs(delta - expected_delta).max() <= tolerance(dtype, classes) * largest


@losses
@shapes
def test_class_numbers_mean_one_hot_targets(loss, batch, classes, dtype, rng):
    outputs = rng.standard_normal((batch, classes)).astype(dtype)
    labels = rng.integers(0, classes, batch)
    by_number = loss_of(outputs, labels, loss, dtype)
    by_target = loss_of(outputs, oracle.one_hot(labels, classes), loss, dtype)
    assert by_number[0] == by_target[0]
    assert np.array_equal(by_number[1], by_target[1])


@losses
def test_deltas_are_the_derivative_of_the_loss(loss, rng):
    """Central differences, whose error is of the order h² + eps / h: 10⁻¹⁰ for h = 10⁻⁵."""
    outputs, target, h = rng.standard_normal((3, 4)), rng.random((3, 4)), 1e-5
    _, delta = loss_of(outputs, target, loss, np.float64)
    for place in np.ndindex(outputs.shape):
        above, below = outputs.copy(), outputs.copy()
        above[place] += h
        below[place] -= h
        rise = loss_of(above, target, loss, np.float64)[0]
        rise -= loss_of(below, target, loss, np.float64)[0]
        assert delta[place] == pytest.approx(rise / (2 * h), abs=1e-9)


def test_mse_by_hand(dtype):
    """½ Σ e² / N, with e = (1, −2), (0, 1): ½ (1 + 4 + 1) / 2; the delta is e / N."""
    value, delta = loss_of([[1, 0], [3, 1]], np.array([[0, 2], [3, 0]]), "mse", dtype)
    assert value == 1.5
    assert np.array_equal(delta, [[0.5, -1], [0, 0.5]])


def test_equal_logits_cost_the_logarithm_of_the_classes(dtype):
    value, delta = loss_of(np.zeros((17, 8)), np.zeros(17, int), "cross_entropy", dtype)
    assert value == pytest.approx(np.log(8), rel=tolerance(dtype, 8))
    assert np.allclose(delta[:, 0] * 17, 1 / 8 - 1, rtol=1e-6, atol=0)


def test_large_logits_do_not_overflow(dtype):
    """Right by 20,000 costs nothing, wrong by 20,000 costs 20,000."""
    logits = [[1e4, -1e4, 0], [1e4, -1e4, 0]]
    value, delta = loss_of(logits, np.array([0, 1]), "cross_entropy", dtype)
    assert value == 1e4
    assert np.array_equal(delta, [[0, 0, 0], [0.5, -0.5, 0]])


def test_a_shift_of_all_logits_changes_nothing(dtype, rng):
    """Integers, so that the shift itself is exact."""
    logits, labels = rng.integers(-8, 9, (17, 5)), rng.integers(0, 5, 17)
    plain = loss_of(logits, labels, "cross_entropy", dtype)
    shifted = loss_of(logits + 1000, labels, "cross_entropy", dtype)
    assert plain[0] == shifted[0]
    assert np.array_equal(plain[1], shifted[1])


@losses
def test_evaluate_agrees_with_the_oracle_on_loss_and_accuracy(loss, dtype, rng):
    outputs = rng.standard_normal((50, 10)).astype(dtype)
    labels = rng.integers(0, 10, 50)
    labels[:20] = outputs.argmax(axis=1)[:20]
    result = identity_network(10, loss, dtype).evaluate(outputs[:, :, None, None], labels)
    expected, _ = getattr(oracle, loss)(outputs, oracle.one_hot(labels, 10))
    assert result["loss"] == pytest.approx(expected, rel=tolerance(dtype, 10 * 50), abs=0)
    assert result["accuracy"] == (outputs.argmax(axis=1) == labels).mean()
