"""The equations of layers that convolve, with their stride, padding, dilation and groups.

Without these options they are the notes' own. ``conv2`` is MATLAB's, and ``*`` is 'valid'.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnbp.arguments import Padding, Pair, Sides
from cnnbp.equation import (
    CHAIN_RULE,
    COMBINATION,
    CONVOLUTION,
    SUBSAMPLING,
    Equation,
    LayerEquations,
    Sensitivity,
)
from cnnbp.layers import CombineConv2d, Conv2d, ConvTranspose2d, Layer

_BIAS = Equation("∂E/∂b_j = Σ_uv (δ_j)_uv", CONVOLUTION)
#: What stands in an equation → what it means.
_WORDS = {
    "pad(": "pad: zeros around",
    "every(": "every: one row and column in so many",
    "spread(": "spread: zeros at the pixels that the stride skips",
    "dilate(": "dilate: zeros between the taps",
    "crop(": "crop: so much cut off at each side",
    "i~j": "i~j: maps of one group",
}


def convolution(layer: Layer) -> LayerEquations | None:
    """Return what a layer that convolves computes; None for any other."""
    if isinstance(layer, Conv2d):
        return _conv2d(layer)
    if isinstance(layer, ConvTranspose2d):
        return _conv_transpose2d(layer)
    return _combine_conv2d(layer) if isinstance(layer, CombineConv2d) else None


def sides(padding: Padding, kernel_size: Pair, dilation: Pair = (1, 1)) -> Sides:
    """Return a padding as ``((top, bottom), (left, right))``; "same" has the odd zero last."""
    if padding != "same":
        return padding
    added = [step * (size - 1) for step, size in zip(dilation, kernel_size, strict=True)]
    rows, columns = ((total // 2, total - total // 2) for total in added)
    return rows, columns


@dataclass(frozen=True)
class _Written:
    """How a layer's options are written around what they act on; plain ones are not."""

    stride: Pair = (1, 1)
    padding: Sides = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1
    connected: bool = True  # every input map to every output map

    def every(self, maps: str) -> str:
        return _call("every", maps, self.stride, plain=1)

    def spread(self, maps: str) -> str:
        return _call("spread", maps, self.stride, plain=1)

    def pad(self, maps: str) -> str:
        return _call("pad", maps, self._around(), plain=0)

    def crop(self, maps: str) -> str:
        return _call("crop", maps, self._around(), plain=0)

    def dilate(self, kernel: str) -> str:
        return _call("dilate", kernel, self.dilation, plain=1)

    def taps(self, kernel: str) -> str:
        """Take a dilated kernel's taps out of what has its extent."""
        return _call("every", kernel, self.dilation, plain=1)

    def sum(self, letter: str) -> str:
        return f"Σ_{letter}" if self._all_pairs else "Σ_{" + letter + ":i~j}"

    @property
    def pairs(self) -> str:
        return "" if self._all_pairs else ",  i~j"

    def within(self, letter: str) -> str:
        return "" if self.groups == 1 else f", {letter} counted within its group"

    @property
    def _all_pairs(self) -> bool:
        return self.groups == 1 and self.connected

    def _around(self) -> Pair | Sides:
        (top, bottom), (left, right) = self.padding
        return (top, left) if (top, left) == (bottom, right) else self.padding


def _call(name: str, argument: str, amount: Pair | Sides, *, plain: int) -> str:
    if amount == (plain, plain):
        return argument
    return f"{name}({argument}, {_size(amount)})"


def _plus_bias(layer: Conv2d | ConvTranspose2d | CombineConv2d) -> str:
    return " + b_j" if layer.bias else ""


def _conv2d(layer: Conv2d) -> LayerEquations:
    padding = sides(layer.padding, layer.kernel_size, layer.dilation)
    connected = layer.connections is None
    o = _Written(layer.stride, padding, layer.dilation, layer.groups, connected)
    words = _WORDS if connected else _WORDS | {"i~j": "i~j: maps that are connected"}
    x, kernel = o.pad("x_i"), o.dilate("k_ij")
    below = f"{o.sum('j')} conv2({o.spread('δ_j^next')}, rot180({kernel}), 'full')"
    gradient = o.taps(f"rot180(conv2({x}, rot180({o.spread('δ_j')}), 'valid'))")
    return LayerEquations(
        _equation(
            f"u_j = {o.sum('i')} {o.every(f'{x} * {kernel}')}{_plus_bias(layer)}",
            CONVOLUTION,
            words,
        ),
        _sensitivity(o.crop(below), SUBSAMPLING, words),
        {
            "weight": _equation(f"∂E/∂k_ij = {gradient}{o.pairs}", CONVOLUTION, words),
            "bias": _BIAS,
        },
        kernel=f"k_ij = rot180(weight[j, i]){o.within('i')}",
    )


