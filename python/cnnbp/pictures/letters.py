"""Words in lines that fit on a page."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Letters:
    """Letters of one size, in points, and weight, on a page of so many dots per inch."""

    size: float
    dots_per_inch: int
    weight: str = "normal"

    def width(self, line: str) -> float:
        """Return how wide a line is, in inches."""
        from matplotlib.backends import backend_agg
        from matplotlib.font_manager import FontProperties

        # As it will be drawn: each letter begins at a dot, which can make a line a tenth wider.
        agg: Any = backend_agg  # it has no types
        font = FontProperties(size=self.size, weight=self.weight)
        page = agg.RendererAgg(1, 1, self.dots_per_inch)
        dots, _, _ = page.get_text_width_height_descent(line, font, ismath=False)
        return float(dots) / self.dots_per_inch

    def fold(self, words: str, room: float) -> list[str]:
        """Break words into lines of at most `room` inches, at spaces where there are any."""
        return [part for line in words.split("\n") for part in self._fold_line(line, room)]

    def _fold_line(self, line: str, room: float) -> list[str]:
        parts, most = [line], len(line)
        # Letters are not equally wide: fewer to a line are tried until all lines fit.
        while most > 1 and (widest := max(map(self.width, parts), default=0)) > room:
            most = min(most - 1, int(max(map(len, parts)) * room / widest) + 1)
            parts = textwrap.wrap(line, most, break_on_hyphens=False)
        return parts
