"""Layers that make maps larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from cnnbp import _core
from cnnbp.arguments import (
    Pair,
    Sides,
    Size,
    flat_padding,
    read_choice,
    read_flag,
    read_pair,
    read_sides,
)
from cnnbp.layers.base import Layer

Mode: TypeAlias = Literal["nearest", "bilinear"]


@dataclass(frozen=True, init=False, repr=False)
class ZeroPad2d(Layer):
    """Zeros around each map; its delta leaves them out.

    Parameters
    ----------
    padding : int, (int, int) or ((int, int), (int, int))
        Rows and columns of zeros: the same number everywhere, ``(h, w)``, or
        ``((top, bottom), (left, right))``, as `Conv2d` has it; at least 0 each. PyTorch writes
        ``(left, right, top, bottom)``.

    Raises
    ------
    TypeError, ValueError
        If `padding` is of the wrong type or out of range.
    """

    padding: Sides

    def __init__(self, padding: Size | tuple[Size, Size]) -> None:
        self._assign(padding=read_sides(padding, "ZeroPad2d padding"))

    def definition(self) -> _core.ZeroPad2d:
        """Return the same layer for the compiled core."""
        return _core.ZeroPad2d(padding=flat_padding(self.padding))


@dataclass(frozen=True, init=False, repr=False)
class Upsample(Layer):
    """Maps made larger by a whole factor, as ``torch.nn.Upsample``.

    "nearest" repeats each pixel in a block, ``u = up(x)``, and its delta sums each block.
    "bilinear" takes each pixel from the four around its place on the map: row ``oh`` of the output
    lies at row ``max((oh + ½) / factor - ½, 0)``, so that the pixels' outer edges meet, or with
    `align_corners` at row ``oh (H - 1) / (H factor - 1)``, so that the outer pixels' centres do;
    columns alike. Its delta goes back by the same shares.

    Parameters
    ----------
    scale_factor : int or (int, int)
        How many times as high and wide the output is, at least 1.
    mode : {"nearest", "bilinear"}
        Where the pixels in between come from.
    align_corners : bool
        See above; with "bilinear" alone.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """

    scale_factor: Pair
    mode: Mode
    align_corners: bool

    def __init__(
        self, scale_factor: Size, *, mode: str = "nearest", align_corners: bool = False
    ) -> None:
        self._assign(
            scale_factor=read_pair(scale_factor, "Upsample scale_factor"),
            mode=cast(Mode, read_choice(mode, "Upsample mode", ("nearest", "bilinear"))),
            align_corners=read_flag(align_corners, "Upsample align_corners"),
        )
        if self.align_corners and self.mode == "nearest":
            raise ValueError('Upsample align_corners needs mode "bilinear", got mode "nearest"')

    def definition(self) -> _core.Upsample:
        """Return the same layer for the compiled core."""
        return _core.Upsample(
            scale_factor=self.scale_factor, mode=self.mode, align_corners=self.align_corners
        )
