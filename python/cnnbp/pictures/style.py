"""The look that all pictures share: one type size scale, one set of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

# Okabe and Ito's blue and vermilion: told apart by every kind of colour vision, and in grey.
LOSS = "#0072B2"
ERROR = "#D55E00"
INK = "#1f2328"
QUIET = "#656d76"
RULE = "#d8dee4"
#: Negative, zero, positive; also safe for the colour blind.
DIVERGING = "PuOr"
#: NaN and infinity: Okabe and Ito's bluish green, which no scale has.
NOT_FINITE = "#009E73"

SETTINGS: Any = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    # A dollar sign in a file's or a network's name is a dollar sign.
    "text.parse_math": False,
}


#: Size of a panel's title, in points.
TITLE_SIZE = 10.5


def write_title(axes: Axes, title: str, left: float) -> None:
    """Write a title above `axes`, from `left` (0 to 1 of the page's width) on.

    Panels that stand one above the other get titles that start on one line, whatever their tick
    labels take.
    """
    axes.annotate(
        title,
        (left, 1.0),
        xycoords=("figure fraction", "axes fraction"),
        xytext=(0, 8),
        textcoords="offset points",
        size=TITLE_SIZE,
        annotation_clip=False,
    )


def show_image_only(axes: Axes) -> None:
    """Take everything off `axes` but the image on it."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def mark_not_finite(axes: Axes, marks: NDArray[np.floating]) -> None:
    """Lay `NOT_FINITE` over an image ``(H, W)`` wherever `marks` is not NaN."""
    from matplotlib.colors import ListedColormap

    axes.imshow(
        marks, cmap=ListedColormap([NOT_FINITE]), interpolation="nearest", aspect=axes.get_aspect()
    )
