"""The equations that a network computes, in the words of the notes.

The notes are J. Bouvrie, "Notes on Convolutional Neural Networks" (2006), cited by section; the
toolbox is the DeepLearnToolbox (R. B. Palm 2012). ``*`` is convolution (kernel flipped), ``∘`` the
element-wise product, ``rot180`` a flip of both image axes, N the number of samples. The layers
cross-correlate: their weights are the notes' kernels turned, as `kernel` says. ``next`` marks what
belongs to the layer above.

`LAYERS` lists the layer types that `convolution_equations` does not write; any other is described
by the chain rule.
"""

from __future__ import annotations

from cnnbp.convolution_equations import convolution
from cnnbp.equation import (
    BACKWARD,
    BATCH_NORM,
    CHAIN_RULE,
    CONVOLUTION,
    DROPOUT,
    FORWARD,
    GROUP_NORM,
    SUBSAMPLING,
    Equation,
    LayerEquations,
    Sensitivity,
)
from cnnbp.layers import Layer
from cnnbp.layers.activation import ActivationLayer
from cnnbp.losses import L1, MSE, BCEWithLogits, CrossEntropy, Hinge, Huber, Loss
from cnnbp.optim import SGD, Optimizer

_ACTIVATION = LayerEquations(Equation("u = x", FORWARD), Sensitivity("", "δ^next", BACKWARD))

#: Type of a layer → its equations.
LAYERS: dict[str, LayerEquations] = {
    "AvgPool2d": LayerEquations(
        Equation("u_j = down(x_j) / n²", "the toolbox, cnnff"),
        Sensitivity("_j", "up(δ_j^next) / n²", "the toolbox, cnnbp"),
    ),
    "MaxPool2d": LayerEquations(
        Equation("u_j = largest of each window of x_j", "Scherer et al. 2010"),
        Sensitivity("_j", "place(δ_j^next), where the maxima were", "Scherer et al. 2010"),
    ),
    "AdaptiveAvgPool2d": LayerEquations(
        Equation("u_j = mean of each window of x_j", "documentation of torch.nn.AdaptiveAvgPool2d"),
        Sensitivity("_j", "Σ δ_j^next / size, over the windows that hold the pixel", CHAIN_RULE),
    ),
    "GlobalAvgPool2d": LayerEquations(
        Equation("u_j = Σ_uv (x_j)_uv / n", "Lin, Chen and Yan 2014"),
        Sensitivity("_j", "δ_j^next / n at every pixel", CHAIN_RULE),
    ),
    "Subsample2d": LayerEquations(
        Equation("u_j = β_j down(x_j) + b_j", SUBSAMPLING),
        Sensitivity("_j", "β_j^next up(δ_j^next)", CONVOLUTION),
        {
            "beta": Equation("∂E/∂β_j = Σ_uv (δ_j ∘ down(x_j))_uv", SUBSAMPLING),
            "bias": Equation("∂E/∂b_j = Σ_uv (δ_j)_uv", SUBSAMPLING),
        },
    ),
    "Linear": LayerEquations(
        Equation("u = W x + b", FORWARD),
        Sensitivity("", "(W^next)ᵀ δ^next", BACKWARD),
        {
            "weight": Equation("∂E/∂W = δ xᵀ", BACKWARD),
            "bias": Equation("∂E/∂b = δ", BACKWARD),
        },
    ),
    "Flatten": LayerEquations(
        Equation("u = x, map after map", "the toolbox, cnnff"),
        Sensitivity("", "δ^next, cut into maps", "the toolbox, cnnbp"),
    ),
    "BatchNorm2d": LayerEquations(
        Equation("u_j = γ_j z_j + β_j,  z_j = (x_j − μ_j) / √(σ_j² + eps)", BATCH_NORM),
        Sensitivity("_j", "∂E/∂x_j through z_j, μ_j and σ_j of the next layer", BATCH_NORM),
        {
            "weight": Equation("∂E/∂γ_j = Σ_uv (δ_j ∘ z_j)_uv", BATCH_NORM),
            "bias": Equation("∂E/∂β_j = Σ_uv (δ_j)_uv", BATCH_NORM),
        },
    ),
    "GroupNorm": LayerEquations(
        Equation("u_j = γ_j z_j + β_j,  z_j = (x_j − μ_g) / √(σ_g² + eps)", GROUP_NORM),
        Sensitivity("_j", "∂E/∂x_j through z_j, μ_g and σ_g of the next layer", GROUP_NORM),
        {
            "weight": Equation("∂E/∂γ_j = Σ_uv (δ_j ∘ z_j)_uv", GROUP_NORM),
            "bias": Equation("∂E/∂β_j = Σ_uv (δ_j)_uv", GROUP_NORM),
        },
    ),
    "ZeroPad2d": LayerEquations(
        Equation("u_j = x_j with zeros around it", CHAIN_RULE),
        Sensitivity("_j", "δ_j^next without its border", CHAIN_RULE),
    ),
    "Upsample": LayerEquations(
        Equation("u_j = up(x_j)", "documentation of torch.nn.Upsample"),
        Sensitivity("_j", "upᵀ(δ_j^next)", CHAIN_RULE),
    ),
    "Dropout": LayerEquations(
        Equation("u = m ∘ x,  m = 0 with probability p, else 1 / (1 − p)", DROPOUT),
        Sensitivity("", "m^next ∘ δ^next", DROPOUT),
    ),
    "Residual": LayerEquations(
        Equation("u = body(x) + shortcut(x)", "He et al. 2015"),
        Sensitivity("", "∂E/∂x of the body + ∂E/∂x of the shortcut", "He et al. 2015", added=True),
        inside=Sensitivity("", "δ^whole", "He et al. 2015"),
    ),
    "Concat": LayerEquations(
        Equation("u = the branches' channels, one after the other", CHAIN_RULE),
        Sensitivity("", "Σ ∂E/∂x of the branches", CHAIN_RULE),
        inside=Sensitivity("", "this branch's channels of δ^whole", CHAIN_RULE),
    ),
}

