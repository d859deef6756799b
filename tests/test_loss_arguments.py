"""Definitions of losses, and the class numbers, targets and weights that they refuse."""

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp import layers as L  # noqa: N812
from cnnbp import losses
from cnnbp.losses import BCEWithLogits, CrossEntropy, Hinge, Huber
from loss_cases import LOSSES, identity_network, images


@pytest.mark.parametrize(
    "loss",
    [LOSSES[name](4) for name in LOSSES] + [CrossEntropy(ignore_index=2**63 - 1)],
    ids=repr,
)
def test_every_loss_comes_back_from_a_file_and_from_its_repr(loss, tmp_path):
    net = identity_network(4, loss)
    net.save(tmp_path / "net.npz")
    assert cnnbp.Network.load(tmp_path / "net.npz").definition == net.definition
    assert net.definition.loss == eval(repr(loss), vars(losses)) == loss


@pytest.mark.parametrize(
    "name", ["mse", "cross_entropy", "bce_with_logits", "l1", "huber", "hinge"]
)
def test_a_name_is_the_loss_with_its_default_options(name):
    assert identity_network(3, name).definition.loss == LOSSES[name](3)


def net_of(outputs: int, **options):
    return lambda: identity_network(outputs, CrossEntropy(**options))


def net_that_ends_with(*layers, loss="bce_with_logits"):
    """The layer of index 0 has a sigmoid, as a hidden one may."""
    hidden = L.Conv2d(2, 1, activation="sigmoid")
    return cnnbp.Network([hidden, *layers], input_shape=(1, 2, 2), loss=loss)


