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
    "no-delta": (lambda: Huber(delta=0), "delta", "0"),
    "infinite-delta": (lambda: Huber(delta=np.inf), "delta", "inf"),
    "negative-margin": (lambda: Hinge(margin=-1), "margin", "-1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_losses_that_cannot_be_are_refused(name):
    call, *words = REFUSED[name]
    assert_refused(call, words)


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
