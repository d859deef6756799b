"""All panels of a training run on one page."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnbp.arguments import read_path
from cnnbp.pictures.curves import draw_error, draw_loss
from cnnbp.pictures.kernels import draw_kernels
from cnnbp.pictures.kernels import title as kernels_title
from cnnbp.pictures.misread import Misread, draw_misread
from cnnbp.pictures.style import QUIET, SETTINGS, write_title

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

WIDTH, HEIGHT = 10.0, 6.6
DOTS_PER_INCH = 120
#: Where titles begin and panels end, 0 to 1 of the width.
LEFT, RIGHT = 0.045, 0.965
#: Places in the row of misread images.
MISREAD_SHOWN = 9


@dataclass(frozen=True)
class Overview:
    """What the page of a training run shows.

    Attributes
    ----------
    title, subtitle : str
        The result in a few words, and how it came about.
    batch_losses : ndarray, shape (batches,)
        Loss of every batch, in order.
    test_errors : ndarray, shape (epochs,)
        Share of the test images misread after every epoch, 0 to 1.
    kernels : ndarray, shape (out, in, kernel height, kernel width), optional
        Weights of the first convolution.
    misread : Misread
        What was read wrong, the first `MISREAD_SHOWN` of it.
    """

    title: str
    subtitle: str
    batch_losses: NDArray[np.float64]
    test_errors: NDArray[np.float64]
    kernels: NDArray[np.floating] | None
    misread: Misread


def save_overview(path: str | os.PathLike[str], overview: Overview) -> None:
    """Write the page as a PNG of 1200 × 792 pixels; ``~`` in `path` is the home folder.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS_PER_INCH)
        _compose(figure, overview)
        figure.savefig(read_path(path, "path"), format="png")


def _compose(figure: Figure, overview: Overview) -> None:
    figure.text(LEFT, 0.945, overview.title, size=15, weight="bold")
    figure.text(LEFT, 0.908, overview.subtitle, color=QUIET)
    _compose_curves(figure, overview, right=0.6 if overview.kernels is not None else RIGHT)
    if overview.kernels is not None:
        left, bottom, width, height = 0.655, 0.325, RIGHT - 0.655, 0.515
        axes = figure.add_axes((left, bottom, width, height))
        draw_kernels(axes, overview.kernels, shape=width * WIDTH / (height * HEIGHT))
        write_title(axes, kernels_title(overview.kernels), left)
    row = figure.add_gridspec(1, MISREAD_SHOWN, left=LEFT, right=RIGHT, bottom=0.065, top=0.2)
    places = [figure.add_subplot(row[place]) for place in range(MISREAD_SHOWN)]
    draw_misread(places, overview.misread)
    write_title(places[0], overview.misread.title, LEFT)


def _compose_curves(figure: Figure, overview: Overview, right: float) -> None:
    from matplotlib.ticker import MaxNLocator

    grid = figure.add_gridspec(
        2, 1, left=0.085, right=right, bottom=0.325, top=0.84, hspace=0.42, height_ratios=[3, 2]
    )
    loss, error = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    draw_loss(loss, overview.batch_losses, len(overview.test_errors))
    write_title(loss, "Training loss of each batch, and its trend", LEFT)
    draw_error(error, overview.test_errors)
    write_title(error, "Test images misread after each epoch", LEFT)
    error.set_xlim(loss.get_xlim())
    error.set_xlabel("epoch")
    for axes in (loss, error):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