#: Activation, in lower case and without underscores → f and f'.
FUNCTIONS = {
    "sigmoid": ("f(u) = 1 / (1 + exp(−u))", "f' = f (1 − f)"),
    "tanh": ("f(u) = tanh(u)", "f' = 1 − f²"),
    "scaledtanh": ("f(u) = 1.7159 tanh(2u / 3)", "f' = 1.1439 − 0.3885 f²"),
    "relu": ("f(u) = max(u, 0)", "f' = 1 where u > 0, else 0"),
    "leakyrelu": ("f(u) = max(u, 0) + slope · min(u, 0)", "f' = 1 where u > 0, else slope"),
    "softmax": ("f(u)_j = exp(u_j) / Σ_k exp(u_k)", "f' = diag(f) − f fᵀ, a matrix"),
}

#: Loss → E, and ∂E/∂o for the network's output o.
#: With their usual options; a loss with others is shown by what it is written as.
LOSSES: dict[Loss, tuple[Equation, Sensitivity]] = {
    MSE(): (
        Equation("E = ½ Σ (o − y)² / N", BACKWARD),
        Sensitivity("", "(o − y) / N", BACKWARD),
    ),
    CrossEntropy(): (
        Equation("E = −Σ y log softmax(o) / N", "Bishop 2006, multiclass logistic regression"),
        Sensitivity("", "(softmax(o) − y) / N", "Bishop 2006, multiclass logistic regression"),
    ),
    BCEWithLogits(): (
        Equation(
            "E = −Σ (y log σ(o) + (1 − y) log(1 − σ(o))) / N", "Bishop 2006, logistic regression"
        ),
        Sensitivity("", "(σ(o) − y) / N", "Bishop 2006, logistic regression"),
    ),
    L1(): (
        Equation("E = Σ |o − y| / N", "least absolute deviations"),
        Sensitivity("", "sign(o − y) / N", "least absolute deviations"),
    ),
    Huber(): (
        Equation("E = Σ h(o − y) / N,  h(e) = ½ e² where |e| ≤ 1, else |e| − ½", "Huber 1964"),
        Sensitivity("", "min(max(o − y, −1), 1) / N", "Huber 1964"),
    ),
    Hinge(): (
        Equation("E = Σ_{k≠y} max(0, 1 − o_y + o_k) / N", "Weston and Watkins 1999"),
        Sensitivity("", "(t − y Σ t) / N,  t_k = [1 − o_y + o_k > 0]", "Weston and Watkins 1999"),
    ),
}


