"""What a trace prints of activations, pooling and norms, beside what it computes."""

import re
from math import erf, pi

import numpy as np
import pytest

import architectures
import cnnbp
from cnnbp import equations
from cnnbp import layers as L  # noqa: N812
from cnnbp.cli.telling import spell
from cnnbp.loss_equations import PLAIN, Mean
from loss_cases import LOSSES

SHAPE = (4, 9, 8)
X, Y = np.random.default_rng(3).normal(size=(3, *SHAPE)), [1, 0, 2]


def traced(*layers):
    """Trace of `layers` below a linear one, all parameters drawn."""
    net = cnnbp.Network([*layers, L.Linear(3)], input_shape=SHAPE, dtype="float64")
    rng = np.random.default_rng(1)
    state = {name: rng.uniform(0.5, 1.5, value.shape) for name, value in net.state_dict().items()}
    net.load_state_dict(state)
    return net.trace(X, Y), state


def per_map(values):
    return values[:, None, None]


def sigmoid(u):
    return 1 / (1 + np.exp(-u))


def normal(u):
    return (1 + np.vectorize(erf)(u / np.sqrt(2))) / 2


def near_normal(u):
    return (1 + np.tanh(np.sqrt(2 / pi) * (u + 0.044715 * u**3))) / 2


# Activations


ACTIVATIONS = [
    (L.ScaledTanh(), "f(u) = 1.7159 tanh(2u / 3)", "", lambda u: 1.7159 * np.tanh(2 * u / 3)),
    (
        L.LeakyReLU(0.3),
        "f(u) = max(u, 0) + slope · min(u, 0)",
        "slope = 0.3",
        lambda u: np.maximum(u, 0) + 0.3 * np.minimum(u, 0),
    ),
    (
        L.ELU(0.5),
        "f(u) = u where u > 0, else alpha (exp(u) − 1)",
        "alpha = 0.5",
        lambda u: np.where(u > 0, u, 0.5 * (np.exp(u) - 1)),
    ),
    (
        L.Softplus(2),
        "f(u) = log(1 + exp(beta u)) / beta",
        "beta = 2",
        lambda u: np.log(1 + np.exp(2 * u)) / 2,
    ),
    (
        L.GELU(),
        "f(u) = u Φ(u)",
        "Φ: the share of the normal distribution below u",
        lambda u: u * normal(u),
    ),
    (
        L.GELU(approximate="tanh"),
        "f(u) = u g",
        "g = ½ (1 + tanh(√(2/π) (u + 0.044715 u³)))",
        lambda u: u * near_normal(u),
    ),
    (L.SiLU(), "f(u) = u s", "s = 1 / (1 + exp(−u))", lambda u: u * sigmoid(u)),
    (
        L.Hardswish(),
        "f(u) = u min(max(u + 3, 0), 6) / 6",
        "",
        lambda u: u * np.clip(u + 3, 0, 6) / 6,
    ),
]
SLOPES = {
    "f' = 2/3 (1.7159 − f² / 1.7159)": lambda u, f: 2 / 3 * (1.7159 - f**2 / 1.7159),
    "f' = 1 where u > 0, else slope": lambda u, f: np.where(u > 0, 1, 0.3),
    "f' = 1 where u > 0, else f + alpha": lambda u, f: np.where(u > 0, 1, f + 0.5),
    "f' = 1 / (1 + exp(−beta u))": lambda u, f: sigmoid(2 * u),
    "f' = Φ(u) + u Φ'(u)": lambda u, f: normal(u) + u * np.exp(-(u**2) / 2) / np.sqrt(2 * pi),
    "f' = g + u g'": lambda u, f: (
        near_normal(u)
        + u * (near_normal(u + 1e-6) - near_normal(u - 1e-6)) / 2e-6  # as its words leave it
    ),
    "f' = s (1 + u (1 − s))": lambda u, f: sigmoid(u) * (1 + u * (1 - sigmoid(u))),
    "f' = 0 where u ≤ −3, 1 where u ≥ 3, else (2u + 3) / 6": lambda u, f: np.select(
        [u <= -3, u >= 3], [0, 1], (2 * u + 3) / 6
    ),
}


@pytest.mark.parametrize(
    ("layer", "text", "where", "function"), ACTIVATIONS, ids=lambda v: str(v)[:24]
)
def test_an_activation_is_told_with_its_formula_its_slope_and_its_number(
    layer, text, where, function
):
    trace, _ = traced(L.Conv2d(4, 1), layer, L.Tanh())
    told, u = trace.equation("1.output"), trace["1.pre_activation"]
    start = f"x = f(u),  {text},  "
    assert told.text.startswith(start)
    assert told.where == where
    np.testing.assert_allclose(trace["1.output"], function(u), rtol=1e-12, atol=1e-13)
    slope = SLOPES[told.text.removeprefix(start)](u, trace["1.output"])
    # 10⁻⁸ for the differences of one.
    np.testing.assert_allclose(trace["1.delta"] / trace["2.delta"], slope, rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "softplus"])
