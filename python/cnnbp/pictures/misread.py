"""Images that the network read wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnbp.pictures.style import ERROR, QUIET, show_image_only

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Misread:
    """Images, what they are, and what they were read as.

    Attributes
    ----------
    images : ndarray, shape (N, C, H, W)
        uint8 (0 to 255) or float (0 to 1).
    truth, read : ndarray of int, shape (N,)
        Class numbers.
    confidence : ndarray, shape (N,), optional
        Probability that the network gave to what it read, 0 to 1.
    total : int
        How many were misread in all.
    unread : int
        On how many no class was read, as the outputs were not finite.
    tested : int
        How many there are.
    """

    images: NDArray[Any]
    truth: NDArray[np.integer]
    read: NDArray[np.integer]
    confidence: NDArray[np.floating] | None
    total: int
    unread: int
    tested: int

    @property
    def title(self) -> str:
        """What the row of images shows."""
        tested = f"{self.tested:,} test images"
        if self.unread == self.tested:
            return f"None of {tested} was read: the outputs are not finite"
        if not self.total + self.unread:
            return f"All {tested} were read right"
        unread = f"; {self.unread:,} not read, as outputs are not finite" if self.unread else ""
        if len(self.images) == self.total:
            return f"{f'All {self.total}' if self.total else 'None'} misread of {tested}{unread}"
        of_them = f"{len(self.images)} of the {self.total} misread of {tested}"
        return f"{of_them}, the surest mistakes first{unread}"

    def caption(self, place: int) -> tuple[str, str]:
        """Say what the image was read as, and what it is."""
        read = f"read {self.read[place]}"
        if self.confidence is not None:
            read += f" ({100 * self.confidence[place]:.0f} %)"
        return read, f"is {self.truth[place]}"


def draw_misread(axes: list[Axes], misread: Misread) -> None:
    """Draw one misread image on each of `axes`, as far as there are any."""
    for place, one in enumerate(axes):
        show_image_only(one)
        if place >= len(misread.images):
            continue
        one.imshow(_as_picture(misread.images[place]), cmap="gray_r", vmin=0, vmax=1)
        read, truth = misread.caption(place)
        for line, text, color in ((1, read, ERROR), (2, truth, QUIET)):
            one.annotate(
                text,
                (0.5, 0),
                xycoords="axes fraction",
                xytext=(0, -13 * line),
                textcoords="offset points",
                color=color,
                ha="center",
            )


def _as_picture(image: NDArray[Any]) -> NDArray[np.floating]:
    """Return ``(C, H, W)`` as grey ``(H, W)`` or as colours ``(H, W, 3)``, 0 to 1."""
    if image.dtype == np.uint8:
        pixels = image / 255.0
    else:
        low, high = float(image.min()), float(image.max())
        if low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        pixels = (image - low) / ((high - low) or 1.0)
    return np.moveaxis(pixels[:3], 0, -1) if len(pixels) >= 3 else pixels[0]