#: A call, and the words of the error.
REFUSED = {
    "no-loss": (lambda: identity_network(3, losses.Loss()), "loss", "Loss()"),
    "a-name-that-is-none": (lambda: identity_network(3, "entropy"), "loss", "entropy", "hinge"),
    "smoothing-of-all": (net_of(3, label_smoothing=1), "label_smoothing", "1.0", "below 1"),
    "negative-smoothing": (net_of(3, label_smoothing=-0.1), "label_smoothing", "-0.1"),
    "smoothing-as-text": (net_of(3, label_smoothing="0.1"), "label_smoothing", "'0.1'"),
    "weights-of-other-classes": (net_of(3, class_weights=[1, 1]), "class_weights", "2", "3"),
    "no-weights": (net_of(3, class_weights=[]), "class_weights", "()"),
    "weights-of-nothing": (net_of(3, class_weights=[0, 0, 0]), "class_weights", "0.0"),
    "negative-class-weight": (net_of(3, class_weights=[1, 1, -2]), "class_weights", "-2"),
    "nan-as-class-weight": (net_of(3, class_weights=[1, np.nan, 1]), "class_weights", "nan"),
    "one-number-as-weights": (net_of(3, class_weights=2.0), "class_weights", "2.0", "list"),
    "an-array-without-an-axis": (net_of(3, class_weights=np.array(2.0)), "class_weights", "list"),
    "class-weights-by-number": (net_of(2, class_weights={0: 1.0, 1: 2.0}), "list", "{0: 1.0"),
    "class-weights-in-no-order": (net_of(3, class_weights={1.0, 2.0, 4.0}), "list", "{1.0, 2.0"),
    "ignored-as-a-fraction": (net_of(3, ignore_index=1.5), "ignore_index", "1.5"),
    "one-class": (net_of(1), "cross_entropy", "2", "1", "bce_with_logits"),
    "hinge-of-one-class": (lambda: identity_network(1, "hinge"), "hinge", "2", "1"),
    "hinge-of-maps": (
        lambda: cnnbp.Network([L.ReLU()], input_shape=(3, 2, 2), loss="hinge"), "hinge", "(3, 2, 2)"
    ),
    "pos-weight-of-other-outputs": (
        lambda: identity_network(3, BCEWithLogits(pos_weight=[1, 2])), "pos_weight", "2", "3"
    ),
    "negative-pos-weight": (lambda: BCEWithLogits(pos_weight=[-1]), "pos_weight", "-1"),
    "logits-behind-a-sigmoid": (
        lambda: net_that_ends_with(L.Linear(3, activation="sigmoid")),
        "layer 1 (Linear) ends with sigmoid", "bce_with_logits", "leave the activation out",
    ),
    "logits-behind-a-softmax": (
        lambda: net_that_ends_with(L.Linear(3), L.Softmax(), loss="cross_entropy"),
        "layer 2 (Softmax) ends with softmax", "cross_entropy",
    ),
    "a-sigmoid-before-flattening": (
        lambda: net_that_ends_with(L.Conv2d(3, 1), L.Sigmoid(), L.Flatten()), "layer 2 (Sigmoid)"
    ),
    "a-sigmoid-of-a-sum": (
        lambda: net_that_ends_with(L.Residual([L.Conv2d(2, 1)], activation="sigmoid")),
        "layer 1 (Residual)", "sigmoid",
    ),
    "a-sigmoid-of-a-branch": (
        lambda: net_that_ends_with(
            L.Concat([[], [L.Conv2d(1, 1), L.Conv2d(2, 1, activation="sigmoid")]])
        ),
        "layer 1.branches.1.1 (Conv2d)", "sigmoid",
    ),
    "a-summary-of-logits-behind-a-sigmoid": (
        lambda: cnnbp.summarize(
            [L.Linear(3, activation="sigmoid")], input_shape=(1, 2, 2), loss="cross_entropy"
        ),
        "layer 0 (Linear) ends with sigmoid", "cross_entropy",
    ),
    "no-delta": (lambda: Huber(delta=0), "delta", "0"),
    "infinite-delta": (lambda: Huber(delta=np.inf), "delta", "inf"),
    "negative-margin": (lambda: Hinge(margin=-1), "margin", "-1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_losses_that_cannot_be_are_refused(name):
    call, *words = REFUSED[name]
    assert_refused(call, words)


@pytest.mark.parametrize(
    ("layers", "loss"),
    [
        ([L.Linear(3, activation="sigmoid")], "mse"),
        ([L.Linear(3), L.Softmax()], "huber"),
        ([L.Linear(3, activation="tanh")], "bce_with_logits"),
        ([L.Sigmoid(), L.Linear(3)], "cross_entropy"),
        ([L.Residual([L.Conv2d(2, 1, activation="sigmoid")])], "bce_with_logits"),
    ],
)
def test_what_is_no_logit_behind_sigmoid_or_softmax_is_taken(layers, loss):
    assert len(net_that_ends_with(*layers, loss=loss).layers) == 1 + len(layers)


#: Class numbers or targets, weights, and the words of the error.
SAMPLES = {
    "a-class-past-all": ([0, 3, 1], None, "y", "label 3", "0 to 2", "255"),
    "a-negative-class": ([0, -100, 1], None, "y", "label -100", "255"),
    "weights-of-other-samples": ([0, 1, 2], [1, 2], "sample_weight", "(3,)", "(2,)"),
    "weights-of-rank-2": ([0, 1, 2], [[1, 2, 3]], "sample_weight", "(3,)", "(1, 3)"),
    "no-weights": ([0, 1, 2], [], "sample_weight", "(3,)", "(0,)"),
    "nan-as-weight": ([0, 1, 2], [1, np.nan, 2], "sample_weight of sample 1", "nan"),
    "infinity-as-weight": ([0, 1, 2], [1, 2, np.inf], "sample_weight of sample 2", "inf"),
    "negative-weight": ([0, 1, 2], [-0.5, 1, 2], "sample_weight of sample 0", "-0.5"),
    "weights-past-their-sum": ([0, 1, 2], [1e308] * 3, "sample_weight", "sum"),
    "weights-as-text": ([0, 1, 2], ["1", "2", "3"], "sample_weight"),
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "method", ["train_step", "accumulate_gradients", "evaluate", "trace", "fit"]
)
def test_samples_that_a_loss_cannot_take_are_refused_and_nothing_is_changed(name, method):
    y, weight, *words = SAMPLES[name]
    net = identity_network(3, CrossEntropy(ignore_index=255))
    before = net.state_dict()
    assert_refused(lambda: getattr(net, method)(images(np.eye(3)), y, sample_weight=weight), words)
    assert_same_bits(net.state_dict(), before)
    assert not net.gradient_dict()["0.weight"].any()


#: A loss, a target that it cannot take, and the words of the error.
TARGETS = {
    "a-mask-of-bytes": ("bce_with_logits", 255, "255", "0 to 1", "scale or clip"),
    "a-label-of-minus-1": ("bce_with_logits", -1, "-1", "0 to 1"),
    "a-rounding-above-1": ("bce_with_logits", 1 + 2.0**-52, "1.0000000000000002", "0 to 1"),
    "a-negative-share": ("cross_entropy", -1e-300, "-1e-300", "0 up"),
    "past-float32": ("bce_with_logits", 1e300, "1e+300", "0 to 1"),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "method", ["train_step", "accumulate_gradients", "evaluate", "trace", "fit"]
)
def test_targets_out_of_a_losss_range_are_refused_and_nothing_is_changed(name, method, dtype):
    """-0 is in the range; it is in a sample before the bad one, which is named."""
    loss, target, *words = TARGETS[name]
    net = identity_network(3, loss, dtype)
    before = net.state_dict()
    y = np.array([[-0.0, 0, 1], [1, 0, target], [0, -1, 0]])
    call = lambda: getattr(net, method)(images(np.eye(3)), y)  # noqa: E731
    assert_refused(call, (f"y holds {words[0]} in sample 1, but loss {loss} takes", *words[1:]))
    assert_same_bits(net.state_dict(), before)
    assert not net.gradient_dict()["0.weight"].any()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_target_out_of_range_is_found_among_many(kind):
    """Of more numbers than one task looks at, with -0 in the first; the core takes both types."""
    net, y = identity_network(3, "bce_with_logits"), np.zeros((50_000, 3), kind)
    y[0] = -0.0
    y[40_000:, 1] = 1.5
    with pytest.raises(ValueError, match=r"y holds 1\.5 in sample 40000,"):
        net._core.check(images(np.zeros((50_000, 3))), y)
    net._core.check(images(np.zeros((40_000, 3))), y[:40_000])


@pytest.mark.parametrize(("loss", "most"), [("bce_with_logits", 1), ("cross_entropy", 1e30)])
def test_targets_at_the_ends_of_the_range_are_taken(loss, most, dtype):
    net, y = identity_network(3, loss, dtype), np.array([[0, -0.0, most]])
    assert np.isfinite(net.train_step(images(np.ones((1, 3))), y))


def test_hinge_refuses_targets():
    net = identity_network(3, "hinge")
    assert_refused(lambda: net.train_step(images(np.eye(3)), np.eye(3)), ("y", "(3, 3)", "(3,)"))


def test_one_output_refuses_a_third_class():
    net = identity_network(1, "bce_with_logits")
    assert_refused(
        lambda: net.evaluate(images([[1], [2]]), [0, 2]), ("y", "label 2", "0 to 1", "(2, 1)")
    )


@pytest.mark.parametrize("weight", [[1, -1, 1], [1, 1]])
def test_validation_data_may_have_weights_which_are_checked_before_training(weight):
    net, x = identity_network(3, "mse"), images(np.eye(3))
    before = net.state_dict()
    data = (x, [0, 1, 2], weight)
    call = lambda: net.fit(x, [0, 1, 2], validation_data=data, progress=False)  # noqa: E731
    assert_refused(call, ("validation_data", "sample_weight"))
    assert_same_bits(net.state_dict(), before)
