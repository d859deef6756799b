"""What a run measured, what follows from it, and its file."""

import json
import os
import platform
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any


def on_threads(contender: str, threads: int) -> str:
    """Return the name of a contender that is measured with several numbers of threads."""
    return f"{contender}, {threads} thread{'s' if threads > 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """Seconds a step, of every contender in every round; contenders took turns.

    Attributes
    ----------
    case : str
        What was done.
    flops : int or None
        Floating-point operations of a step, by the direct algorithm.
    bytes_moved : int or None
        What a pass must at least read and write, each array once.
    fma_peak : float or None
        What the machine can do at most, GFLOP/s, measured during the case.
    others : float
        Cores that other programs used during the rounds.
    seconds : dict
        ``{"PyTorch eager": [first round, second, …], "cnnbp train_step": […], …}``
    """

    case: str
    flops: int | None
    fma_peak: float | None
    others: float
    seconds: dict[str, list[float]]
    bytes_moved: int | None = None

    def contenders(self, library: str) -> list[str]:
        """Return the names of a library's modes, the fastest first."""
        names = (name for name in self.seconds if name.split()[0] == library)
        return sorted(names, key=self.typical_seconds)

    def typical_seconds(self, contender: str) -> float:
        """Return the median over the rounds."""
        return median(self.seconds[contender])

    def gflops(self, contender: str) -> float | None:
        """Return GFLOP/s of the direct algorithm."""
        return self.flops and self.flops / self.typical_seconds(contender) / 1e9

    def share_of_peak(self, contender: str) -> float | None:
        """Return what part of the machine's multiply-adds a contender uses; above 1 is Winograd."""
        gflops = self.gflops(contender)
        return gflops / self.fma_peak if gflops and self.fma_peak else None

    def ratio(self, contender: str) -> float | None:
        """Return how many times as fast a contender is as PyTorch's best mode.

        None without PyTorch.
        """
        best = self.contenders("PyTorch")[:1]
        return self.times_as_fast(contender, best[0]) if best else None

    def times_as_fast(self, contender: str, other: str) -> float:
        """Return the median over the rounds of the other's time divided by the contender's.

        Within a round, so that what slows the machine for a while slows both.
        """
        rounds = zip(self.seconds[other], self.seconds[contender], strict=True)
        return median(theirs / ours for theirs, ours in rounds)


@dataclass(frozen=True, kw_only=True)
class MemoryResult:
    """Bytes by which a process grew at most while it trained a network, for every contender."""

    case: str
    peak_bytes: dict[str, int]

    def ratio(self, contender: str) -> float | None:
        """Return how many times as much the thriftiest of PyTorch's modes took."""
        theirs = [size for name, size in self.peak_bytes.items() if name.startswith("PyTorch")]
        return min(theirs) / self.peak_bytes[contender] if theirs else None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Something measured, and the circumstances it depends on."""

    circumstances: dict[str, Any]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the report as JSON."""
        Path(path).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class MemoryRun(Report):
    """Peak memory, network by network."""

    results: list[MemoryResult]


@dataclass(frozen=True, kw_only=True)
class Run(Report):
    """All results of one command that took times."""

    results: list[Result]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Run":
        """Read what `write` wrote; a ValueError says that a file is something else."""
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            results = [Result(**result) for result in content["results"]]
            return cls(circumstances=content["circumstances"], results=results)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a file that --json wrote ({error!r})") from error


@dataclass(frozen=True, kw_only=True)
class Change:
    """One contender of one case in two runs: the ratios to PyTorch's best mode."""

    case: str
    contender: str
    before: float
    after: float

    @property
    def factor(self) -> float:
        """Above 1: faster than before, by the measure of PyTorch in the same run."""
        return self.after / self.before


def circumstances(method: dict[str, Any], versions: dict[str, Any]) -> dict[str, Any]:
    """Return what figures depend on: the time, the machine, the method, the libraries."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "machine": platform.machine(),
        "system": platform.platform(),
        "method": method,
        **versions,
    }


def changes(before: Run, after: Run) -> list[Change]:
    """Compare what two runs have in common, each against PyTorch in its own run."""
    earlier = {(r.case, c): r.ratio(c) for r in before.results for c in r.contenders("cnnbp")}
    later = {(r.case, c): r.ratio(c) for r in after.results for c in r.contenders("cnnbp")}
    return [
        Change(case=case, contender=contender, before=old, after=new)
        for (case, contender), new in later.items()
        if new is not None and (old := earlier.get((case, contender))) is not None
    ]


def geometric_mean(values: Iterable[float]) -> float:
    """Return the mean that suits ratios: of 2 and ½ it is 1."""
    logs = [log(value) for value in values]
    return exp(sum(logs) / len(logs))
