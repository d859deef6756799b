"""The equations that a network computes, in the words of the notes.

The notes are J. Bouvrie, "Notes on Convolutional Neural Networks" (2006), cited by section; the
toolbox is the DeepLearnToolbox (R. B. Palm 2012). ``*`` is convolution (kernel flipped), ``∘`` the
element-wise product, ``rot180`` a flip of both image axes, N the number of samples. The layers
cross-correlate: their weights are the notes' kernels turned, as `kernel` says. ``next`` marks what
belongs to the layer above.

`LAYERS` lists the layer types that `convolution_equations` and `map_equations` do not write; any
other is described by the chain rule. Losses and optimizers have `loss_equations` and
`update_equations`.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnnbp import activation_equations, loss_equations, update_equations
from cnnbp.convolution_equations import convolution
from cnnbp.equation import (
    BACKWARD,
    CHAIN_RULE,
    CONVOLUTION,
    DOCUMENTED,
    DROPOUT,
    FORWARD,
    SUBSAMPLING,
    Equation,
    LayerEquations,
    Sensitivity,
)
from cnnbp.layers import CombineConv2d, Layer
from cnnbp.layers.activation import ActivationLayer
from cnnbp.loss_equations import PLAIN, Mean
from cnnbp.losses import Loss
from cnnbp.map_equations import on_maps
from cnnbp.optim import Optimizer

_ACTIVATION = LayerEquations(Equation("u = x", FORWARD), Sensitivity("", "δ^next", BACKWARD))

#: Type of a layer → its equations.
LAYERS: dict[str, LayerEquations] = {
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
        Equation("u_j = x_j with zeros around it", "documentation of torch.nn.ZeroPad2d"),
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
        Equation("u = the branches' channels, one after the other", "documentation of torch.cat"),
        Sensitivity("", "Σ ∂E/∂x of the branches", CHAIN_RULE),
        inside=Sensitivity("", "this branch's channels of δ^whole", CHAIN_RULE),
    ),
}


def loss(chosen: Loss, layers: Mapping[str, Layer], mean: Mean = PLAIN) -> Equation:
    """Return what a network minimises: its loss, and the penalties of its layers by name."""
    plain = loss_equations.value(chosen, mean)
    factors = [
        f"λ = {layer.sparsity:g} in layer {place}"
        for place, layer in layers.items()
        if isinstance(layer, CombineConv2d) and layer.sparsity
    ]
    if not factors:
        return plain
    sum_, comma, words = plain.text.partition(",  ")
    where = ", ".join(filter(None, [plain.where, *factors]))
    return Equation(f"{sum_} + λ Σ_ij |α_ij|{comma}{words}", plain.source, where)


def forward(layer: Layer) -> Equation:
    """Return how a layer's pre-activation comes from its input."""
    return _equations(layer).forward


def activation(layer: Layer) -> Equation:
    """Return how a layer's output comes from its pre-activation, with the derivative."""
    return activation_equations.activation(layer)


def delta(layer: Layer, above: Layer | None, chosen: Loss, mean: Mean = PLAIN) -> Equation:
    """Return how a layer's delta ``∂E/∂u`` comes from the delta of the layer above.

    Parameters
    ----------
    layer : Layer
        The layer whose delta is meant.
    above : Layer or None
        The layer that reads its output; None if that is the network's.
    chosen : Loss
        The network's loss, for the last layer.
    mean : Mean
        How it is a mean over the samples.
    """
    arriving = loss_equations.slope(chosen, mean) if above is None else _equations(above).below
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
    return update_equations.update(rule)


def _equations(layer: Layer) -> LayerEquations:
    if isinstance(layer, ActivationLayer):
        return _ACTIVATION
    if (written := convolution(layer) or on_maps(layer)) is not None:
        return written
    kind = type(layer).__name__
    generic = LayerEquations(
        Equation(f"u = {kind}(x)", DOCUMENTED),
        Sensitivity("", "(∂u^next/∂x)ᵀ δ^next", CHAIN_RULE),
    )
    return LAYERS.get(kind, generic)
