"""The equations of activations: f, its slope, and the delta on the other side of it."""

from __future__ import annotations

from typing import NamedTuple

from cnnbp.equation import DOCUMENTED, FORWARD, GELU, SOFTMAX, Equation, Sensitivity
from cnnbp.layers import Layer
from cnnbp.layers.activation import ActivationLayer


class _Function(NamedTuple):
    """f, f', their source, what their words mean, and the number where a layer gives none."""

    text: str
    slope: str
    source: str
    where: str = ""
    usual: float | None = None


#: The core's name of a function → what it is; ``{}`` in `where` is its number.
FUNCTIONS = {
    "sigmoid": _Function("f(u) = 1 / (1 + exp(−u))", "f' = f (1 − f)", FORWARD),
    "tanh": _Function("f(u) = tanh(u)", "f' = 1 − f²", FORWARD),
    "scaled_tanh": _Function(
        "f(u) = 1.7159 tanh(2u / 3)",
        "f' = 2/3 (1.7159 − f² / 1.7159)",
        "LeCun, Bottou, Bengio and Haffner 1998, appendix A",
    ),
    "relu": _Function("f(u) = max(u, 0)", "f' = 1 where u > 0, else 0", "Nair and Hinton 2010"),
    "leaky_relu": _Function(
        "f(u) = max(u, 0) + slope · min(u, 0)",
        "f' = 1 where u > 0, else slope",
        "Maas, Hannun and Ng 2013",
        "slope = {:g}",
        0.01,
    ),
    "elu": _Function(
        "f(u) = u where u > 0, else alpha (exp(u) − 1)",
        "f' = 1 where u > 0, else f + alpha",
        "Clevert, Unterthiner and Hochreiter 2016",
        "alpha = {:g}",
        1.0,
    ),
    "softplus": _Function(
        "f(u) = log(1 + exp(beta u)) / beta",
        "f' = 1 / (1 + exp(−beta u))",
        "Dugas et al. 2001",
        "beta = {:g}",
        1.0,
    ),
    "gelu": _Function(
        "f(u) = u Φ(u)",
        "f' = Φ(u) + u Φ'(u)",
        GELU,
        "Φ: the share of the normal distribution below u",
    ),
    "gelu_tanh": _Function(
        "f(u) = u g", "f' = g + u g'", GELU, "g = ½ (1 + tanh(√(2/π) (u + 0.044715 u³)))"
    ),
    "silu": _Function(
        "f(u) = u s",
        "f' = s (1 + u (1 − s))",
        "Ramachandran, Zoph and Le 2017",
        "s = 1 / (1 + exp(−u))",
    ),
    "hardswish": _Function(
        "f(u) = u min(max(u + 3, 0), 6) / 6",
        "f' = 0 where u ≤ −3, 1 where u ≥ 3, else (2u + 3) / 6",
        "Howard et al. 2019",
    ),
    "softmax": _Function(
        "f(u)_j = exp(u_j) / Σ_k exp(u_k)", "f' = diag(f) − f fᵀ, a matrix", SOFTMAX
    ),
}


def activation(layer: Layer) -> Equation:
    """Return how a layer's output comes from its pre-activation, with the derivative."""
    name = _function(layer)
    if name is None:
        return Equation("x = u", "no activation")
    function = FUNCTIONS.get(name, _Function(f"f = {name}", "f' its derivative", DOCUMENTED))
    number = layer.parameter() if isinstance(layer, ActivationLayer) else function.usual
    text = f"x = f(u),  {function.text},  {function.slope}"
    return Equation(text, function.source, function.where.format(number))


def delta(layer: Layer, arriving: Sensitivity) -> Equation:
    """Return a layer's delta: what arrives at its output, times the slope of its activation."""
    of, text, name = arriving.of, arriving.text, _function(layer)
    if name == "softmax":  # its slope is a matrix: every output depends on all u of a pixel
        text = f"f{of} ∘ (g{of} − Σ_l f_l ∘ g_l),  g{of} = {text}"
    elif name is not None:
        text = f"f'(u{of}) ∘ ({text})" if arriving.added else f"f'(u{of}) ∘ {text}"
    return Equation(f"δ{of} = {text}", arriving.source, arriving.where)


def _function(layer: Layer) -> str | None:
    """Name the function that ends a layer, None for the identity."""
    if isinstance(layer, ActivationLayer):
        return layer.core_function()
    return getattr(layer, "activation", None)
