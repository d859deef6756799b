"""``net.trace(x, y).equation`` and ``cnnbp explain``: the notes' equations beside the numbers."""

import json
import pickle

import numpy as np
import pytest

import architectures
import cnnbp
from cnnbp import equations
from cnnbp import layers as L  # noqa: N812
from cnnbp.cli.illustration import make_sheet
from cnnbp.cli.telling import tell
from cnnbp.explain import explain
from cnnbp.explain.by_hand import conv2, rot180

IMAGE = np.random.default_rng(3).random((2, 9, 8))


def network(layers, *, loss="mse", **options):
    return cnnbp.Network(layers, input_shape=(2, 9, 8), loss=loss, dtype="float64", **options)


def trace_of(layers, *, loss="mse"):
    return network(layers, loss=loss).trace(IMAGE[None], np.array([1]))


# Equations by name


def test_every_array_of_a_trace_has_an_equation_with_a_source():
    for architecture in architectures.ALL.values():
        net = architecture.build("float64")
        trace = net.trace(*architecture.samples(np.random.default_rng(0), 3))
        for name in trace:
            equation = trace.equation(name)
            assert equation.text
            assert equation.source
            where = f",  {equation.where}" if equation.where else ""
            assert str(equation) == f"{equation.text}{where}  ({equation.source})"


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (L.AvgPool2d(2), "δ_j = f'(u_j) ∘ up(δ_j^next) / n²"),
        (L.MaxPool2d(2), "δ_j = f'(u_j) ∘ place(δ_j^next), where the maxima were"),
        (L.Subsample2d((7, 2)), "δ_j = f'(u_j) ∘ β_j^next up(δ_j^next)"),
        (L.Conv2d(2, 3), "δ_i = f'(u_i) ∘ Σ_j conv2(δ_j^next, rot180(k_ij), 'full')"),
        (L.ConvTranspose2d(2, 3), "δ_i = f'(u_i) ∘ Σ_j δ_j^next * k_ij"),
        (
            L.CombineConv2d(2, 3),
            "δ_i = f'(u_i) ∘ conv2(Σ_j α_ij δ_j^next, rot180(k_i), 'full')",
        ),
        (L.Linear(4), "δ = f'(u) ∘ (W^next)ᵀ δ^next"),
        (L.Tanh(), "δ = f'(u) ∘ δ^next"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_delta_is_named_by_the_layer_above_it(above, expected):
    trace = trace_of([L.Conv2d(3, 3, activation="sigmoid"), above])
    assert trace.equation("0.delta").text == expected


@pytest.mark.parametrize(
    ("above", "text", "where"),
    [
        (
            L.Conv2d(2, 3, stride=2, padding=1),
            "crop(Σ_j conv2(spread(δ_j^next, 2), rot180(k_ij), 'full'), 1)",
            "spread: zeros at the pixels that the stride skips, crop: so much cut off at each side",
        ),
        (
            L.Conv2d(2, 3, dilation=(1, 2), groups=2),
            "Σ_{j:i~j} conv2(δ_j^next, rot180(dilate(k_ij, (1, 2))), 'full')",
            "dilate: zeros between the taps, i~j: maps of one group",
        ),
        (
            L.ConvTranspose2d(2, 3, stride=2, padding=(1, 2)),
            "Σ_j every(pad(δ_j^next, (1, 2)) * k_ij, 2)",
            "pad: zeros around, every: one row and column in so many, up to the size of x_i",
        ),
    ],
    ids=str,
)
def test_a_convolutions_options_stand_in_its_equation_with_what_they_mean(above, text, where):
    trace = trace_of([L.Conv2d(4, 3, activation="relu"), above])
    delta, inwards = trace.equation("0.delta"), trace_of([above]).equation("input.delta")
    assert (delta.text, delta.where) == (f"δ_i = f'(u_i) ∘ {text}", where)
    assert inwards.text == f"∂E/∂x_i = {text.replace('^next', '')}"
    assert inwards.where == where
    assert str(delta) == f"{delta.text},  {where}  ({delta.source})"


def test_a_plain_convolutions_equations_are_the_notes():
    trace = trace_of([L.Conv2d(2, 3), L.CombineConv2d(2, 3), L.ConvTranspose2d(2, 3)])
    names = [f"{place}.{part}" for place in "012" for part in ("pre_activation", "gradient.weight")]
    assert [(trace.equation(name).text, trace.equation(name).where) for name in names] == [
        ("u_j = Σ_i x_i * k_ij + b_j", ""),
        ("∂E/∂k_ij = rot180(conv2(x_i, rot180(δ_j), 'valid'))", ""),
        ("u_j = Σ_i α_ij (x_i * k_i) + b_j", ""),
        ("∂E/∂k_i = rot180(conv2(x_i, rot180(Σ_j α_ij δ_j), 'valid'))", ""),
        ("u_j = Σ_i conv2(x_i, rot180(k_ij), 'full') + b_j", ""),
        ("∂E/∂k_ij = rot180(conv2(δ_j, rot180(x_i), 'valid'))", ""),
    ]


@pytest.mark.parametrize("layer", [L.Conv2d, L.CombineConv2d, L.ConvTranspose2d])
def test_a_convolution_without_bias_adds_none_in_its_equation(layer):
    texts = [
        trace_of([layer(2, 3, bias=bias)]).equation("0.pre_activation").text
        for bias in (True, False)
    ]
    assert texts[0] == f"{texts[1]} + b_j"


def test_a_sum_within_a_product_has_brackets():
    whole = L.Residual([L.Conv2d(3, 1)])
    below = trace_of([L.Conv2d(3, 3, activation="relu"), whole]).equation("0.delta")
    assert below.text == "δ = f'(u) ∘ (∂E/∂x of the body + ∂E/∂x of the shortcut)"
    plain = trace_of([L.Conv2d(3, 3), whole]).equation("0.delta")
    assert plain.text == "δ = ∂E/∂x of the body + ∂E/∂x of the shortcut"


def test_shares_of_input_maps_are_named_by_their_own_equation():
    trace = trace_of([L.CombineConv2d(2, 3), L.Linear(3)])
    assert trace.equation("0.alpha").text == "α_ij = exp(c_ij) / Σ_k exp(c_kj)"
    assert trace.equation("0.gradient.combination").text.startswith("∂E/∂c_ij = α_ij (∂E/∂α_ij")


def test_a_last_delta_is_named_by_the_loss():
    layers = [L.Conv2d(1, (9, 7), activation="tanh")]
    assert trace_of(layers).equation("0.delta").text == "δ = f'(u) ∘ (o − y) / N"
    by_entropy = trace_of([L.Linear(3)], loss="cross_entropy")
    assert by_entropy.equation("0.delta").text == "δ = (softmax(o) − y) / N"


def test_the_last_layer_of_a_body_takes_the_delta_of_the_sum():
    trace = trace_of([L.Residual([L.Conv2d(2, 1), L.Conv2d(2, 1)], activation="relu"), L.Linear(2)])
    assert trace.equation("0.body.0.delta").text.startswith("δ_i = Σ_j conv2")
    assert trace.equation("0.body.1.delta").text == "δ = δ^whole"
    np.testing.assert_array_equal(trace["0.body.1.delta"], trace["0.delta"])
    assert trace.places() == ["0.body.0", "0.body.1", "0", "1"]


def test_a_layer_without_equations_is_described_by_the_chain_rule(monkeypatch):
    """So that a new layer type shows before somebody writes its line in the table."""
    monkeypatch.delitem(equations.LAYERS, "Linear")
    trace = trace_of([L.Tanh(), L.Linear(4), L.Linear(3)])
    assert trace.equation("1.pre_activation").text == "u = Linear(x)"
    assert trace.equation("1.delta").text == "δ = (∂u^next/∂x)ᵀ δ^next"
    assert trace.equation("1.gradient.weight").text == "∂E/∂weight = (∂u/∂weight)ᵀ δ"
    assert trace.equation("1.delta").source == "chain rule"


def test_a_trace_is_a_dict_that_survives_pickling_and_names_what_it_lacks():
    trace = trace_of([L.Linear(3)])
    again = pickle.loads(pickle.dumps(trace))
    assert isinstance(trace, dict)
    assert again.keys() == trace.keys()
    assert again.equation("0.delta") == trace.equation("0.delta")
    with pytest.raises(KeyError, match=r"holds no '1\.delta', only loss"):
        trace.equation("1.delta")
    with pytest.raises(KeyError, match=r"has no layer '1', only 0"):
        trace.layer("1")


# The worked number


@pytest.mark.parametrize(
    "convolution",
    [
        L.Conv2d(4, 3, activation="sigmoid"),
        L.Conv2d(4, (3, 2), padding="same", activation="tanh"),
        L.Conv2d(4, (2, 3), stride=(2, 1), padding=((1, 0), (2, 1))),
        L.Conv2d(4, 3, stride=2, dilation=(2, 1)),
        L.Conv2d(4, 3, groups=2, activation="tanh"),
    ],
    ids=str,
)
def test_both_forms_of_the_notes_give_the_cores_gradient(convolution):
    """In float64 a sum of at most 72 products agrees to a few units in the last place."""
    worked = explain(network([convolution, L.Linear(3)]), IMAGE, 1).by_hand
    assert worked.by_patches == pytest.approx(worked.core, rel=1e-12)
    assert worked.by_convolution == pytest.approx(worked.core, rel=1e-12)
    assert worked.core != 0


def test_a_frozen_convolution_is_passed_over():
    frozen, trained = L.Conv2d(4, 3, trainable=False), L.Conv2d(3, 2)
    told = explain(network([frozen, trained, L.Linear(3)]), IMAGE, 1)
    assert told.by_hand.parameter == "1.weight"
    assert told.by_hand.by_patches == pytest.approx(told.by_hand.core, rel=1e-12)
    assert told.update.after != told.update.before
    net = network([frozen, L.Linear(3)])
    told = explain(net, IMAGE, 1)
    assert told.by_hand is None
    assert told.update is None
    assert not any("by hand" in line for _, line in tell(told, net, "an image"))


def test_conv2_flips_its_kernel():
    x, kernel = np.arange(6.0).reshape(2, 3), np.array([[1.0, 10.0]])
    np.testing.assert_array_equal(conv2(x, kernel), [[1, 12], [34, 45]])
    np.testing.assert_array_equal(rot180(x), [[5, 4, 3], [2, 1, 0]])


def test_the_update_by_hand_is_the_cores_and_the_network_stays_as_it_is():
    rule = cnnbp.optim.SGD(lr=0.01)
    net = network([L.Conv2d(2, 3, activation="tanh"), L.Linear(3)], optimizer=rule)
    before = net.state_dict()
    update = explain(net, IMAGE, 1).update
    assert update.by_hand == pytest.approx(update.after, rel=1e-14)
    assert update.after != update.before
    assert update.loss_after < update.loss_before
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("between", "words"),
    [
        (L.Dropout(0.5), "a training pass: Dropout draws masks; predictions do not"),
        (L.BatchNorm2d(), "a training pass: BatchNorm2d takes this image's own mean and variance;"),
        (L.Residual([L.Dropout(0.5)]), "Dropout draws masks"),
    ],
    ids=str,
)
def test_outputs_and_losses_are_those_of_predictions_and_the_pass_is_said_to_differ(between, words):
    net = network([L.Conv2d(3, 3, activation="relu"), between, L.Linear(3)], loss="cross_entropy")
    told = explain(net, IMAGE, 1)
    predicted = net.predict(IMAGE[None])[0]
    assert not np.allclose(told.trace["2.output"][0], predicted)
    np.testing.assert_array_equal(told.outputs, predicted)
    assert told.read == predicted.argmax()
    assert told.update.loss_before == net.evaluate(IMAGE[None], [1])["loss"]
    net.train_step(IMAGE[None], [1])
    assert told.update.loss_after == net.evaluate(IMAGE[None], [1])["loss"]
    assert told.to_dict()["note"] == told.note
    assert words in told.note
    assert told.note in make_sheet(told, net).subtitle
    lines = [text for _, text in tell(told, net, "an image")]
    assert told.note in lines
    shown = {line[2:10].strip(): line[10:].split() for line in lines}
    assert shown["output o"] == [f"{value:.3f}" for value in told.trace["2.output"][0]]
    assert shown["predict"] == [f"{value:.3f}" for value in predicted]


