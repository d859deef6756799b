"""Learned combinations of feature maps, as the notes have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from cnnbp import _core
from cnnbp.arguments import (
    Padding,
    PaddingLike,
    Pair,
    Size,
    flat_padding,
    read_amount,
    read_flag,
    read_integer,
    read_padding,
    read_pair,
)
from cnnbp.layers.base import Layer, read_activation
from cnnbp.layers.convolution import refuse_in_channels


@dataclass(frozen=True, init=False, repr=False)
class CombineConv2d(Layer):
    """Convolution with one kernel for each input map, then learned shares of the results.

    ``x_j = f(Σ_i α_ij (x_i ⋆ k_i) + b_j)`` with ``α_ij = exp(c_ij) / Σ_k exp(c_kj)``: the shares
    of an output map are positive and add up to 1 (Bouvrie 2006, learning combinations of feature
    maps). With ``z_i = x_i ⋆ k_i`` and δ the output's delta, ``∂E/∂α_ij = Σ_uv δ_j ∘ z_i`` and
    ``∂E/∂c_ij = α_ij (∂E/∂α_ij - Σ_k α_kj ∂E/∂α_kj)``. Parameters: ``weight`` of shape
    ``(in_channels, 1, kernel height, kernel width)``, that of a `Conv2d` with a group a channel;
    ``combination``, the c, of shape ``(in_channels, out_channels)``; and ``bias``
    ``(out_channels,)``. Weights start uniform in ``±√(6 / (fan_in + fan_out))`` with the fans of
    one map, c at 0, where all shares are equal, biases at 0. A trace holds α beside the gradients.

    Parameters
    ----------
    out_channels : int
        Number of maps the layer makes, at least 1.
    kernel_size : int or (int, int)
        Height and width of a kernel.
    stride : int or (int, int)
        Rows and columns from one patch to the next.
    padding : int, (int, int), ((int, int), (int, int)), "same" or "valid"
        Zeros around the image, as in `Conv2d`.
    bias : bool
        Whether a bias is learned.
    sparsity : float
        λ, at least 0: ``λ Σ_ij |α_ij|`` is added to the loss, and ``λ (|α_ij| - α_ij Σ_k |α_kj|)``
        to the gradient of c. Shares that add up to 1 make the sum the number of output maps, so
        the gradient is 0 but for rounding; it is computed as the notes write it.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds the parameters at their values: they have no gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range. A kernel larger than the padded image
        is refused by `Network`.
    """

    out_channels: int
    kernel_size: Pair
    stride: Pair
    padding: Padding
    bias: bool
    sparsity: float
    activation: str | None
    trainable: bool

    def __init__(
        self,
        out_channels: int,
        kernel_size: Size,
        *extra: Never,
        stride: Size = 1,
        padding: PaddingLike = 0,
        bias: bool = True,
        sparsity: float = 0.0,
        activation: str | None = None,
        trainable: bool = True,
    ) -> None:
        refuse_in_channels("CombineConv2d", out_channels, kernel_size, *extra)
        steps = read_pair(stride, "CombineConv2d stride")
        self._assign(
            out_channels=read_integer(out_channels, "CombineConv2d out_channels"),
            kernel_size=read_pair(kernel_size, "CombineConv2d kernel_size"),
            stride=steps,
            padding=read_padding(padding, "CombineConv2d padding", stride=steps),
            bias=read_flag(bias, "CombineConv2d bias"),
            sparsity=read_amount(sparsity, "CombineConv2d sparsity"),
            activation=read_activation(activation, "CombineConv2d activation"),
            trainable=read_flag(trainable, "CombineConv2d trainable"),
        )

    def definition(self) -> _core.CombineConv2d:
        """Return the same layer for the compiled core."""
        return _core.CombineConv2d(
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=flat_padding(self.padding),
            bias=self.bias,
            sparsity=self.sparsity,
            activation=self.activation or "identity",
            trainable=self.trainable,
        )
