"""The gradient of one weight, computed from a trace by NumPy, in both forms of the notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnbp.convolution_equations import sides
from cnnbp.layers import Conv2d
from cnnbp.trace import Trace

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ByHand:
    """One weight of a convolution, and its gradient computed three times.

    Attributes
    ----------
    parameter : str
        Name of the array of weights.
    index : (int, int, int, int)
        The weight in it: output map, input map within its group, kernel row and column.
    value : float
        The weight.
    by_patches : float
        ``Σ_uv (δ_j)_uv (p_i)_uv``: every element of the delta times the pixel that this weight
        was multiplied by to give that element (Bouvrie 2006, convolution layers).
    by_convolution : float
        The same entry of `form`, turned as weights are.
    form : str
        ``rot180(conv2(x_i, rot180(δ_j), 'valid'))``, with the layer's options.
    core : float
        What the core computed.
    products : int
        How many products the sum has.
    """

    parameter: str
    index: tuple[int, int, int, int]
    value: float
    by_patches: float
    by_convolution: float
    form: str
    core: float
    products: int

    @property
    def largest_difference(self) -> float:
        """How far the three are apart, relative to the core's."""
        apart = max(abs(self.by_patches - self.core), abs(self.by_convolution - self.core))
        return apart / (abs(self.core) or 1.0)


def compute_by_hand(trace: Trace, state: dict[str, NDArray[np.floating]]) -> ByHand | None:
    """Choose the weight of largest gradient in the first convolution that trains; do the sums.

    Parameters
    ----------
    trace : Trace
        Of one image.
    state : dict of str to ndarray
        The network's parameters.

    Returns
    -------
    ByHand or None
        None if no `Conv2d` trains.
    """
    for place in trace.places():
        layer = trace.layer(place)
        gradient = trace.get(f"{place}.gradient.weight")  # frozen layers have none
        if isinstance(layer, Conv2d) and gradient is not None:
            flat = int(np.argmax(np.abs(gradient)))
            j, i, row, column = map(int, np.unravel_index(flat, gradient.shape))
            x, delta = _operands(trace, place, layer, j, i)
            return ByHand(
                parameter=f"{place}.weight",
                index=(j, i, row, column),
                value=float(state[f"{place}.weight"][j, i, row, column]),
                by_patches=_by_patches(x, delta, layer, row, column),
                by_convolution=float(_by_convolution(x, delta, layer)[row, column]),
                form=_right_side(trace.equation(f"{place}.gradient.weight").text),
                core=float(gradient[j, i, row, column]),
                products=delta.size,
            )
    return None


def conv2(x: Array, kernel: Array) -> Array:
    """``conv2(x, kernel, 'valid')`` as MATLAB has it: the kernel is flipped."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape)
    total: Array = (windows * rot180(kernel)).sum(axis=(2, 3))
    return total


def rot180(x: Array) -> Array:
    """Flip both axes."""
    return x[::-1, ::-1]


def _right_side(equation: str) -> str:
    return equation.partition(" = ")[2].partition(",  ")[0]


def _operands(trace: Trace, place: str, layer: Conv2d, j: int, i: int) -> tuple[Array, Array]:
    """Return the padded input map that weight (j, i) sees, and the delta of output map j."""
    maps, deltas = trace[f"{place}.input"][0], trace[f"{place}.delta"][0]
    inputs, outputs = len(maps) // layer.groups, layer.out_channels // layer.groups
    x = maps[j // outputs * inputs + i].astype(np.float64)
    around = sides(layer.padding, layer.kernel_size, layer.dilation)
    return np.pad(x, around), deltas[j].astype(np.float64)


def _by_patches(x: Array, delta: Array, layer: Conv2d, row: int, column: int) -> float:
    (down, right), (far, wide) = layer.stride, layer.dilation
    height, width = delta.shape
    seen = x[row * far :: down, column * wide :: right][:height, :width]
    return float((delta * seen).sum())


def _by_convolution(x: Array, delta: Array, layer: Conv2d) -> Array:
    """∂E/∂k turned as the weights are; a stride puts zeros between the delta's elements."""
    (down, right), (far, wide) = layer.stride, layer.dilation
    height, width = delta.shape
    spread = np.zeros(((height - 1) * down + 1, (width - 1) * right + 1))
    spread[::down, ::right] = delta
    kernel_gradient = rot180(conv2(x, rot180(spread)))
    return rot180(kernel_gradient)[::far, ::wide]