@pytest.mark.parametrize("between", [L.Dropout(0), L.BatchNorm2d(trainable=False), L.Tanh()])
def test_a_pass_that_predictions_share_has_no_note(between):
    net = network([L.Conv2d(3, 3, activation="relu"), between, L.Linear(3)])
    told = explain(net, IMAGE, 1)
    np.testing.assert_array_equal(told.outputs, told.trace["2.output"][0])
    assert told.note is None
    assert not any(line.startswith("  predict") for _, line in tell(told, net, "an image"))


def test_outputs_that_are_not_finite_are_read_as_no_class():
    net = network([L.Conv2d(2, 3), L.Linear(3)])
    net.load_state_dict(net.state_dict() | {"1.bias": np.array([0.0, 5.0, np.nan])})
    told = explain(net, IMAGE, 1)
    assert told.read is None
    assert told.to_dict()["read"] is None
    assert "   E = nan; read as no class (outputs not finite), is 1" in [
        text for _, text in tell(told, net, "an image")
    ]
    title = "One backward pass: class 1, read as no class (outputs not finite)"
    assert make_sheet(told, net).title == title


@pytest.mark.parametrize("loss", ["bce_with_logits", "mse"])
@pytest.mark.parametrize("output", [-0.25, 0.25, 0.75])
def test_one_output_is_read_as_the_class_that_its_accuracy_counts(loss, output):
    """The largest of one output is always the first."""
    net = network([L.Linear(1)], loss=loss)
    net.load_state_dict({"0.weight": np.zeros((1, 144)), "0.bias": np.array([output])})
    told = explain(net, IMAGE, 1)
    assert told.read == net.evaluate(IMAGE[None], [1])["accuracy"]
    assert "  target y      1" in [text for _, text in tell(told, net, "an image")]


