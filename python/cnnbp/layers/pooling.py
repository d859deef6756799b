"""Pooling layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from cnnbp import _core
from cnnbp.arguments import Pair, Size, read_flag, read_integer, read_pair
from cnnbp.layers.base import Layer, read_activation, refuse_unneeded


@dataclass(frozen=True, init=False, repr=False)
class AvgPool2d(Layer):
    """Mean of each window of a map, as ``torch.nn.AvgPool2d``.

    Its delta spreads over the window: ``up(δ) / n²`` (Bouvrie 2006, convolution layers).

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width of a window.
    stride : int or (int, int), optional
        Rows and columns from one window to the next; `kernel_size` when left out.
    padding : int or (int, int)
        Zeros around the map, at most half of the window.
    ceil_mode : bool
        Whether a last window that does not fit whole counts.
    count_include_pad : bool
        Whether the padding counts in the mean.
    divisor_override : int, optional
        Divide each window's sum by this instead of its size.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """

    kernel_size: Pair
    stride: Pair
    padding: Pair
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None
    activation: str | None

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        activation: str | None = None,
    ) -> None:
        if divisor_override is not None:
            divisor_override = read_integer(divisor_override, "AvgPool2d divisor_override")
        self._assign(
            kernel_size=read_pair(kernel_size, "AvgPool2d kernel_size"),
            stride=read_pair(kernel_size if stride is None else stride, "AvgPool2d stride"),
            padding=read_pair(padding, "AvgPool2d padding", minimum=0),
            ceil_mode=read_flag(ceil_mode, "AvgPool2d ceil_mode"),
            count_include_pad=read_flag(count_include_pad, "AvgPool2d count_include_pad"),
            divisor_override=divisor_override,
            activation=read_activation(activation, "AvgPool2d activation"),
        )

    def definition(self) -> _core.AvgPool2d:
        """Return the same layer for the compiled core."""
        return _core.AvgPool2d(
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
            divisor_override=self.divisor_override or 0,
            activation=self.activation or "identity",
        )


@dataclass(frozen=True, init=False, repr=False)
class MaxPool2d(Layer):
    """Largest value of each window of a map, as ``torch.nn.MaxPool2d``.

    Its delta goes to the position that held the maximum, the first one in case of a tie, and is
    added where windows overlap.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width of a window, of at most 65,536 pixels.
    stride : int or (int, int), optional
        Rows and columns from one window to the next; `kernel_size` when left out.
    padding : int or (int, int)
        Rows and columns around the map that never hold the maximum, at most half of the window.
    dilation : int or (int, int)
        Distance between a window's rows and columns.
    ceil_mode : bool
        Whether a last window that does not fit whole counts.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """

    kernel_size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil_mode: bool
    activation: str | None

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *,
        dilation: Size = 1,
        ceil_mode: bool = False,
        activation: str | None = None,
    ) -> None:
        self._assign(
            kernel_size=read_pair(kernel_size, "MaxPool2d kernel_size"),
            stride=read_pair(kernel_size if stride is None else stride, "MaxPool2d stride"),
            padding=read_pair(padding, "MaxPool2d padding", minimum=0),
            dilation=read_pair(dilation, "MaxPool2d dilation"),
            ceil_mode=read_flag(ceil_mode, "MaxPool2d ceil_mode"),
            activation=read_activation(activation, "MaxPool2d activation"),
        )

    def definition(self) -> _core.MaxPool2d:
        """Return the same layer for the compiled core."""
        return _core.MaxPool2d(
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            ceil_mode=self.ceil_mode,
            activation=self.activation or "identity",
        )


@dataclass(frozen=True, init=False, repr=False)
class AdaptiveAvgPool2d(Layer):
    """Mean of windows that share a map evenly, as ``torch.nn.AdaptiveAvgPool2d``.

    Output row ``i`` of ``H'`` is the mean of rows ``⌊i H / H'⌋`` to ``⌈(i + 1) H / H'⌉ - 1`` of the
    map's ``H``, and so are columns. Windows overlap where `output_size` does not divide the map,
    and repeat pixels where it is larger. A window's delta spreads over it, divided by its size.

    Parameters
    ----------
    output_size : int or (int, int)
        Height and width of the output; may be larger than the map.

    Raises
    ------
    TypeError, ValueError
        If `output_size` is of the wrong type or below 1.
    """

    output_size: Pair

    def __init__(self, output_size: Size) -> None:
        self._assign(output_size=read_pair(output_size, "AdaptiveAvgPool2d output_size"))

    def definition(self) -> _core.AdaptiveAvgPool2d:
        """Return the same layer for the compiled core."""
        return _core.AdaptiveAvgPool2d(output_size=self.output_size)


class GlobalAvgPool2d(Layer):
    """Mean of each map (Lin, Chen and Yan 2014): maps of shape ``(channels, 1, 1)``.

    The same as ``AdaptiveAvgPool2d(1)``; the delta below is ``f'(u) ∘ δ / (H W)`` at every pixel.
    """

    def __init__(self, *extra: Never) -> None:
        takes = "no arguments: its windows are whole maps"
        refuse_unneeded("GlobalAvgPool2d", takes, extra=extra)

    def definition(self) -> _core.GlobalAvgPool2d:
        """Return the same layer for the compiled core."""
        return _core.GlobalAvgPool2d()