def loss(chosen: Loss) -> Equation:
    """Return what a network minimises."""
    return _loss(chosen)[0]


def forward(layer: Layer) -> Equation:
    """Return how a layer's pre-activation comes from its input."""
    return _equations(layer).forward


def activation(layer: Layer) -> Equation:
    """Return how a layer's output comes from its pre-activation, with the derivative."""
    kind = _function(layer)
    if kind is None:
        return Equation("x = u", "no activation")
    function, derivative = FUNCTIONS.get(_plain(kind), (f"f = {kind}", "f' its derivative"))
    return Equation(f"x = f(u),  {function},  {derivative}", FORWARD)


def delta(layer: Layer, above: Layer | None, chosen: Loss) -> Equation:
    """Return how a layer's delta ``∂E/∂u`` comes from the delta of the layer above.

    Parameters
    ----------
    layer : Layer
        The layer whose delta is meant.
    above : Layer or None
        The layer that reads its output; None if that is the network's.
    chosen : Loss
        The network's loss, for the last layer.
    """
    arriving = _loss(chosen)[1] if above is None else _equations(above).below
    return _delta(layer, arriving)


def delta_inside(layer: Layer, whole: Layer) -> Equation:
    """Return how the delta of the last layer of a part of `whole` comes from that of `whole`."""
    return _delta(layer, _equations(whole).inside)


def input_delta(first: Layer) -> Equation:
    """Return how the sensitivity of the images comes from the delta of the first layer."""
    below = _equations(first).below
    return Equation(
        f"∂E/∂x{below.of} = {below.text.replace('^next', '')}", below.source, below.where
    )


def gradient(layer: Layer, parameter: str) -> Equation:
    """Return how a parameter's gradient comes from the layer's delta and its input."""
    generic = Equation(f"∂E/∂{parameter} = (∂u/∂{parameter})ᵀ δ", CHAIN_RULE)
    return _equations(layer).gradients.get(parameter, generic)


def made(layer: Layer, name: str) -> Equation | None:
    """Return how an array of a trace is made of the layer's parameters; None if it is not."""
    return _equations(layer).made.get(name)


def kernel(layer: Layer) -> str:
    """Return where the notes' kernels lie in a layer's weights; empty if it does not convolve."""
    return _equations(layer).kernel


def update(rule: Optimizer) -> Equation:
    """Return how a parameter p follows from its gradient."""
    if rule == SGD(lr=rule.lr):
        return Equation("p ← p − lr · ∂E/∂p", BACKWARD)
    if isinstance(rule, SGD) and rule == SGD(lr=rule.lr, momentum=rule.momentum):
        return Equation("v ← momentum · v + ∂E/∂p,  p ← p − lr · v", "Polyak 1964")
    kind = type(rule).__name__
    return Equation(f"p ← p − lr · (step of {kind})", f"documentation of cnnbp.optim.{kind}")


def _delta(layer: Layer, arriving: Sensitivity) -> Equation:
    of, text = arriving.of, arriving.text
    if _function(layer) is not None:
        text = f"f'(u{of}) ∘ ({text})" if arriving.added else f"f'(u{of}) ∘ {text}"
    return Equation(f"δ{of} = {text}", arriving.source, arriving.where)


def _equations(layer: Layer) -> LayerEquations:
    if isinstance(layer, ActivationLayer):
        return _ACTIVATION
    if (convolving := convolution(layer)) is not None:
        return convolving
    kind = type(layer).__name__
    generic = LayerEquations(
        Equation(f"u = {kind}(x)", "its documentation"),
        Sensitivity("", "(∂u^next/∂x)ᵀ δ^next", CHAIN_RULE),
    )
    return LAYERS.get(kind, generic)


def _loss(chosen: Loss) -> tuple[Equation, Sensitivity]:
    generic = (
        Equation(f"E = {chosen} of o, y", "its documentation"),
        Sensitivity("", "∂E/∂o", CHAIN_RULE),
    )
    return LOSSES.get(chosen, generic)


def _function(layer: Layer) -> str | None:
    """Name the function that ends a layer, None for the identity."""
    if isinstance(layer, ActivationLayer):
        return type(layer).__name__
    return getattr(layer, "activation", None)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