def test_an_activation_by_name_has_the_layers_usual_number(name):
    layer = {"leaky_relu": L.LeakyReLU(), "elu": L.ELU(), "softplus": L.Softplus()}[name]
    assert equations.activation(L.Linear(3, activation=name)) == equations.activation(layer)


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        (L.Sigmoid(), "Bouvrie 2006, feedforward pass"),
        (L.Tanh(), "Bouvrie 2006, feedforward pass"),
        (L.ScaledTanh(), "LeCun, Bottou, Bengio and Haffner 1998, appendix A"),
        (L.ReLU(), "Nair and Hinton 2010"),
        (L.LeakyReLU(), "Maas, Hannun and Ng 2013"),
        (L.ELU(), "Clevert, Unterthiner and Hochreiter 2016"),
        (L.Softplus(), "Dugas et al. 2001"),
        (L.GELU(), "Hendrycks and Gimpel 2016"),
        (L.GELU(approximate="tanh"), "Hendrycks and Gimpel 2016"),
        (L.SiLU(), "Ramachandran, Zoph and Le 2017"),
        (L.Hardswish(), "Howard et al. 2019"),
        (L.Softmax(), "Bishop 2006, multiclass logistic regression"),
    ],
    ids=str,
)
def test_an_activation_has_the_source_that_its_layer_cites(layer, source):
    assert equations.activation(layer).source == source
    for word in re.findall(r"[A-Z]\w+|\d{4}", source):
        assert word in type(layer).__doc__


def test_the_slope_of_a_scaled_tanh_goes_to_0_where_it_saturates():
    """To 1.5e-3 at u = 6, where numbers of four digits in its equation would be 2 % off."""
    u = np.array([6.0, 30])
    f = 1.7159 * np.tanh(2 * u / 3)
    net = cnnbp.Network([L.ScaledTanh(), L.Flatten()], input_shape=(2, 1, 1), dtype="float64")
    trace = net.trace(u.reshape(1, 2, 1, 1), [[0, 0]])
    slope = (trace["0.delta"] / trace["1.delta"].reshape(1, 2, 1, 1)).ravel()
    np.testing.assert_allclose(slope, 2 / 3 * (1.7159 - f**2 / 1.7159), rtol=1e-9, atol=1e-15)
    assert trace.equation("0.output").text.endswith("f' = 2/3 (1.7159 − f² / 1.7159)")


