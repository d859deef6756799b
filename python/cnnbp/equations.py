"""The equations that a network computes, in the words of the notes.

The notes are J. Bouvrie, "Notes on Convolutional Neural Networks" (2006), cited by section; the
toolbox is the DeepLearnToolbox (R. B. Palm 2012). ``*`` is convolution (kernel flipped), ``∘`` the
element-wise product, ``rot180`` a flip of both image axes, N the number of samples. The layers
cross-correlate: their weights are the notes' kernels turned, as `kernel` says. ``next`` marks what
belongs to the layer above.

`LAYERS` lists the layer types that `convolution_equations` and `map_equations` do not write; any
other is described by the chain rule.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnnbp import activation_equations
from cnnbp.convolution_equations import convolution
from cnnbp.equation import (
    BACKWARD,
    CHAIN_RULE,
    CONVOLUTION,
    DROPOUT,
    FORWARD,
    SUBSAMPLING,
    Equation,
    LayerEquations,
    Sensitivity,
)
from cnnbp.layers import CombineConv2d, Layer
from cnnbp.layers.activation import ActivationLayer
from cnnbp.losses import L1, MSE, BCEWithLogits, CrossEntropy, Hinge, Huber, Loss
from cnnbp.map_equations import on_maps
from cnnbp.optim import SGD, Optimizer

_ACTIVATION = LayerEquations(Equation("u = x", FORWARD), Sensitivity("", "δ^next", BACKWARD))

#: Type of a layer → its equations.
LAYERS: dict[str, LayerEquations] = {
    "MaxPool2d": LayerEquations(
        Equation("u_j = largest of each window of x_j", "Scherer et al. 2010"),
        Sensitivity("_j", "place(δ_j^next), where the maxima were", "Scherer et al. 2010"),
    ),
    "AdaptiveAvgPool2d": LayerEquations(
        Equation("u_j = mean of each window of x_j", "documentation of torch.nn.AdaptiveAvgPool2d"),
        Sensitivity("_j", "Σ δ_j^next / size, over the windows that hold the pixel", CHAIN_RULE),
    ),
    "GlobalAvgPool2d": LayerEquations(
        Equation("u_j = Σ_uv (x_j)_uv / (H W)", "Lin, Chen and Yan 2014"),
        Sensitivity("_j", "δ_j^next / (H W) at every pixel", CHAIN_RULE),
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
    "ZeroPad2d": LayerEquations(
        Equation("u_j = x_j with zeros around it", CHAIN_RULE),
        Sensitivity("_j", "δ_j^next without its border", CHAIN_RULE),
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


def loss(chosen: Loss, layers: Mapping[str, Layer]) -> Equation:
    """Return what a network minimises: its loss, and the penalties of its layers by name."""
    plain = _loss(chosen)[0]
    factors = [
        f"λ = {layer.sparsity:g} in layer {place}"
        for place, layer in layers.items()
        if isinstance(layer, CombineConv2d) and layer.sparsity
    ]
    if not factors:
        return plain
    return Equation(f"{plain.text} + λ Σ_ij |α_ij|", plain.source, ", ".join(factors))


def forward(layer: Layer) -> Equation:
    """Return how a layer's pre-activation comes from its input."""
    return _equations(layer).forward


def activation(layer: Layer) -> Equation:
    """Return how a layer's output comes from its pre-activation, with the derivative."""
    return activation_equations.activation(layer)


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
    return activation_equations.delta(layer, arriving)


def delta_inside(layer: Layer, whole: Layer) -> Equation:
    """Return how the delta of the last layer of a part of `whole` comes from that of `whole`."""
    return activation_equations.delta(layer, _equations(whole).inside)


def input_delta(first: Layer) -> Equation:
    """Return how the sensitivity of the images comes from the delta of the first layer."""
    below = _equations(first).below
    text = below.text.replace("(W^next)", "W").replace("^next", "")
    return Equation(f"∂E/∂x{below.of} = {text}", below.source, below.where)


def gradient(layer: Layer, parameter: str) -> Equation:
    """Return how a parameter's gradient comes from the layer's delta and its input."""
    generic = Equation(f"∂E/∂{parameter} = (∂u/∂{parameter})ᵀ δ", CHAIN_RULE)
    return _equations(layer).gradients.get(parameter, generic)


def made(layer: Layer) -> Mapping[str, Equation]:
    """Return how the arrays of a trace that are made of the layer's parameters come from them."""
    return _equations(layer).made


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


def _equations(layer: Layer) -> LayerEquations:
    if isinstance(layer, ActivationLayer):
        return _ACTIVATION
    if (written := convolution(layer) or on_maps(layer)) is not None:
        return written
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
