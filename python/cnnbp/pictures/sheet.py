"""Arrays of every layer on one page, a row a layer."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnbp.arguments import read_path
from cnnbp.pictures.kernels import best_columns, lay_out
from cnnbp.pictures.letters import Letters
from cnnbp.pictures.style import (
    DIVERGING,
    NOT_FINITE,
    QUIET,
    RULE,
    SETTINGS,
    TITLE_SIZE,
    mark_not_finite,
    show_image_only,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: In inches: the page's width and margin, its head with the title, the line of headings, a row,
#: the line above a row's panels, the panels, and the space between them.
WIDTH, MARGIN, HEAD, HEADINGS = 12.0, 0.4, 1.25, 0.45
ROW, LINE, PANEL, GAP = 2.2, 0.3, 1.35, 0.3
#: Where words begin beside the image, the lines of title and subtitle, and how many of them there
#: is room for in `HEAD`; in a row, a line that there is no room for.
BESIDE_IMAGE, TITLE_LINE, SUBTITLE_LINE, HEAD_LINES, MORE = 1.5, 0.35, 0.16, 3, 0.19
DOTS_PER_INCH = 110
HEADLINE = Letters(15.0, DOTS_PER_INCH, "bold")
TITLE = Letters(TITLE_SIZE, DOTS_PER_INCH)
TEXT = Letters(SETTINGS["font.size"], DOTS_PER_INCH)
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
    """Write the page as a PNG of 1320 pixels across, as tall as its rows and words ask for.

    ``~`` in `path` is the home folder.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        _compose(sheet).savefig(read_path(path, "path"), format="png")


@dataclass(frozen=True)
class _Page:
    """A figure on which places are inches from the upper left corner."""

    figure: Figure
    height: float

    def write(self, left: float, top: float, lines: list[str], **look: Any) -> None:
        words = "\n".join(lines)
        self.figure.text(left / WIDTH, 1 - top / self.height, words, va="top", **look)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / WIDTH, bottom / self.height, width / WIDTH, height / self.height)
        )


@dataclass(frozen=True)
class _Words:
    """What is written above a row's panels, in lines that fit on the page."""

    title: list[str]
    equation: list[str]
    beside: bool

    @classmethod
    def of(cls, row: Row) -> _Words:
        room = WIDTH - 2 * MARGIN
        return cls(
            title=TITLE.fold(row.title, room),
            equation=TEXT.fold(row.equation, room),
            beside=TITLE.width(row.title) + GAP + TEXT.width(row.equation) <= room,
        )

    @property
    def equation_top(self) -> float:
        """How far the equation is below the title's top."""
        return 0.0 if self.beside else MORE * len(self.title)

    @property
    def panels_top(self) -> float:
        """How far the panels are below the title's top."""
        return LINE + self.equation_top + MORE * (len(self.equation) - 1)


def _compose(sheet: Sheet) -> Figure:
    from matplotlib.figure import Figure

    room = WIDTH - MARGIN - BESIDE_IMAGE
    title, subtitle = HEADLINE.fold(sheet.title, room), TEXT.fold(sheet.subtitle, room)
    words = [_Words.of(row) for row in sheet.rows]
    top = HEAD + TITLE_LINE * (len(title) - 1) + SUBTITLE_LINE * max(len(subtitle) - HEAD_LINES, 0)
    height = top + HEADINGS + sum(ROW - LINE + above.panels_top for above in words)
    page = _Page(Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH), height)
    draw_array(page.axes(MARGIN, 0.2, 0.8, 0.8), sheet.image, shape=1.0, captioned=False)
    page.write(BESIDE_IMAGE, 0.2, title, size=HEADLINE.size, weight="bold")
    page.write(BESIDE_IMAGE, 0.2 + TITLE_LINE * len(title), subtitle, color=QUIET)
    step = (WIDTH - 2 * MARGIN + GAP) / len(sheet.headings)
    lefts = [MARGIN + step * column for column in range(len(sheet.headings))]
    for left, heading in zip(lefts, sheet.headings, strict=True):
        page.write(left, top, [heading], size=TITLE_SIZE, weight="bold")
    top += HEADINGS
    for row, above in zip(sheet.rows, words, strict=True):
        _compose_row(page, row, above, top, lefts, step - GAP)
        top += ROW - LINE + above.panels_top
    return page.figure


