"""Measuring in turns: A B C, A B C, …, so that what slows the machine slows everyone."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

#: Cores that other programs may use during a round before it is taken again.
QUIET = 0.15


def take_turns(
    measures: Mapping[str, Callable[[], float]],
    rounds: int,
    used_by_others: Callable[[], float] = lambda: 0.0,
    *,
    patience: int = 2,
) -> tuple[dict[str, list[float]], float]:
    """Let everyone measure once a round.

    Parameters
    ----------
    measures : dict
        By name, what measures a number.
    rounds : int
        Rounds to return.
    used_by_others : callable
        Returns the cores that other programs used since it was called last.
    patience : int
        When other programs disturb, so many times as many rounds are taken at most, and the
        quietest are returned, in the order of time.

    Returns
    -------
    numbers : dict
        By name, one number a round.
    others : float
        Cores that other programs used, in the worst round returned.
    """
    taken: list[tuple[float, dict[str, float]]] = []
    used_by_others()
    while _quiet(taken) < rounds and len(taken) < rounds * patience:
        entry = {name: measure() for name, measure in measures.items()}
        taken.append((used_by_others(), entry))
    quietest = sorted(range(len(taken)), key=lambda i: taken[i][0])[:rounds]
    kept = [taken[i] for i in sorted(quietest)]
    numbers = {name: [entry[name] for _, entry in kept] for name in measures}
    return numbers, max(used for used, _ in kept)


def _quiet(taken: list[tuple[float, dict[str, float]]]) -> int:
    return sum(used < QUIET for used, _ in taken)


class OtherPrograms:
    """How many cores programs outside this benchmark use; always 0 where the system hides it.

    Parameters
    ----------
    own_seconds : callable
        Returns the seconds of computing that the benchmark's processes have had so far.
    """

    def __init__(self, own_seconds: Callable[[], float]) -> None:
        self._own_seconds = own_seconds
        self._last = self._now()

    def __call__(self) -> float:
        """Return the cores used by others since the last call."""
        now, last = self._now(), self._last
        self._last = now
        wall, everyone, own = (a - b for a, b in zip(now, last, strict=True))
        return max(0.0, (everyone - own) / wall) if wall else 0.0

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), _busy_seconds(), self._own_seconds()


def _busy_seconds() -> float:
    """Return the seconds of computing by all programs since the system started (Linux)."""
    statistics = Path("/proc/stat")
    if not statistics.exists():
        return 0.0
    _, user, nice, system, _idle, _wait, irq, soft_irq, steal = statistics.read_text().split()[:9]
    ticks = sum(map(int, (user, nice, system, irq, soft_irq, steal)))
    return ticks / os.sysconf("SC_CLK_TCK")
