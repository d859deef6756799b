"""How the loss and the test error went down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnnbp.pictures.style import ERROR, INK, LOSS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: The trend is a mean over this part of the batches.
SMOOTHED_PART = 1 / 50
#: Matplotlib overflows near the ends of float64.
LARGEST_DRAWN = 1e100


def draw_loss(axes: Axes, losses: NDArray[np.float64], epochs: float) -> None:
    """Draw the loss of every batch, and its trend, over the epochs.

    Both on a logarithmic scale; the trend is the running geometric mean.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    losses : ndarray, shape (batches,)
        Loss of each batch in order. What a logarithmic scale cannot show is left out; NaN
        and infinity are counted.
    epochs : float
        How many epochs the batches make up.
    """
    if lost := np.count_nonzero(~np.isfinite(losses)):
        _write_note(axes, f"not finite in {lost:,} of {len(losses):,} batches")
    place = epochs * np.arange(1, len(losses) + 1) / max(len(losses), 1)
    seen = (losses > 1 / LARGEST_DRAWN) & (losses < LARGEST_DRAWN)
    place, losses = place[seen], losses[seen]
    axes.set_xlim(0, epochs or 1)
    if not losses.size:
        return
    axes.plot(place, losses, ".", color=LOSS, markersize=3, alpha=0.3, markeredgewidth=0)
    trend = np.exp(running_mean(np.log(losses), reach=round(len(losses) * SMOOTHED_PART / 2)))
    (line,) = axes.plot(place, trend, color=LOSS, linewidth=2, solid_capstyle="round")
    if losses.size == 1:
        line.set(marker="o", markersize=3.5, clip_on=False)
    # A single odd batch must not set the scale.
    low, high = np.quantile(losses, [0.01, 0.999])
    _use_log_scale(axes, low=min(low, trend.min()) / 1.3, high=max(high, trend.max()) * 1.3)


def draw_error(axes: Axes, errors: NDArray[np.float64]) -> None:
    """Draw the test error after each epoch, and write the last one beside it.

    Parameters
    ----------
    axes : matplotlib Axes
        Where to draw.
    errors : ndarray, shape (epochs,)
        Part of the test images that was misread, 0 to 1.
    """
    percent = 100 * np.asarray(errors)
    epoch = np.arange(1, len(percent) + 1)
    axes.plot(epoch, percent, color=ERROR, linewidth=2, marker="o", markersize=3.5, clip_on=False)
    axes.set_ylim(0, max(1.15 * percent.max(initial=0.0), 1.0))
    axes.yaxis.set_major_formatter("{x:g} %")
    if len(percent):
        axes.annotate(
            f"{percent[-1]:.1f} %",
            (epoch[-1], percent[-1]),
            xytext=(0, 8),
            textcoords="offset points",
            ha="right",
            weight="bold",
            color=INK,
        )


def running_mean(values: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Mean of each value and up to `reach` neighbours on either side.

    Near the beginning, where a loss falls steeply, there are as few neighbours after a value as
    there are before it, so that the mean does not run ahead.
    """
    sums = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    near = np.minimum(reach, place)
    first, end = place - near, np.minimum(place + near + 1, len(values))
    means: NDArray[np.float64] = (sums[end] - sums[first]) / (end - first)
    return means


def _write_note(axes: Axes, text: str) -> None:
    axes.annotate(
        text,
        (1, 1),
        xycoords="axes fraction",
        xytext=(0, -12),
        textcoords="offset points",
        ha="right",
        weight="bold",
        color=INK,
    )


def _use_log_scale(axes: Axes, low: float, high: float) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    axes.set_ylim(low, high)
    axes.set_yscale("log")
    # Powers of ten alone would label a narrow range once or not at all.
    steps = range(1, 10) if high < 5 * low else (1, 2, 5) if high < 100 * low else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=tuple(map(float, steps))))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