def test_only_plain_descent_is_done_by_hand():
    rule = cnnbp.optim.Adam()
    update = explain(network([L.Conv2d(2, 3), L.Linear(3)], optimizer=rule), IMAGE, 1).update
    assert update.by_hand is None
    assert update.equation == equations.update(rule)
    assert explain(network([L.Linear(3)]), IMAGE, 1).by_hand is None


# What is told


def test_all_layers_are_told_forwards_and_backwards_with_their_numbers():
    net = network([L.Conv2d(2, 3, activation="tanh"), L.Linear(3)])
    told = explain(net, IMAGE, 1)
    assert [step.place for step in told.forward] == ["0", "1"]
    assert [step.place for step in told.backward] == ["1", "0", ""]
    delta = told.backward[1].arrays[0]
    values = told.trace["0.delta"]
    assert (delta.name, delta.shape) == ("0.delta", (2, 7, 6))
    assert (delta.low, delta.high) == (values.min(), values.max())
    assert delta.rms == pytest.approx(np.sqrt(np.mean(values**2)))
    lines = "\n".join(text for _, text in tell(told, net, "an image"))
    for words in (
        "δ_j",
        "0.gradient.weight",
        "by patches",
        "by convolution",
        "all weights updated",
    ):
        assert words in lines
    json.dumps(told.to_dict(), allow_nan=False)