def _compose_row(
    page: _Page, row: Row, words: _Words, top: float, lefts: list[float], width: float
) -> None:
    page.write(MARGIN, top, words.title, size=TITLE_SIZE)
    look = {"color": QUIET, "ha": "right", "multialignment": "left"}
    page.write(WIDTH - MARGIN, top + words.equation_top, words.equation, **look)
    for left, values in zip(lefts, row.panels, strict=True):
        if values is not None:
            axes = page.axes(left, top + words.panels_top, width, PANEL)
            draw_array(axes, values, shape=width / PANEL)


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
        As in `Row`; NaN and infinity are green. At most 48 tiles are shown.
    shape : float
        Width over height of the space there is.
    captioned : bool
        Whether to write below it what there is, in which scale, and what of it is not finite.
    """
    finite = np.isfinite(values)
    largest = _largest(values[finite])
    # Shares of the largest: matplotlib overflows near the largest number of float64.
    shares = np.where(finite, values, 0.0) / (largest or 1.0)
    if values.ndim == 1:
        _draw_bars(axes, shares, finite)
    else:
        _draw_tiles(axes, shares, finite, shape, grey=shares.min(initial=0.0) >= 0 and largest <= 1)
    if captioned:
        caption = _caption(values, finite)
        axes.set_xlabel(caption, labelpad=2, color=QUIET, loc="left", size=8)


def _draw_tiles(
    axes: Axes, shares: NDArray[np.floating], finite: NDArray[np.bool_], shape: float, *, grey: bool
) -> None:
    height, width = shares.shape[-2:]
    tiles, marks = (
        every.reshape(-1, height, width, 1)[:MOST_TILES]
        for every in (shares, np.where(finite, np.nan, 1.0))
    )
    columns = best_columns(len(tiles), shape * height / width)
    show_image_only(axes)
    axes.imshow(
        lay_out(tiles, columns)[..., 0],
        cmap="gray_r" if grey else DIVERGING,
        vmin=0 if grey else -1,
        vmax=1,
        interpolation="nearest",
        aspect="auto" if shares.ndim == 2 else "equal",
    )
    if not finite.all():
        mark_not_finite(axes, lay_out(marks, columns)[..., 0])
    axes.set_anchor("NW")


def _draw_bars(axes: Axes, shares: NDArray[np.floating], finite: NDArray[np.bool_]) -> None:
    place, low = np.arange(len(shares)), -1.05 if shares.min() < 0 else 0.0
    color = [NEGATIVE if share < 0 else POSITIVE for share in shares]
    axes.bar(place, shares, width=0.8, color=color)
    axes.bar(place[~finite], 1.05 - low, bottom=low, width=0.8, color=NOT_FINITE)
    axes.axhline(0, color=RULE, linewidth=0.8)
    axes.set_xlim(-0.6, len(shares) - 0.4)
    axes.set_ylim(low, 1.05)
    show_image_only(axes)
    if len(shares) <= MOST_NUMBERED:
        axes.set_xticks(place)
        axes.tick_params(length=0, labelsize=8)


def _largest(values: NDArray[np.floating]) -> float:
    return float(np.abs(values).max(initial=0.0))


def _caption(values: NDArray[np.floating], finite: NDArray[np.bool_]) -> str:
    numbers = values[finite]
    if not numbers.size:
        return f"{_count(values)}, not finite"
    largest = _largest(numbers)
    span = f"0 … {largest:.2g}" if numbers.min() >= 0 else f"±{largest:.2g}"
    lost = values.size - numbers.size
    counted = f"\n{lost:,} of {values.size:,} not finite" if lost else ""
    return f"{_count(values)}, {span}{counted}"


def _count(values: NDArray[np.floating]) -> str:
    if values.ndim == 1:
        return _counted(len(values), "number")
    *outer, height, width = values.shape
    size = f"{height} × {width}"
    if not outer:
        return size
    count = math.prod(outer)
    shown = f"{MOST_TILES} of " if count > MOST_TILES else ""
    return f"{shown}{_counted(count, 'map' if len(outer) == 1 else 'kernel')} of {size}"


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"
