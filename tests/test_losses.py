"""Losses and their deltas, weights and what weighs nothing."""

import numpy as np
import pytest

import cnnbp
import oracle_losses
from claims import assert_same_bits, ulps
from cnnbp import layers as L  # noqa: N812
from cnnbp.losses import L1, MSE, BCEWithLogits, CrossEntropy, Hinge, Huber
from loss_cases import (
    LOSSES,
    expected_of,
    factors,
    identity_network,
    images,
    loss_of,
    shapes,
    tolerance,
)

each_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.mark.parametrize(
    ("name", "of"),
    [(name, "classes") for name in LOSSES]
    + [(name, "targets") for name in LOSSES if "hinge" not in name],
)
@shapes
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_and_deltas_are_the_oracles(name, of, batch, outputs, weighted, dtype, rng):
    """A term, and a slope, is at most the sum of all outputs in size, and 4 by its factors."""
    loss = LOSSES[name](outputs)
    x = rng.standard_normal((batch, outputs)).astype(dtype)
    target = rng.random((batch, outputs)).astype(dtype)
    y = target if of == "targets" else rng.integers(0, outputs, batch)
    weight = rng.random(batch) if weighted else None
    value, delta = loss_of(x, y, loss, dtype, weight)
    expected_value, expected_delta = expected_of(x, y, loss, weight)
    share = np.full(batch, 1 / batch) if weight is None else weight / weight.sum()
    largest = 4 * (np.abs(x).max() + 1) * outputs
    terms = tolerance(dtype, outputs) * (largest if isinstance(loss, Hinge) else expected_value)
    assert abs(value - expected_value) <= terms
    assert (
        np.abs(delta - expected_delta) <= tolerance(dtype, outputs) * largest * share[:, None]
    ).all()


@pytest.mark.parametrize("name", ["mse", "cross_entropy", "smoothed", "pos-weight", "l1", "huber"])
@shapes
def test_class_numbers_mean_one_hot_targets(name, batch, outputs, dtype, rng):
    loss = LOSSES[name](outputs)
    x = rng.standard_normal((batch, outputs)).astype(dtype)
    labels = rng.integers(0, outputs, batch)
    by_number = loss_of(x, labels, loss, dtype)
    by_target = loss_of(x, oracle_losses.one_hot(labels, outputs), loss, dtype)
    assert by_number[0] == by_target[0]
    assert np.array_equal(by_number[1], by_target[1])


@each_loss
def test_deltas_are_the_derivative_of_the_loss(name, rng):
    """Central differences, whose error is of the order h² + eps / h: 10⁻¹⁰ for h = 10⁻⁵."""
    outputs, h, weight = rng.standard_normal((3, 4)), 1e-5, np.array([0.5, 2, 1])
    loss, labels = LOSSES[name](4), np.array([1, 3, 0])
    _, delta = loss_of(outputs, labels, loss, sample_weight=weight)
    for place in np.ndindex(outputs.shape):
        above, below = outputs.copy(), outputs.copy()
        above[place] += h
        below[place] -= h
        rise = loss_of(above, labels, loss, sample_weight=weight)[0]
        rise -= loss_of(below, labels, loss, sample_weight=weight)[0]
        assert delta[place] == pytest.approx(rise / (2 * h), abs=1e-9)


@each_loss
def test_a_delta_is_multiplied_by_the_derivative_of_the_last_activation(name, rng):
    loss, labels = LOSSES[name](4), np.array([1, 3, 0])
    net = cnnbp.Network([L.Linear(4, activation="tanh")], input_shape=(1, 2, 3), loss=loss)
    result = cnnbp.check_gradients(
        net, rng.standard_normal((3, 2, 3)), labels, sample_weight=[0.5, 2, 1]
    )
    assert result.ok, result


