"""What a trace prints of its loss and of the last delta, beside what it computes."""

import pickle

import numpy as np
import pytest

import cnnbp
from cnnbp import layers as L  # noqa: N812
from cnnbp.losses import L1, MSE, BCEWithLogits, CrossEntropy, Hinge, Huber
from loss_cases import identity_network, images

RNG = np.random.default_rng(5)
OUTPUTS, TARGETS = RNG.standard_normal((7, 4)), RNG.random((7, 4))  # targets that add up to no 1
LABELS, WEIGHTS = np.array([1, 3, 0, 2, 3, 1, 1]), np.array([0.5, 2, 1, 0, 3, 0.25, 1])
C = np.array([0.5, 2, 1, 3])
ONE_HOT = np.eye(4)[LABELS]
SMOOTH = "s = 0.1, K: number of outputs"
T_K = "t_k = 1 for k = y, else 0"


def sigmoid(o):
    return 1 / (1 + np.exp(-o))


def softmax(o):
    return np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)


def total(values):
    return values.sum(axis=1, keepdims=True)


def huber(e, far):
    return np.where(np.abs(e) <= far, e**2 / 2, far * (np.abs(e) - far / 2))


def margins(o, margin):
    own = np.take_along_axis(o, LABELS[:, None], axis=1)
    return margin - own + o


def counted(o, margin):
    """T of the slope: 1 for each term above 0, which that of the class itself is."""
    return (margins(o, margin) > 0).astype(float)


#: Loss, E and δ as they are printed, their words, and terms and slopes as they say. W stands for
#: the weight of a sample, D for the divisor.
OF_BOTH = [
    (MSE(), "½ Σ W(o − y)² / D", "δ = W(o − y) / D", "",
     lambda o, y: ((o - y) ** 2 / 2, o - y)),
    (L1(), "Σ W|o − y| / D", "δ = Wsign(o − y) / D", "",
     lambda o, y: (np.abs(o - y), np.sign(o - y))),
    (Huber(), "Σ Wh(o − y) / D,  h(e) = ½ e² where |e| ≤ 1, else |e| − ½",
     "δ = Wmin(max(o − y, −1), 1) / D", "",
     lambda o, y: (huber(o - y, 1), np.clip(o - y, -1, 1))),
    (Huber(0.5), "Σ Wh(o − y) / D,  h(e) = ½ e² where |e| ≤ 0.5, else 0.5 (|e| − 0.25)",
     "δ = Wmin(max(o − y, −0.5), 0.5) / D", "",
     lambda o, y: (huber(o - y, 0.5), np.clip(o - y, -0.5, 0.5))),
    (BCEWithLogits(), "−Σ W(y log σ(o) + (1 − y) log(1 − σ(o))) / D", "δ = W(σ(o) − y) / D", "",
     lambda o, y: (-y * np.log(sigmoid(o)) - (1 - y) * np.log(1 - sigmoid(o)), sigmoid(o) - y)),
    (BCEWithLogits(pos_weight=C), "−Σ W(p y log σ(o) + (1 − y) log(1 − σ(o))) / D",
     "δ = W((1 − y) σ(o) − p y (1 − σ(o))) / D", "p: pos_weight",
     lambda o, y: (-C * y * np.log(sigmoid(o)) - (1 - y) * np.log(1 - sigmoid(o)),
                   (1 - y) * sigmoid(o) - C * y * (1 - sigmoid(o)))),
]  # fmt: skip
OF_CLASSES = [
    (Hinge(), "Σ_{k≠y} Wmax(0, 1 − o_y + o_k) / D",
     "δ = W(t − y Σ t) / D,  t_k = 1 where 1 − o_y + o_k > 0, else 0", "",
     lambda o, y: ((1 - y) * np.maximum(0, margins(o, 1)),
                   counted(o, 1) - y * total(counted(o, 1)))),
    (Hinge(0.2), "Σ_{k≠y} Wmax(0, 0.2 − o_y + o_k) / D",
     "δ = W(t − y Σ t) / D,  t_k = 1 where 0.2 − o_y + o_k > 0, else 0", "",
     lambda o, y: ((1 - y) * np.maximum(0, margins(o, 0.2)),
                   counted(o, 0.2) - y * total(counted(o, 0.2)))),
    (CrossEntropy(), "−Σ Wy log softmax(o) / D", "δ = W(softmax(o) − y) / D", "",
     lambda o, y: (-y * np.log(softmax(o)), softmax(o) - y)),
    (CrossEntropy(0.1), "−Σ Wq log softmax(o) / D,  q = (1 − s) y + s / K",
     "δ = W(softmax(o) − q) / D,  q = (1 − s) y + s / K", SMOOTH,
     lambda o, y: (-(q := 0.9 * y + 0.1 / 4) * np.log(softmax(o)), softmax(o) - q)),
    (CrossEntropy(class_weights=C), "−Σ Wc_k t_k log softmax(o)_k / D",
     "δ_k = W(softmax(o)_k Σ_m c_m t_m − c_k t_k) / D", f"c: class_weights, {T_K}",
     lambda o, t: (-C * t * np.log(softmax(o)), softmax(o) * total(C * t) - C * t)),
    (CrossEntropy(0.1, C), "−Σ Wc_k q_k log softmax(o)_k / D,  q_k = (1 − s) t_k + s / K",
     "δ_k = W(softmax(o)_k Σ_m c_m q_m − c_k q_k) / D,  q_k = (1 − s) t_k + s / K",
     f"c: class_weights, {T_K}, {SMOOTH}",
     lambda o, t: (-C * (q := 0.9 * t + 0.1 / 4) * np.log(softmax(o)),
                   softmax(o) * total(C * q) - C * q)),
]  # fmt: skip
OF_TARGETS = [
    (CrossEntropy(), "−Σ Wy_k log softmax(o)_k / D", "δ_k = W(softmax(o)_k Σ_m y_m − y_k) / D", "",
     lambda o, y: (-y * np.log(softmax(o)), softmax(o) * total(y) - y)),
    (CrossEntropy(0.1), "−Σ Wq_k log softmax(o)_k / D,  q_k = (1 − s) y_k + s / K",
     "δ_k = W(softmax(o)_k Σ_m q_m − q_k) / D,  q_k = (1 − s) y_k + s / K", SMOOTH,
     lambda o, y: (-(q := 0.9 * y + 0.1 / 4) * np.log(softmax(o)), softmax(o) * total(q) - q)),
    (CrossEntropy(0.1, C), "−Σ Wc_k q_k log softmax(o)_k / D,  q_k = (1 − s) y_k + s / K",
     "δ_k = W(softmax(o)_k Σ_m c_m q_m − c_k q_k) / D,  q_k = (1 − s) y_k + s / K",
     f"c: class_weights, {SMOOTH}",
     lambda o, y: (-C * (q := 0.9 * y + 0.1 / 4) * np.log(softmax(o)),
                   softmax(o) * total(C * q) - C * q)),
]  # fmt: skip