def _conv_transpose2d(layer: ConvTranspose2d) -> LayerEquations:
    rows, columns = layer.padding
    o = _Written(layer.stride, ((rows, rows), (columns, columns)), layer.dilation, layer.groups)
    more = layer.output_padding
    x = o.spread("x_i") if more == (0, 0) else f"spread(x_i, {_size(layer.stride)})"
    words = _WORDS | {
        "spread(": "spread: zeros between"
        + ("" if more == (0, 0) else f" and {_size(more)} more at the end"),
    }
    words_below = words | {"every(": f"{words['every(']}, up to the size of x_i"}
    kernel, delta = o.dilate("k_ij"), o.pad("δ_j^next")
    forward = o.crop(f"{o.sum('i')} conv2({x}, rot180({kernel}), 'full')")
    below = f"{o.sum('j')} {o.every(f'{delta} * {kernel}')}"
    gradient = o.taps(f"rot180(conv2({o.pad('δ_j')}, rot180({x}), 'valid'))")
    return LayerEquations(
        _equation(f"u_j = {forward}{_plus_bias(layer)}", "Zeiler et al. 2010", words),
        _sensitivity(below, CHAIN_RULE, words_below),
        {
            "weight": _equation(f"∂E/∂k_ij = {gradient}{o.pairs}", CHAIN_RULE, words),
            "bias": _BIAS,
        },
        kernel=f"k_ij = rot180(weight[i, j]){o.within('j')}",
    )


def _combine_conv2d(layer: CombineConv2d) -> LayerEquations:
    o = _Written(layer.stride, sides(layer.padding, layer.kernel_size))
    x = o.pad("x_i")
    convolved = o.every(f"{x} * k_i")
    convolved = f"({convolved})" if layer.stride == (1, 1) else convolved
    below = f"conv2(Σ_j α_ij {o.spread('δ_j^next')}, rot180(k_i), 'full')"
    combined = f"Σ_j α_ij {o.spread('δ_j')}"
    penalty = " + λ (|α_ij| − α_ij Σ_k |α_kj|)" if layer.sparsity else ""
    words = _WORDS | {"λ": f"λ = {layer.sparsity:g}"}
    return LayerEquations(
        _equation(f"u_j = Σ_i α_ij {convolved}{_plus_bias(layer)}", COMBINATION),
        _sensitivity(o.crop(below), COMBINATION),
        {
            "weight": _equation(
                f"∂E/∂k_i = rot180(conv2({x}, rot180({combined}), 'valid'))", CONVOLUTION
            ),
            "combination": _equation(
                f"∂E/∂c_ij = α_ij (∂E/∂α_ij − Σ_k α_kj ∂E/∂α_kj){penalty},  "
                f"∂E/∂α_ij = Σ_uv (δ_j ∘ {convolved})_uv",
                COMBINATION,
                words,
            ),
            "bias": _BIAS,
        },
        {"alpha": Equation("α_ij = exp(c_ij) / Σ_k exp(c_kj)", COMBINATION)},
        kernel="k_i = rot180(weight[i, 0])",
    )


def _equation(text: str, source: str, words: dict[str, str] = _WORDS) -> Equation:
    return Equation(text, source, _explained(text, words))


def _sensitivity(text: str, source: str, words: dict[str, str] = _WORDS) -> Sensitivity:
    return Sensitivity("_i", text, source, _explained(text, words))


def _explained(text: str, words: dict[str, str]) -> str:
    return ", ".join(meaning for word, meaning in words.items() if word in text)


def _size(amount: Pair | Sides) -> str:
    return str(amount[0] if amount[0] == amount[1] else amount)
