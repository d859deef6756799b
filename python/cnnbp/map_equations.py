"""The equations of layers on maps that their options change: pooling, norms, enlarging.

Without options mean pooling is the toolbox's.
"""

from __future__ import annotations

import math

from cnnbp.equation import (
    BATCH_NORM,
    CHAIN_RULE,
    GROUP_NORM,
    Equation,
    LayerEquations,
    Sensitivity,
)
from cnnbp.layers import AvgPool2d, BatchNorm2d, GroupNorm, Layer, MaxPool2d, Upsample


def on_maps(layer: Layer) -> LayerEquations | None:
    """Return what a layer of these types computes; None for any other."""
    if isinstance(layer, AvgPool2d):
        return _avg_pool2d(layer)
    if isinstance(layer, MaxPool2d):
        return _max_pool2d(layer)
    if isinstance(layer, BatchNorm2d):
        return _batch_norm2d(layer)
    if isinstance(layer, GroupNorm):
        return _group_norm(layer)
    return _upsample(layer) if isinstance(layer, Upsample) else None


def _avg_pool2d(layer: AvgPool2d) -> LayerEquations:
    height, width = layer.kernel_size
    if height == width and layer == AvgPool2d(height, activation=layer.activation):
        return LayerEquations(
            Equation("u_j = down(x_j) / n²", "the toolbox, cnnff"),
            Sensitivity("_j", "up(δ_j^next) / n²", "the toolbox, cnnbp"),
        )
    size, where = _divisor(layer)
    documented = "documentation of torch.nn.AvgPool2d"
    return LayerEquations(
        Equation(f"u_j = sum of each window of x_j / {size}", documented, where),
        Sensitivity(
            "_j", f"Σ δ_j^next / {size}, over the windows that hold the pixel", CHAIN_RULE, where
        ),
    )


def _divisor(layer: AvgPool2d) -> tuple[str, str]:
    """Say what a window's sum is divided by, and what its name means where it has one."""
    if layer.divisor_override is not None:
        return str(layer.divisor_override), ""
    padded = layer.padding != (0, 0)
    if layer.ceil_mode or (padded and not layer.count_include_pad):
        inside = "padded map" if padded and layer.count_include_pad else "map"
        return "size", f"size: how many of the window's pixels lie on the {inside}"
    height, width = layer.kernel_size
    return str(height * width), ""


def _max_pool2d(layer: MaxPool2d) -> LayerEquations:
    where = "values that meet at a pixel are added" if _windows_meet(layer) else ""
    return LayerEquations(
        Equation("u_j = largest of each window of x_j", "Scherer et al. 2010"),
        Sensitivity("_j", "place(δ_j^next), where the maxima were", "Scherer et al. 2010", where),
    )


def _windows_meet(layer: MaxPool2d) -> bool:
    """Tell whether two windows may hold the same pixel: some strides are as far as some taps."""
    axes = zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
    return any(math.lcm(stride, far) < size * far for size, stride, far in axes)


def _batch_norm2d(layer: BatchNorm2d) -> LayerEquations:
    if layer.trainable:
        arriving = "(δ_j^next − m(δ_j^next) − z_j m(δ_j^next ∘ z_j))"
        statistics = "μ_j, σ_j²: mean and variance of the map over the batch"
        below = "γ_j, σ_j, z_j: of the normalising layer, m: mean over the batch and all pixels"
    else:
        arriving = "δ_j^next"
        statistics = "μ_j, σ_j²: the running mean and variance"
        below = f"{statistics} of the normalising layer"
    scale = "γ_j " if layer.affine else ""
    return LayerEquations(
        _normalised("j", layer.affine, BATCH_NORM, statistics),
        Sensitivity("_j", f"{scale}{arriving} / √(σ_j² + eps)", BATCH_NORM, below),
        _of_scale_and_shift(BATCH_NORM),
    )


def _group_norm(layer: GroupNorm) -> LayerEquations:
    scaled = "γ_j δ_j^next" if layer.affine else "δ_j^next"
    arriving = f"({scaled} − m({scaled}) − z_j m({scaled} ∘ z_j))"
    statistics = "μ_g, σ_g²: mean and variance over the maps of a group"
    below = "γ_j, σ_g, z_j: of the normalising layer, m: mean over the maps of a group"
    return LayerEquations(
        _normalised("g", layer.affine, GROUP_NORM, statistics),
        Sensitivity("_j", f"{arriving} / √(σ_g² + eps)", GROUP_NORM, below),
        _of_scale_and_shift(GROUP_NORM),
    )


def _normalised(of: str, affine: bool, source: str, statistics: str) -> Equation:
    u = "γ_j z_j + β_j" if affine else "z_j"
    return Equation(f"u_j = {u},  z_j = (x_j − μ_{of}) / √(σ_{of}² + eps)", source, statistics)


def _of_scale_and_shift(source: str) -> dict[str, Equation]:
    return {
        "weight": Equation("∂E/∂γ_j = Σ_uv (δ_j ∘ z_j)_uv", source),
        "bias": Equation("∂E/∂β_j = Σ_uv (δ_j)_uv", source),
    }


def _upsample(layer: Upsample) -> LayerEquations:
    documented = "documentation of torch.nn.Upsample"
    if layer.mode == "nearest":
        return LayerEquations(
            Equation("u_j = up(x_j)", documented), Sensitivity("_j", "down(δ_j^next)", CHAIN_RULE)
        )
    where = "A, B: shares of two neighbouring rows and columns, by their distance"
    return LayerEquations(
        Equation("u_j = A x_j Bᵀ", documented, where),
        Sensitivity("_j", "Aᵀ δ_j^next B", CHAIN_RULE, where),
    )
