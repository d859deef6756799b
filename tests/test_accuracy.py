"""Accuracy: what is right of classes, and of yes or no, and where there is none."""

import numpy as np
import pytest

import cnnbp
import oracle_losses
from cnnbp import layers as L  # noqa: N812
from loss_cases import LOSSES, expected_of, identity_network, images, shapes, tolerance


@pytest.mark.parametrize("at", [slice(None), slice(0, 1), slice(2, 3)])
def test_outputs_that_are_no_numbers_are_not_right(at, dtype, rng):
    """Whichever class is theirs: compared with, they would leave the first class the largest."""
    layer = L.Conv2d(3, 1)
    net = cnnbp.Network([layer], input_shape=(3, 1, 1), loss="cross_entropy", dtype=dtype.name)
    values = net.state_dict()
    values["0.bias"][at] = np.nan
    net.load_state_dict(values)
    x = images(rng.standard_normal((20, 3)), dtype)
    assert net.evaluate(x, rng.integers(0, 3, 20))["accuracy"] == 0


@pytest.mark.parametrize("name", LOSSES)
def test_evaluate_agrees_with_the_oracle_on_loss_and_accuracy(name, dtype, rng):
    loss, x, labels = LOSSES[name](10), rng.standard_normal((50, 10)), rng.integers(0, 10, 50)
    x = x.astype(dtype)
    labels[:20] = x.argmax(axis=1)[:20]
    result = identity_network(10, loss, dtype).evaluate(images(x, dtype), labels)
    expected, _ = expected_of(x, labels, loss)
    assert result["loss"] == pytest.approx(expected, rel=tolerance(dtype, 10 * 50), abs=0)
    assert result["accuracy"] == (x.argmax(axis=1) == labels).mean()


@shapes
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_outputs_are_counted_one_by_one(batch, outputs, weighted, dtype, rng):
    """A sample counts by the share of its outputs on their target's side: 0 is no, and so is ½."""
    x = rng.integers(-2, 3, (batch, outputs)).astype(dtype)
    targets, weight = rng.integers(0, 5, (batch, outputs)) / 4, rng.random(batch)
    net = identity_network(outputs, "bce_with_logits", dtype)
    options = {"sample_weight": weight if weighted else None}
    expected = oracle_losses.share_of_right_sides(x, targets, **options)
    got = net.evaluate(images(x, dtype), targets, **options)["accuracy"]
    assert got == pytest.approx(expected, rel=1e-13)
    assert 0 < got < 1 or batch * outputs < 8


def test_a_net_that_says_yes_to_everything_is_right_where_the_mask_is_yes(dtype):
    """A pixel of a mask is an output: 3 of 24 are yes in the one, all in the other."""
    net = cnnbp.Network([L.Conv2d(1, 1)], input_shape=(1, 4, 6), loss="bce_with_logits")
    net.load_state_dict({"0.weight": np.zeros((1, 1, 1, 1)), "0.bias": np.ones(1)})
    masks = np.stack([np.arange(24).reshape(4, 6) < 3, np.ones((4, 6), bool)])
    accuracy = net.evaluate(np.zeros((2, 1, 4, 6), dtype), masks)["accuracy"]
    assert accuracy == (3 / 24 + 1) / 2


def test_of_class_numbers_binary_outputs_are_right_where_the_largest_is_at_the_class():
    """A net that says no to all three would be right in two thirds otherwise."""
    net, x = identity_network(3, "bce_with_logits"), images([[-1, -2, -3], [-2, -1, -3]])
    assert net.evaluate(x, [0, 0])["accuracy"] == 0.5
    assert net.evaluate(x, np.eye(3)[[0, 0]])["accuracy"] == pytest.approx(2 / 3)


def test_binary_outputs_of_a_sample_without_a_loss_are_not_right(dtype):
    net = identity_network(2, "bce_with_logits", dtype)
    net.load_state_dict({"0.weight": np.array([[1, 0], [0, np.nan]])})
    x, targets = images([[1, 1], [1, 1]], dtype), np.array([[1, 1], [1, 0]])
    assert net.evaluate(x, targets)["accuracy"] == 0


@pytest.mark.parametrize("loss", ["mse", "l1", "huber"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_regression_has_no_accuracy(loss, outputs, dtype, rng):
    """One target that is not 0 or 1 makes it one, be it the last; class numbers never do."""
    net, x = identity_network(outputs, loss, dtype), images(rng.random((20, outputs)), dtype)
    targets = rng.integers(0, 2, (20, outputs)).astype(float)
    assert net.evaluate(x, targets).keys() == {"loss", "accuracy"}
    assert net.evaluate(x, rng.integers(0, 2, 20)).keys() == {"loss", "accuracy"}
    targets[-1, -1] = 0.5
    assert net.evaluate(x, targets).keys() == {"loss"}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_core_tells_a_regression_by_targets_of_either_type(kind):
    net, x = identity_network(2, "mse")._core, images(np.eye(2))
    assert net.evaluate(x, np.eye(2, dtype=kind)) == (0, 1)
    assert net.evaluate(x, 3 * np.eye(2, dtype=kind)) == (2, None)


@pytest.mark.parametrize("name", ["cross_entropy", "bce_with_logits"])
def test_targets_that_are_shares_of_classes_have_an_accuracy(name, rng):
    targets = rng.dirichlet(np.ones(3), 20)
    net, x = identity_network(3, name), rng.standard_normal((20, 3))
    assert 0 <= net.evaluate(images(x), targets)["accuracy"] <= 1


def test_an_output_at_any_of_several_largest_targets_is_right():
    net = identity_network(3, "mse")
    x, targets = images([[0, 1, 2], [1, 0, -1], [0, 1, 0]]), [[0, 1, 1], [0, 1, 1], [0, 1, 0]]
    assert net.evaluate(x, np.array(targets))["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("loss", "threshold"), [("bce_with_logits", 0), ("mse", 0.5)])
def test_one_output_says_yes_or_no(loss, threshold, dtype, rng):
    """Class numbers 0 and 1 are targets; yes is above 0 for a logit and above ½ for a value."""
    x, labels = rng.standard_normal((37, 1)), rng.integers(0, 2, 37)
    net = identity_network(1, loss, dtype)
    result = net.evaluate(images(x, dtype), labels)
    assert result == net.evaluate(images(x, dtype), labels[:, None].astype(float))
    assert result["accuracy"] == ((x[:, 0] > threshold) == labels).mean()
    assert 0 < result["accuracy"] < 1


def test_a_network_with_one_output_learns_yes_and_no(rng):
    x = rng.standard_normal((200, 1, 4, 4))
    labels = (x.sum(axis=(1, 2, 3)) > 0).astype(int)
    net = cnnbp.Network([L.Linear(1)], input_shape=(1, 4, 4), loss="bce_with_logits")
    net.fit(x, labels, epochs=20, progress=False)
    assert net.evaluate(x, labels)["accuracy"] > 0.95