def test_the_delta_below_a_softmax_is_no_element_wise_product():
    """Its slope is a matrix."""
    trace, _ = traced(L.Conv2d(4, 1, activation="softmax"), L.AvgPool2d((9, 8)))
    told = trace.equation("0.delta").text
    assert told == (
        "δ_j = f_j ∘ (g_j − Σ_l f_l ∘ g_l),  g_j = Σ δ_j^next / 72, "
        "over the windows that hold the pixel"
    )
    f, g = trace["0.output"], np.broadcast_to(trace["1.delta"] / 72, trace["0.output"].shape)
    computed = f * (g - (f * g).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(computed, trace["0.delta"], rtol=1e-11, atol=1e-13)


# Pooling and enlarging


@pytest.mark.parametrize(
    ("layer", "size", "where"),
    [
        (L.AvgPool2d((3, 2)), "6", ""),
        (L.AvgPool2d(3, stride=2), "9", ""),
        (L.AvgPool2d(3, padding=1), "9", ""),
        (L.AvgPool2d(2, divisor_override=3), "3", ""),
        (L.AvgPool2d(3, padding=1, count_include_pad=False), "size", "lie on the map"),
        (L.AvgPool2d(4, ceil_mode=True), "size", "lie on the map"),
        (L.AvgPool2d(4, padding=1, ceil_mode=True), "size", "lie on the padded map"),
    ],
    ids=str,
)
def test_mean_pooling_with_options_is_told_with_what_it_divides_by(layer, size, where):
    trace, _ = traced(L.Conv2d(4, 1), layer)
    forward, below = trace.equation("1.pre_activation"), trace.equation("0.delta")
    assert forward.text == f"u_j = sum of each window of x_j / {size}"
    assert below.text == f"δ_j = Σ δ_j^next / {size}, over the windows that hold the pixel"
    assert forward.where == below.where
    assert forward.where.endswith(where)
    if size != "size":
        shares = cnnbp.Network([layer], input_shape=(1, 9, 8)).predict(np.ones((1, 1, 9, 8)))
        height, width = layer.kernel_size
        assert shares.max() == pytest.approx(height * width / int(size))


def test_mean_pooling_of_the_toolbox_keeps_its_equation():
    trace, _ = traced(L.Conv2d(4, 1), L.AvgPool2d(2, activation="tanh"))
    assert trace.equation("1.pre_activation").text == "u_j = down(x_j) / n²"
    assert trace.equation("0.delta").text == "δ_j = up(δ_j^next) / n²"


@pytest.mark.parametrize(
    ("layer", "meet"),
    [
        (L.MaxPool2d(2), False),
        (L.MaxPool2d(3, stride=2), True),
        (L.MaxPool2d(2, stride=3), False),
        (L.MaxPool2d((2, 1), stride=(2, 1)), False),
        (L.MaxPool2d(2, stride=(2, 1)), True),
        (L.MaxPool2d(3, ceil_mode=True), False),
        (L.MaxPool2d(2, stride=1, dilation=2), True),
        (L.MaxPool2d(2, dilation=2), True),
        (L.MaxPool2d(2, stride=3, dilation=2), False),
        (L.MaxPool2d((1, 2), stride=1, dilation=(1, 3)), True),
    ],
    ids=str,
)
def test_max_pooling_tells_that_values_are_added_where_its_windows_meet(layer, meet):
    trace, _ = traced(L.Conv2d(4, 1), layer)
    below = trace.equation("0.delta")
    assert below.text == "δ_j = place(δ_j^next), where the maxima were"
    assert below.where == ("values that meet at a pixel are added" if meet else "")
    options = {name: value for name, value in layer.options().items() if name != "activation"}
    _, places = cnnbp.functional.max_pool2d(trace["1.input"], **options)
    placed = np.zeros((3, 4, 9 * 8))
    for sample, channel in np.ndindex(3, 4):
        values = trace["1.delta"][sample, channel].ravel()
        np.add.at(placed[sample, channel], places[sample, channel].ravel(), values)
    np.testing.assert_allclose(trace["0.delta"].reshape(placed.shape), placed, rtol=1e-12)
    x = np.zeros((1, 1, 9, 8))
    x[0, 0, 4, 4] = 1  # in all windows that hold it, the largest
    held = max(
        int(cnnbp.functional.max_pool2d(np.roll(x, shift, axis=(2, 3)), **options)[0].sum())
        for shift in np.ndindex(9, 8)
    )
    assert (held > 1) == meet


def test_enlarging_is_told_by_its_mode():
    trace, _ = traced(L.Conv2d(4, 1), L.Upsample((2, 3)))
    assert trace.equation("0.delta").text == "δ_j = down(δ_j^next)"
    blocks = trace["1.delta"].reshape(3, 4, 9, 2, 8, 3)
    np.testing.assert_allclose(blocks.sum(axis=(3, 5)), trace["0.delta"], rtol=1e-11, atol=1e-13)
    trace, _ = traced(L.Conv2d(4, 1), L.Upsample(2, mode="bilinear"))
    assert trace.equation("1.pre_activation").text == "u_j = A x_j Bᵀ"
    assert trace.equation("0.delta").text == "δ_j = Aᵀ δ_j^next B"


# Norms


@pytest.mark.parametrize("affine", [True, False])
def test_the_delta_below_a_batch_norm_is_told_in_full(affine):
    trace, state = traced(L.Conv2d(4, 1), L.BatchNorm2d(affine=affine))
    gamma = "γ_j " if affine else ""
    assert trace.equation("0.delta").text == (
        f"δ_j = {gamma}(δ_j^next − m(δ_j^next) − z_j m(δ_j^next ∘ z_j)) / √(σ_j² + eps)"
    )
    assert "m: mean over the batch and all pixels" in trace.equation("0.delta").where
    assert ("γ_j" in trace.equation("1.pre_activation").text) == affine
    x, above = trace["1.input"], trace["1.delta"]

    def m(values):
        return values.mean(axis=(0, 2, 3), keepdims=True)

    deviation = np.sqrt(m((x - m(x)) ** 2) + 1e-5)
    z = (x - m(x)) / deviation
    scale = per_map(state["1.weight"]) if affine else 1
    computed = scale * (above - m(above) - z * m(above * z)) / deviation
    np.testing.assert_allclose(computed, trace["0.delta"], rtol=1e-9, atol=1e-12)


def test_a_frozen_batch_norm_is_told_to_take_running_statistics():
    trace, state = traced(L.Conv2d(4, 1), L.BatchNorm2d(trainable=False))
    assert trace.equation("0.delta").text == "δ_j = γ_j δ_j^next / √(σ_j² + eps)"
    for name in ("1.pre_activation", "0.delta"):
        assert trace.equation(name).where.startswith("μ_j, σ_j²: the running mean and variance")
    deviation = per_map(np.sqrt(state["1.running_var"] + 1e-5))
    computed = per_map(state["1.weight"]) * trace["1.delta"] / deviation
    np.testing.assert_allclose(computed, trace["0.delta"], rtol=1e-11, atol=1e-13)


def test_the_delta_below_a_group_norm_is_told_in_full():
    trace, state = traced(L.Conv2d(4, 1), L.GroupNorm(2))
    assert trace.equation("0.delta").text == (
        "δ_j = (γ_j δ_j^next − m(γ_j δ_j^next) − z_j m(γ_j δ_j^next ∘ z_j)) / √(σ_g² + eps)"
    )
    x = trace["1.input"].reshape(3, 2, -1)
    above = (per_map(state["1.weight"]) * trace["1.delta"]).reshape(3, 2, -1)

    def m(values):
        return values.mean(axis=2, keepdims=True)

    deviation = np.sqrt(m((x - m(x)) ** 2) + 1e-5)
    z = (x - m(x)) / deviation
    computed = (above - m(above) - z * m(above * z)) / deviation
    expected = trace["0.delta"].reshape(3, 2, -1)
    np.testing.assert_allclose(computed, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (L.Linear(4), "∂E/∂x = Wᵀ δ"),
        (
            L.BatchNorm2d(affine=False),
            "∂E/∂x_j = (δ_j − m(δ_j) − z_j m(δ_j ∘ z_j)) / √(σ_j² + eps)",
        ),
    ],
    ids=str,
)
def test_the_images_sensitivity_is_told_without_a_next_layer(first, expected):
    trace, _ = traced(first)
    assert trace.equation("input.delta").text == expected
    assert "next" not in trace.equation("input.delta").where