def joined(*words):
    return ", ".join(filter(None, words))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("of", "row"),
    [("classes", row) for row in OF_BOTH + OF_CLASSES]
    + [("targets", row) for row in OF_BOTH + OF_TARGETS],
    ids=lambda value: str(value[0]) if isinstance(value, tuple) else value,
)
def test_a_loss_and_its_delta_are_what_their_printed_equations_give(of, row, weighted):
    loss, value, delta, words, formula = row
    y, t = (LABELS, ONE_HOT) if of == "classes" else (TARGETS, TARGETS)
    weight, w = (WEIGHTS, "w ") if weighted else (np.ones(7), "")
    by_class = of == "classes" and getattr(loss, "class_weights", None) is not None
    divisor = f"Σ {w}c_y" if by_class else "Σ w" if weighted else "N"
    trace = identity_network(4, loss).trace(
        images(OUTPUTS), y, sample_weight=WEIGHTS if weighted else None
    )
    told, below = trace.equation("loss"), trace.equation("0.delta")
    assert told.text == f"E = {value}".replace("W", w).replace("D", divisor)
    assert below.text == delta.replace("W", w).replace("D", divisor)
    over = "" if divisor == "N" else f"{divisor}: over the samples"
    assert told.where == joined("w: sample_weight" if weighted else "", over, words)
    assert below.where == told.where
    terms, slopes = formula(OUTPUTS, t)
    share = weight / (weight * (C[LABELS] if by_class else 1)).sum()
    assert trace["loss"] == pytest.approx((share[:, None] * terms).sum(), rel=1e-13)
    np.testing.assert_allclose(trace["0.delta"], share[:, None] * slopes, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("loss", "sample_weight", "divisor"),
    [
        (CrossEntropy(), None, "N: number of samples"),
        (CrossEntropy(class_weights=C), None, "Σ c_y: over the samples"),
        (CrossEntropy(), WEIGHTS, "Σ w: over the samples"),
        (CrossEntropy(class_weights=C), WEIGHTS, "Σ w c_y: over the samples"),
    ],
)
def test_what_a_loss_is_divided_by_does_not_count_samples_of_the_ignored_class(
    loss, sample_weight, divisor
):
    labels = np.where(LABELS == 1, -100, LABELS)
    trace = identity_network(4, loss).trace(images(OUTPUTS), labels, sample_weight=sample_weight)
    words = f"{divisor} without those of class number −100, whose loss and delta are 0"
    for name in ("loss", "0.delta"):
        assert words in trace.equation(name).where
    kept = labels >= 0
    weight = np.ones(7) if sample_weight is None else sample_weight
    c = np.ones(4) if loss.class_weights is None else C
    own = (weight * c[LABELS])[kept]
    logs = np.log(softmax(OUTPUTS))[np.arange(7), LABELS][kept]
    assert trace["loss"] == pytest.approx(-(own @ logs) / own.sum(), rel=1e-13)
    expected = own[:, None] * (softmax(OUTPUTS) - ONE_HOT)[kept] / own.sum()
    np.testing.assert_allclose(trace["0.delta"][kept], expected, rtol=1e-12, atol=1e-15)
    assert not trace["0.delta"][~kept].any()