#: Outputs, class numbers or targets, and the loss and deltas that they come to.
BY_HAND = {
    # ½ (1 + 4 + 1) / 2, and e / 2
    "mse": (MSE(), [[1, 0], [3, 1]], [[0, 2], [3, 0]], 1.5, [[0.5, -1], [0, 0.5]]),
    # (1 + 2 + 0 + 1) / 2, and the sign of e, over 2; no error has no sign
    "l1": (L1(), [[1, 0], [3, 1]], [[0, 2], [3, 0]], 2.0, [[0.5, -0.5], [0, 0.5]]),
    # e = (1, −2), (0, 4): ½, 1 · (2 − ½), 0, 1 · (4 − ½), over 2
    "huber": (Huber(), [[1, 0], [3, 4]], [[0, 2], [3, 0]], 2.75, [[0.5, -0.5], [0, 0.5]]),
    # 1 − 2 + 1 is no more than 0; 1 − 0 + 3 and 1 − 0 + 0, over 2
    "hinge": (Hinge(), [[2, 1, -5], [0, 3, 0]], [0, 0], 2.5, [[0, 0, 0], [-1, 0.5, 0.5]]),
    # the sample of class 1 costs log 2, those of class 0 three times that; over 1 + 3 + 3
    "class-weights": (
        CrossEntropy(class_weights=[3, 1]), np.zeros((3, 2)), [1, 0, 0],
        np.log(2), np.array([[0.5, -0.5], [-1.5, 1.5], [-1.5, 1.5]]) / 7,
    ),
    # q = (⅞, ⅛)
    "smoothed": (
        CrossEntropy(label_smoothing=0.25), np.zeros((1, 2)), [0], np.log(2), [[-0.375, 0.375]]
    ),
    # 3 · log 2 for the yes, log 2 for the no
    "pos-weight": (
        BCEWithLogits(pos_weight=[3, 5]), np.zeros((1, 2)), [[1, 0]], 4 * np.log(2), [[-1.5, 0.5]]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_losses_by_hand(name, dtype):
    loss, outputs, y, value, delta = BY_HAND[name]
    got, got_delta = loss_of(outputs, np.array(y), loss, dtype)
    rounding = 2 * float(np.finfo(dtype).eps)
    assert got == pytest.approx(value, rel=rounding, abs=0)
    assert np.allclose(got_delta, delta, rtol=rounding, atol=0)


def test_large_logits_do_not_overflow(dtype):
    """Right by 20,000 costs nothing, wrong by 20,000 costs 20,000."""
    logits = [[1e4, -1e4, 0], [1e4, -1e4, 0]]
    value, delta = loss_of(logits, np.array([0, 1]), "cross_entropy", dtype)
    assert value == 1e4
    assert np.array_equal(delta, [[0, 0, 0], [0.5, -0.5, 0]])
    value, delta = loss_of([[1e4, -1e4]], np.array([[1, 1]]), "bce_with_logits", dtype)
    assert value == 1e4
    assert np.array_equal(delta, [[0, -1]])


def test_a_small_binary_cross_entropy_is_as_precise_as_a_large_one(dtype):
    """For targets 0 and 1 it is log(1 + exp(±x)), which a naive sum cancels to 0 from 2^24 on."""
    x = np.linspace(-80, 80, 4001).astype(dtype)
    wide = x.astype(np.longdouble)
    for target, exact in ((0, np.logaddexp(0, wide)), (1, np.logaddexp(0, -wide))):
        values = [loss_of([[v]], np.array([target]), "bce_with_logits", dtype)[0] for v in x[::40]]
        assert ulps(np.array(values, dtype), exact[::40]).max() <= 4


def test_a_shift_of_all_logits_changes_nothing(dtype, rng):
    """Integers, so that the shift itself is exact."""
    logits, labels = rng.integers(-8, 9, (17, 5)), rng.integers(0, 5, 17)
    plain = loss_of(logits, labels, "cross_entropy", dtype)
    shifted = loss_of(logits + 1000, labels, "cross_entropy", dtype)
    assert plain[0] == shifted[0]
    assert np.array_equal(plain[1], shifted[1])


# Weights


@each_loss
def test_a_weight_counts_samples(name, rng):
    """Of weight 3 as three, of weight 0 as none: loss, accuracy and gradients, in blocks of 8."""
    loss, x, labels = LOSSES[name](5), rng.standard_normal((30, 5)), rng.integers(0, 5, 30)
    weight = rng.integers(0, 4, 30)
    many, many_labels = x.repeat(weight, axis=0), labels.repeat(weight)
    weighted, repeated = identity_network(5, loss), identity_network(5, loss)
    got = weighted.evaluate(images(x), labels, sample_weight=weight)
    assert got == pytest.approx(repeated.evaluate(images(many), many_labels), rel=1e-13)
    weighted.accumulate_gradients(images(x), labels, sample_weight=weight)
    repeated.accumulate_gradients(images(many), many_labels)
    gradients = (net.gradient_dict()["0.weight"] for net in (weighted, repeated))
    assert np.allclose(*gradients, rtol=0, atol=1e-14)


def test_weights_stay_with_their_samples_when_they_are_shuffled(rng):
    """At rate 0 and batches of one, a loss is the sample's own, or 0 where it weighs nothing."""
    x, labels, weight = rng.standard_normal((40, 3)), rng.integers(0, 3, 40), np.arange(40) % 3
    net = identity_network(3, "cross_entropy")
    net.optimizer = cnnbp.optim.SGD(lr=0.0)
    own = [net.evaluate(images(x[n : n + 1]), labels[n : n + 1])["loss"] for n in range(40)]
    history = net.fit(images(x), labels, sample_weight=weight, batch_size=1, progress=False)
    assert history.batch_losses != list(own * (weight > 0))
    assert np.allclose(sorted(history.batch_losses), sorted(own * (weight > 0)), rtol=1e-14)


def test_fit_weighs_what_its_steps_weigh(rng):
    x, labels, weight = rng.standard_normal((40, 3)), rng.integers(0, 3, 40), rng.random(40)
    fitted, stepped = (identity_network(3, "cross_entropy") for _ in range(2))
    data = (images(x), labels, weight)
    history = fitted.fit(
        *data[:2], sample_weight=weight, batch_size=16, shuffle=False,
        validation_data=data, progress=False,
    )  # fmt: skip
    parts = [slice(i, i + 16) for i in (0, 16, 32)]
    losses = [stepped.train_step(*(a[p] for a in data[:2]), sample_weight=weight[p]) for p in parts]
    assert history.batch_losses == losses
    assert_same_bits(fitted.state_dict(), stepped.state_dict())
    assert history.epochs[0].val_loss == stepped.evaluate(*data[:2], sample_weight=weight)["loss"]


@pytest.mark.parametrize("ignored", [False, True])
def test_the_loss_of_an_epoch_weighs_samples_as_an_evaluation_does(ignored, rng):
    """At rate 0 they are the same, also where some batches weigh less, or nothing."""
    x, labels, weight = rng.standard_normal((40, 3)), rng.integers(0, 3, 40), rng.random(40)
    weight[:16] = 0
    if ignored:
        labels[weight < 0.5] = -100
    loss = CrossEntropy(class_weights=factors(3))
    net = identity_network(3, loss)
    net.optimizer = cnnbp.optim.SGD(lr=0.0)
    options = {"sample_weight": None if ignored else weight}
    history = net.fit(images(x), labels, batch_size=8, shuffle=False, progress=False, **options)
    expected = net.evaluate(images(x), labels, **options)["loss"]
    assert history.epochs[0].loss == pytest.approx(expected, rel=1e-12)


def test_an_epoch_that_weighs_nothing_has_no_loss(rng):
    net = identity_network(3, "cross_entropy")
    history = net.fit(
        images(rng.standard_normal((9, 3))), np.full(9, -100), batch_size=4, progress=False
    )
    assert history.epochs[0].loss == 0


@each_loss
def test_the_bits_do_not_depend_on_the_number_of_threads(name, dtype):
    """A network large enough for several threads, 50 samples: a last block that is not full."""
    rng = np.random.default_rng(1)
    x, labels, weight = rng.random((50, 3, 24, 24)), rng.integers(0, 10, 50), rng.random(50)
    results = []
    for threads in (1, 2, 5):
        cnnbp.set_num_threads(threads)
        net = cnnbp.Network(
            [L.Conv2d(16, 5, activation="tanh"), L.MaxPool2d(2), L.Linear(10)],
            input_shape=(3, 24, 24), loss=LOSSES[name](10), dtype=dtype.name,
            optimizer=cnnbp.optim.SGD(lr=0.01),
        )  # fmt: skip
        losses = [net.train_step(x, labels, sample_weight=weight) for _ in range(3)]
        results.append({**net.state_dict(), "losses": np.array(losses)})
    for result in results[1:]:
        assert_same_bits(result, results[0])


# The ignored class


@pytest.mark.parametrize("ignored", [-100, 255, 2])
def test_samples_of_the_ignored_class_are_as_if_they_were_not_there(ignored, dtype, rng):
    """Their outputs may be anything."""
    loss = CrossEntropy(ignore_index=ignored, label_smoothing=0.25, class_weights=factors(5))
    x, labels = rng.standard_normal((35, 5)), rng.choice([0, 1, 3, 4], 35)
    gone = np.arange(35) % 3 == 0
    x[gone] *= 1e30
    labels[gone] = ignored
    all_of_them, kept = (identity_network(5, loss, dtype) for _ in range(2))
    got = all_of_them.evaluate(images(x, dtype), labels)
    assert got == pytest.approx(
        kept.evaluate(images(x[~gone], dtype), labels[~gone]), rel=tolerance(dtype, 5)
    )
    value, delta = loss_of(x, labels, loss, dtype)
    kept_value, kept_delta = loss_of(x[~gone], labels[~gone], loss, dtype)
    assert value == pytest.approx(kept_value, rel=tolerance(dtype, 5))
    assert not delta[gone].any()
    assert np.array_equal(delta[~gone], kept_delta)


def test_a_batch_that_weighs_nothing_has_no_loss_and_no_delta(dtype, rng):
    net, x = identity_network(3, "cross_entropy", dtype), images(rng.standard_normal((9, 3)), dtype)
    before = net.state_dict()
    assert net.train_step(x, np.full(9, -100)) == 0
    assert net.train_step(x, np.zeros(9, int), sample_weight=np.zeros(9)) == 0
    assert net.evaluate(x, np.full(9, -100)) == {"loss": 0, "accuracy": 0}
    assert_same_bits(net.state_dict(), before)