def test_every_kind_of_convolution_is_told_once_with_its_own_order_of_maps():
    """As in torch, a transposed one has the input maps first."""
    net = network(
        [
            L.Conv2d(4, 3),
            L.Residual([L.Conv2d(4, 1)]),
            L.ConvTranspose2d(4, 3, groups=2),
            L.CombineConv2d(2, 3),
            L.Linear(3),
        ]
    )
    lines = [text for _, text in tell(explain(net, IMAGE, 1), net, "an image")]
    assert [line for line in lines if "kernels turned" in line] == [
        "Conv2d stores the notes' kernels turned: k_ij = rot180(weight[j, i]).",
        "ConvTranspose2d stores the notes' kernels turned: "
        "k_ij = rot180(weight[i, j]), j counted within its group.",
        "CombineConv2d stores the notes' kernels turned: k_i = rot180(weight[i, 0]).",
    ]
    plain = network([L.Linear(3)])
    assert "kernels turned" not in str(tell(explain(plain, IMAGE, 1), plain, "an image"))


def test_a_convolution_with_options_is_told_with_what_its_words_mean():
    net = network([L.Conv2d(2, 3, stride=2, padding=1), L.Linear(3)])
    told = explain(net, IMAGE, 1)
    lines = [text for _, text in tell(told, net, "an image")]
    start = "   u_j = Σ_i every(pad(x_i, 1) * k_ij, 2) + b_j"
    (place,) = (at for at, line in enumerate(lines) if line.startswith(start))
    assert lines[place + 1].strip() == told.forward[0].equations[0].where
    by_convolution = next(line for line in lines if line.startswith("   by convolution"))
    assert by_convolution.endswith("rot180(conv2(pad(x_i, 1), rot180(spread(δ_j, 2)), 'valid'))")


def test_the_picture_leaves_the_words_out():
    net = network([L.Tanh(), L.Conv2d(2, 3, stride=2), L.Linear(3)])
    told = explain(net, IMAGE, 1)
    delta = told.trace.equation("0.delta")
    assert delta.where
    assert make_sheet(told, net).rows[0].equation == f"{delta.text}  ({delta.source})"


def test_the_picture_gives_a_losss_value_before_what_its_words_mean():
    net = network([L.Conv2d(2, 3), L.Linear(3)], loss="huber")
    told = explain(net, IMAGE, 1)
    assert make_sheet(told, net).subtitle.startswith(
        f"E = Σ h(o − y) / N = {told.trace['loss']:.3g},  h(e) = ½ e² where |e| ≤ 1, else |e| − ½\n"
    )


def test_shares_of_input_maps_are_told_with_their_equation_and_their_numbers():
    net = network([L.CombineConv2d(2, 3, activation="tanh"), L.Linear(3)])
    told = explain(net, IMAGE, 1)
    step = told.forward[0]
    assert [equation.text.partition(" = ")[0] for equation in step.equations] == [
        "u_j",
        "α_ij",
        "x",
    ]
    (shares,) = (array for array in step.arrays if array.name == "0.alpha")
    assert (shares.shape, shares.low, shares.high) == ((2, 2), 0.5, 0.5)


def test_the_picture_says_what_its_colours_are_and_what_its_loss_is():
    net = network([L.Conv2d(2, 3, activation="sigmoid"), L.Linear(3)])
    told = explain(net, IMAGE, 1)
    loss, colours = make_sheet(told, net).subtitle.split("\n")
    assert loss == f"E = ½ Σ (o − y)² / N = {told.trace['loss']:.3g}"
    for words in ("Orange is negative", "purple positive", "white to black"):
        assert words in colours