def test_an_ignored_class_is_told_where_it_is_chosen_and_not_of_target_values():
    """The usual one is none that a network has."""

    def words(loss, y):
        return identity_network(4, loss).trace(images(OUTPUTS), y).equation("loss").where

    chosen = CrossEntropy(ignore_index=2)
    assert words(CrossEntropy(), LABELS) == ""
    assert "without those of class number 2" in words(chosen, LABELS)
    assert words(chosen, TARGETS) == ""


def test_a_penalty_is_added_before_what_the_words_of_the_loss_mean():
    shares = L.CombineConv2d(4, 3, sparsity=0.5)
    net = cnnbp.Network([shares], input_shape=(2, 3, 3), loss=Huber(0.5), dtype="float64")
    x = RNG.random((7, 2, 3, 3))
    trace = net.trace(x, LABELS, sample_weight=WEIGHTS)
    told = trace.equation("loss")
    assert told.text == (
        "E = Σ w h(o − y) / Σ w + λ Σ_ij |α_ij|,  "
        "h(e) = ½ e² where |e| ≤ 0.5, else 0.5 (|e| − 0.25)"
    )
    assert told.where == "w: sample_weight, Σ w: over the samples, λ = 0.5 in layer 0"
    e = trace["0.output"].reshape(7, 4) - ONE_HOT
    mean = WEIGHTS @ huber(e, 0.5).sum(axis=1) / WEIGHTS.sum()
    assert trace["loss"] == pytest.approx(mean + 0.5 * trace["0.alpha"].sum(), rel=1e-12)


def test_a_delta_behind_a_softmax_is_made_of_the_losss():
    layers = [L.Linear(4, activation="softmax")]
    net = cnnbp.Network(layers, input_shape=(4, 1, 1), loss=Hinge(0.2), dtype="float64")
    trace = net.trace(images(OUTPUTS), LABELS)
    assert trace.equation("0.delta").text == (
        "δ = f ∘ (g − Σ_l f_l ∘ g_l),  "
        "g = (t − y Σ t) / N,  t_k = 1 where 0.2 − o_y + o_k > 0, else 0"
    )
    f = trace["0.output"]
    t = counted(f, 0.2)
    g = (t - ONE_HOT * total(t)) / len(f)
    np.testing.assert_allclose(trace["0.delta"], f * (g - total(f * g)), rtol=1e-11, atol=1e-15)


def test_a_trace_from_a_pickle_knows_that_it_was_weighted():
    net = identity_network(4, CrossEntropy())
    trace = net.trace(images(OUTPUTS), LABELS, sample_weight=WEIGHTS)
    again = pickle.loads(pickle.dumps(trace))
    assert again.equation("loss") == trace.equation("loss")
    assert "Σ w" in again.equation("loss").text
