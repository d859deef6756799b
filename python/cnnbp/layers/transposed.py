"""Transposed convolution: larger maps from smaller ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from cnnbp import _core
from cnnbp.arguments import Pair, Size, read_flag, read_integer, read_pair
from cnnbp.layers.base import Layer, read_activation
from cnnbp.layers.convolution import refuse_in_channels


@dataclass(frozen=True, init=False, repr=False)
class ConvTranspose2d(Layer):
    """The transpose of a `Conv2d`: every pixel is spread over the output by learned kernels.

    ``u_j(h, w) = Σ_i Σ_kh Σ_kw k_ij(kh, kw) x_i(y, x) + b_j`` over the pixels with
    ``h = y · stride - padding + kh · dilation`` and the same of columns: a convolution's delta as a
    forward pass (Bouvrie 2006, convolution layers; Zeiler et al. 2010, deconvolutional networks;
    as ``torch.nn.ConvTranspose2d``). The output has ``(height - 1) · stride - 2 · padding +
    dilation · (kernel height - 1) + output_padding + 1`` rows. Parameters: ``weight`` of shape
    ``(in_channels, out_channels / groups, kernel height, kernel width)`` and ``bias``
    ``(out_channels,)``. Weights start uniform in ``±√(6 / (fan_in + fan_out))``, biases at 0. As in
    torch, an initializer's ``fan_in`` counts the second axis, the outputs that a pixel is spread
    to, and ``fan_out`` the inputs: the opposite of a `Conv2d`.

    Parameters
    ----------
    out_channels : int
        Number of maps the layer makes, at least 1.
    kernel_size : int or (int, int)
        Height and width of a kernel.
    stride : int or (int, int)
        Rows and columns of the output from one pixel of the input to the next.
    padding : int or (int, int)
        Rows and columns cut off at each side of the output.
    output_padding : int or (int, int)
        Rows and columns more at the lower and right end: a convolution with a stride gives maps of
        one size for inputs of several. Less than the stride or the dilation.
    dilation : int or (int, int)
        Distance between a kernel's taps; 1 is an ordinary kernel.
    groups : int
        Number of parts the channels are split into. Divides the channels on both sides.
    bias : bool
        Whether a bias is learned.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds the parameters at their values: they have no gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range. What depends on the input (a padding
        that leaves nothing of the output, groups that do not divide its channels) is said by
        `Network`.
    """

    out_channels: int
    kernel_size: Pair
    stride: Pair
    padding: Pair
    output_padding: Pair
    dilation: Pair
    groups: int
    bias: bool
    activation: str | None
    trainable: bool

    def __init__(
        self,
        out_channels: int,
        kernel_size: Size,
        *extra: Never,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        activation: str | None = None,
        trainable: bool = True,
    ) -> None:
        refuse_in_channels("ConvTranspose2d", out_channels, kernel_size, *extra)
        self._assign(
            out_channels=read_integer(out_channels, "ConvTranspose2d out_channels"),
            kernel_size=read_pair(kernel_size, "ConvTranspose2d kernel_size"),
            stride=read_pair(stride, "ConvTranspose2d stride"),
            padding=read_pair(padding, "ConvTranspose2d padding", minimum=0),
            output_padding=read_pair(output_padding, "ConvTranspose2d output_padding", minimum=0),
            dilation=read_pair(dilation, "ConvTranspose2d dilation"),
            groups=read_integer(groups, "ConvTranspose2d groups"),
            bias=read_flag(bias, "ConvTranspose2d bias"),
            activation=read_activation(activation, "ConvTranspose2d activation"),
            trainable=read_flag(trainable, "ConvTranspose2d trainable"),
        )

    def definition(self) -> _core.ConvTranspose2d:
        """Return the same layer for the compiled core."""
        return _core.ConvTranspose2d(
            **{**self.options(), "activation": self.activation or "identity"}
        )
