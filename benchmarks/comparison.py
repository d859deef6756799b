"""The course of a run: the libraries' processes, a list of cases, one result each."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from benchmarks.cases import Case, EpochCase, NetworkCase, PassCase, PredictionCase, ScalingCase
from benchmarks.library import Worker
from benchmarks.results import Result, Run, circumstances
from benchmarks.turns import OtherPrograms, take_turns

#: Losses and outputs of equal networks may differ by this part of the largest: rounding, in another
#: order of summation.
SAME = 1e-3
PEAK = "fma peak"


@dataclass(frozen=True, kw_only=True)
class Method:
    """How to measure.

    Attributes
    ----------
    rounds : int
        How often everyone has a turn.
    seconds : float
        How long a turn lasts, at least a step.
    threads : int
        For every library.
    libraries : sequence of str
        "cnnbp", "PyTorch", or both.
    compile_networks : bool
        Whether PyTorch's modes include `torch.compile`, which takes half a minute a network.
    """

    rounds: int
    seconds: float
    threads: int
    libraries: Sequence[str]
    compile_networks: bool


class Comparison:
    """The libraries' processes, and what is measured with them."""

    def __init__(self, method: Method) -> None:
        self.method = method
        options: dict[str, Any] = {"threads": method.threads}
        self._workers: dict[str, Worker] = {}
        if "cnnbp" in method.libraries:
            self._workers["cnnbp"] = Worker("benchmarks.in_cnnbp", **options)
        if "PyTorch" in method.libraries:
            options["compile_networks"] = method.compile_networks
            self._workers["PyTorch"] = Worker("benchmarks.in_pytorch", **options)

    def run(self, cases: Iterable[Case], on_case: Callable[[str], object]) -> Run:
        """Measure every case; `on_case` is told the name of each before it is measured."""
        versions = {name: worker("describe") for name, worker in self._workers.items()}
        results = []
        for case in cases:
            on_case(str(case))
            results.append(self._result(case))
        return Run(circumstances=circumstances(asdict(self.method), versions), results=results)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers.values():
            worker.close()

    def _result(self, case: Case) -> Result:
        if len(self._workers) == 2 and not isinstance(case, PassCase):
            self._check_same_work(_step(case))
        modes = {name: worker("prepare", case) for name, worker in self._workers.items()}
        result = self._measure(str(case), self._flops(case), modes)
        if isinstance(case, PassCase):
            return replace(result, bytes_moved=case.bytes_moved)
        return result

    def _flops(self, case: Case) -> int | None:
        if isinstance(case, PassCase):
            return case.flops
        if "cnnbp" not in self._workers:
            return None
        steps = case.network.batches if isinstance(case, EpochCase) else 1
        flops: int = self._workers["cnnbp"]("flops", _step(case))
        return steps * flops

    def _check_same_work(self, case: NetworkCase | PredictionCase) -> None:
        steps = 3 if isinstance(case, NetworkCase) else 1
        start, theirs = self._workers["PyTorch"]("results_from_start", case, steps)
        ours = self._workers["cnnbp"]("results_from", case, start, steps)
        difference = np.abs(ours - theirs).max()
        if not difference <= SAME * np.abs(theirs).max():
            raise RuntimeError(
                f"{case}: the libraries do not compute the same; losses or outputs that differ by "
                f"{difference}: cnnbp {ours}, PyTorch {theirs}"
            )

    def _measure(self, case: str, flops: int | None, modes: dict[str, list[str]]) -> Result:
        seconds = self.method.seconds
        turns = {
            f"{library} {mode}": partial(self._workers[library], "measure", mode, seconds)
            for library, names in modes.items()
            for mode in names
        }
        if "cnnbp" in self._workers:
            turns[PEAK] = partial(self._workers["cnnbp"], "fma_peak", seconds / 4)
        measured, others = take_turns(turns, self.method.rounds, OtherPrograms(self._own_seconds))
        peaks = measured.pop(PEAK, None)
        return Result(
            case=case,
            flops=flops,
            fma_peak=median(peaks) if peaks else None,
            others=others,
            seconds=measured,
        )

    def _own_seconds(self) -> float:
        return time.process_time() + sum(w.cpu_seconds for w in self._workers.values())


def _step(
    case: NetworkCase | PredictionCase | EpochCase | ScalingCase,
) -> NetworkCase | PredictionCase:
    """Return what the case repeats."""
    return case.network if isinstance(case, EpochCase | ScalingCase) else case
