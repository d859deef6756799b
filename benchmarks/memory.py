"""Peak memory of training: each mode of each library in a process of its own."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from benchmarks.cases import NetworkCase
from benchmarks.library import Worker
from benchmarks.results import MemoryResult, MemoryRun, circumstances

MODES = {
    "cnnbp": ("benchmarks.in_cnnbp", ["train_step", "fit"]),
    "PyTorch": ("benchmarks.in_pytorch", ["eager", "eager channels_last"]),
}


def measure_memory(
    cases: Iterable[NetworkCase],
    libraries: Sequence[str],
    threads: int,
    on_case: Callable[[str], object],
) -> MemoryRun:
    """Train every network once in every mode; `on_case` is told the name of each before."""
    versions, results = {}, []
    for case in cases:
        on_case(str(case))
        grown = {}
        for library in libraries:
            module, modes = MODES[library]
            for mode in modes:
                with closing(Worker(module, threads=threads)) as worker:
                    versions[library] = worker("describe")
                    grown[f"{library} {mode}"] = worker("memory_of_training", case, mode)
        results.append(MemoryResult(case=str(case), peak_bytes=grown))
    found = circumstances({"threads": threads}, versions)
    return MemoryRun(circumstances=found, results=results)
