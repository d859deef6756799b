"""The course of a run: the libraries' processes, a list of cases, one result each."""

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

from benchmarks.cases import NetworkCase, PassCase
from benchmarks.library import Worker
from benchmarks.results import Result, Run
from benchmarks.turns import OtherPrograms, take_turns

#: Losses of equal networks may differ by this part: rounding, in another order of summation.
SAME_LOSS = 1e-3
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

    def circumstances(self) -> dict[str, Any]:
        """Return what the figures depend on: the machine, the versions, the method."""
        return {
            "when": time.strftime("%Y-%m-%d %H:%M"),
            "machine": platform.machine(),
            "system": platform.platform(),
            "method": asdict(self.method),
            **{name: worker("describe") for name, worker in self._workers.items()},
        }

    def run(self, cases: Iterable[NetworkCase | PassCase], on_case: Callable[[str], object]) -> Run:
        """Measure every case; `on_case` is told the name of each before it is measured."""
        circumstances, results = self.circumstances(), []
        for case in cases:
            on_case(str(case))
            if isinstance(case, NetworkCase):
                results.append(self._network(case))
            else:
                results.append(self._pass(case))
        return Run(circumstances=circumstances, results=results)

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers.values():
            worker.close()

    def _network(self, case: NetworkCase) -> Result:
        if len(self._workers) == 2:
            self._check_same_work(case)
        modes = {name: worker("prepare_network", case) for name, worker in self._workers.items()}
        flops = self._workers["cnnbp"]("flops", case) if "cnnbp" in self._workers else None
        return self._measure(str(case), flops, modes)

    def _pass(self, case: PassCase) -> Result:
        modes = {name: worker("prepare_pass", case) for name, worker in self._workers.items()}
        return self._measure(str(case), case.flops, modes)

    def _check_same_work(self, case: NetworkCase, steps: int = 3) -> None:
        start, theirs = self._workers["PyTorch"]("train_from_start", case, steps)
        ours = self._workers["cnnbp"]("train_from", case, start, steps)
        if any(abs(a - b) > SAME_LOSS * abs(b) for a, b in zip(ours, theirs, strict=True)):
            raise RuntimeError(
                f"{case}: the libraries do not train the same network; "
                f"losses of the first steps: cnnbp {ours}, PyTorch {theirs}"
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
