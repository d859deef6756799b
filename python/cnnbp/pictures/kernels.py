"""What the first layer has learned to look for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cnnbp.pictures.style import DIVERGING, QUIET, mark_not_finite, show_image_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MOST_TILES = 64


def draw_kernels(axes: Axes, weight: NDArray[np.floating], shape: float = 1.0) -> None:
    """Draw the kernels of a layer side by side, all in one scale with zero in the middle.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    weight : ndarray, shape (out, in, kernel height, kernel width)
        The kernels. Three input channels are shown as one tile in red, green and blue; any other
        number as tiles of their own. At most 64 tiles are shown. NaN and infinity are green.
    shape : float
        Width over height of the space there is.
    """
    _, in_channels, height, width = weight.shape
    finite = np.isfinite(weight)
    largest = float(np.abs(weight[finite]).max(initial=0.0)) or 1.0
    # Shares of the largest: matplotlib overflows near the largest number of float64.
    shares = np.where(finite, weight, 0.0) / largest
    marks = np.where(finite, np.nan, 1.0)
    if in_channels == 3:
        tiles = np.moveaxis(0.5 + 0.5 * shares, 1, -1)
        marks = np.where(finite.all(axis=1), np.nan, 1.0)[..., None]
        scale = f"grey is zero, strongest weight {largest:.2g}"
    else:
        tiles, marks = (every.reshape(-1, height, width, 1) for every in (shares, marks))
        scale = f"orange −{largest:.2g}, white 0, purple +{largest:.2g}"
    shown = tiles[:MOST_TILES]
    columns = best_columns(len(shown), shape * height / width)
    mosaic = lay_out(shown, columns)
    mosaic = np.where(np.isnan(mosaic), 1.0, mosaic) if in_channels == 3 else mosaic[..., 0]
    show_image_only(axes)
    axes.set_facecolor("none")
    axes.imshow(mosaic, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest")
    if not finite.all():
        mark_not_finite(axes, lay_out(marks[:MOST_TILES], columns)[..., 0])
        lost = f"green: {(~finite).sum():,} of {finite.size:,} weights are not finite"
        scale = f"{scale}\n{lost}" if finite.any() else lost
    axes.set_anchor("NW")
    axes.set_xlabel(scale, color=QUIET, loc="left")


def title(weight: NDArray[np.floating]) -> str:
    """Say how many kernels there are, and how many of them are shown."""
    out_channels, in_channels, height, width = weight.shape
    kernels = out_channels * (1 if in_channels == 3 else in_channels)
    count = f"{MOST_TILES} of the {kernels:,}" if kernels > MOST_TILES else f"The {kernels}"
    which = "The kernel" if kernels == 1 else f"{count} kernels"
    return f"{which} of {height} × {width} in the first layer"


def lay_out(tiles: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Lay tiles ``(n, h, w, colours)`` out in rows of `columns`, with gaps of NaN between them."""
    count, height, width, colours = tiles.shape
    rows = math.ceil(count / columns)
    gap = max(1, round(height / 8))
    page = np.full((rows * (height + gap), columns * (width + gap), colours), np.nan)
    for place, tile in enumerate(tiles):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        page[top : top + height, left : left + width] = tile
    return page[:-gap, :-gap]


def best_columns(count: int, shape: float) -> int:
    """Return how many columns make the largest tiles in a space of width over height `shape`."""
    return max(
        range(1, count + 1),
        key=lambda columns: min(shape / columns, 1 / math.ceil(count / columns)),
    )