def test_a_layer_that_moves_maps_has_a_source_for_how():
    layers = [L.ZeroPad2d(1), L.Concat([[L.Conv2d(4, 1)], []])]
    trace, _ = traced(*layers)
    assert trace.equation("0.pre_activation").source == "documentation of torch.nn.ZeroPad2d"
    assert trace.equation("1.pre_activation").source == "documentation of torch.cat"
    for architecture in architectures.ALL.values():
        net = architecture.build("float64")
        trace = net.trace(*architecture.samples(np.random.default_rng(0), 3))
        for place in trace.places():  # the rule is one for deltas
            assert trace.equation(f"{place}.pre_activation").source != "chain rule"


# The penalty


@pytest.mark.parametrize("trainable", [True, False])
def test_what_is_minimised_is_told_with_the_penalty_that_is_in_it(trainable):
    shares = L.CombineConv2d(5, 3, sparsity=0.5, trainable=trainable)
    trace, _ = traced(shares, L.Residual([L.CombineConv2d(5, 1, sparsity=0.25)]))
    o, y = trace["2.output"], np.eye(3)[Y]
    told = trace.equation("loss")
    assert told.text == "E = ½ Σ (o − y)² / N + λ Σ_ij |α_ij|"
    assert told.where == "λ = 0.5 in layer 0, λ = 0.25 in layer 1.body.0"
    penalty = 0.5 * trace["0.alpha"].sum() + 0.25 * trace["1.body.0.alpha"].sum()
    assert trace["loss"] == pytest.approx(((o - y) ** 2).sum() / 6 + penalty, rel=1e-12)
    inner = trace.equation("1.body.0.gradient.combination")
    assert " + λ (|α_ij| − α_ij Σ_k |α_kj|),  " in inner.text
    assert inner.where == "λ = 0.25"
    plain, _ = traced(L.CombineConv2d(5, 3))
    assert plain.equation("loss").text == "E = ½ Σ (o − y)² / N"


def test_all_functions_and_losses_can_be_spelled_in_ascii():
    told = [equations.activation(layer) for layer, *_ in ACTIVATIONS]
    told += [
        equation
        for loss in LOSSES.values()
        for mean in (PLAIN, Mean(weighted=True, ignored=True), Mean(numbered=False))
        for equation in (
            equations.loss(loss(4), {}, mean),
            equations.delta(L.Linear(4), None, loss(4), mean),
        )
    ]
    for equation in map(str, told):
        assert "?" not in spell(equation, "ascii"), equation
