"""Arrays of every layer on one page, a row a layer."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnbp.arguments import read_path
from cnnbp.pictures.kernels import best_columns, lay_out
from cnnbp.pictures.style import DIVERGING, QUIET, RULE, SETTINGS, TITLE_SIZE, show_image_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: In inches: the page's width and margin, its head with the title, the line of headings, a row,
#: the line above a row's panels, the panels, and the space between them.
WIDTH, MARGIN, HEAD, HEADINGS = 12.0, 0.4, 1.25, 0.45
ROW, LINE, PANEL, GAP = 2.2, 0.3, 1.35, 0.3
DOTS_PER_INCH = 110
#: Title and equation of more letters do not fit in a line; the equation is then so much higher.
MOST_LETTERS, RAISED = 135, 0.21
#: An equation of more letters would not fit on the page, and is written smaller.
MOST_LETTERS_ALONE = 140
#: More tiles would be too small to be seen, and more bars are not numbered.
MOST_TILES, MOST_NUMBERED = 48, 12
#: The ends of the colours of `DIVERGING`.
NEGATIVE, POSITIVE = "#b35806", "#542788"


@dataclass(frozen=True)
class Row:
    """What the page shows of a layer.

    Attributes
    ----------
    title, equation : str
        Written above the row, to the left and to the right.
    panels : tuple of ndarray or None
        An array for every column: maps ``(C, H, W)``, kernels ``(out, in, height, width)``, a
        matrix or a vector; None leaves the place empty.
    """

    title: str
    equation: str
    panels: tuple[NDArray[np.floating] | None, ...]


@dataclass(frozen=True)
class Sheet:
    """What the page shows: words, an image ``(C, H, W)``, and rows under headings."""

    title: str
    subtitle: str
    image: NDArray[np.floating]
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


def save_sheet(path: str | os.PathLike[str], sheet: Sheet) -> None:
    """Write the page as a PNG of 1320 pixels across, as tall as its rows ask for.

    ``~`` in `path` is the home folder.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    height = HEAD + HEADINGS + ROW * len(sheet.rows)
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        page = _Page(Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH), height)
        _compose(page, sheet)
        page.figure.savefig(read_path(path, "path"), format="png")


@dataclass(frozen=True)
class _Page:
    """A figure on which places are inches from the upper left corner."""

    figure: Figure
    height: float

    def write(self, left: float, top: float, words: str, **look: Any) -> None:
        self.figure.text(left / WIDTH, 1 - top / self.height, words, va="top", **look)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / WIDTH, bottom / self.height, width / WIDTH, height / self.height)
        )


def _compose(page: _Page, sheet: Sheet) -> None:
    draw_array(page.axes(MARGIN, 0.2, 0.8, 0.8), sheet.image, shape=1.0, captioned=False)
    page.write(MARGIN + 1.1, 0.2, sheet.title, size=15, weight="bold")
    page.write(MARGIN + 1.1, 0.55, sheet.subtitle, color=QUIET)
    step = (WIDTH - 2 * MARGIN + GAP) / len(sheet.headings)
    lefts = [MARGIN + step * column for column in range(len(sheet.headings))]
    for left, heading in zip(lefts, sheet.headings, strict=True):
        page.write(left, HEAD, heading, size=TITLE_SIZE, weight="bold")
    for place, row in enumerate(sheet.rows):
        top = HEAD + HEADINGS + place * ROW
        page.write(MARGIN, top, row.title, size=TITLE_SIZE)
        raised = RAISED if len(row.title + row.equation) > MOST_LETTERS else 0.0
        size = SETTINGS["font.size"] * min(1, MOST_LETTERS_ALONE / max(len(row.equation), 1))
        page.write(WIDTH - MARGIN, top - raised, row.equation, color=QUIET, ha="right", size=size)
        for left, values in zip(lefts, row.panels, strict=True):
            if values is not None:
                axes = page.axes(left, top + LINE, step - GAP, PANEL)
                draw_array(axes, values, shape=(step - GAP) / PANEL)


def draw_array(
    axes: Axes, values: NDArray[np.floating], *, shape: float, captioned: bool = True
) -> None:
    """Draw an array: a vector as bars, anything else as tiles in one scale.

    Negative values are orange, zero is white and positive ones are purple; values within 0 to 1,
    such as those of an image or a sigmoid, go from white to black.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    values : ndarray
        As in `Row`. What is not finite is drawn as zero; at most 48 tiles are shown.
    shape : float
        Width over height of the space there is.
    captioned : bool
        Whether to write below it what there is, and in which scale.
    """
    values = np.where(np.isfinite(values), values, 0.0)
    largest = float(np.abs(values).max(initial=0.0))
    if values.ndim == 1:
        _draw_bars(axes, values, largest)
    else:
        _draw_tiles(axes, values, largest, shape)
    if captioned:
        span = f"0 … {largest:.2g}" if values.min(initial=0.0) >= 0 else f"±{largest:.2g}"
        axes.set_xlabel(f"{_count(values)}, {span}", color=QUIET, loc="left", size=8)


def _draw_tiles(axes: Axes, values: NDArray[np.floating], largest: float, shape: float) -> None:
    tiles = values.reshape(-1, *values.shape[-2:])[:MOST_TILES]
    count, height, width = tiles.shape
    columns = best_columns(count, shape * height / width)
    grey = values.min(initial=0.0) >= 0 and largest <= 1
    show_image_only(axes)
    axes.imshow(
        lay_out(tiles[..., None], columns)[..., 0],
        cmap="gray_r" if grey else DIVERGING,
        vmin=0 if grey else -(largest or 1.0),
        vmax=largest or 1.0,
        interpolation="nearest",
        aspect="auto" if values.ndim == 2 else "equal",
    )
    axes.set_anchor("NW")


def _draw_bars(axes: Axes, values: NDArray[np.floating], largest: float) -> None:
    place = np.arange(len(values))
    color = [NEGATIVE if value < 0 else POSITIVE for value in values]
    axes.bar(place, values, width=0.8, color=color)
    axes.axhline(0, color=RULE, linewidth=0.8)
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.set_ylim(-1.05 * largest if values.min() < 0 else 0, 1.05 * largest or 1.0)
    show_image_only(axes)
    if len(values) <= MOST_NUMBERED:
        axes.set_xticks(place)
        axes.tick_params(length=0, labelsize=8)


def _count(values: NDArray[np.floating]) -> str:
    if values.ndim == 1:
        return f"{len(values)} numbers"
    *outer, height, width = values.shape
    size = f"{height} × {width}"
    if not outer:
        return size
    count = math.prod(outer)
    part = f"{MOST_TILES} of {count:,}" if count > MOST_TILES else f"{count}"
    return f"{part} {'maps' if len(outer) == 1 else 'kernels'} of {size}"
