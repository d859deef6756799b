"""A library's side of a comparison, in a process of its own.

Two libraries in one process would have two pools of OpenMP threads, and threads that wait for work
spin: they take the cores from the side that is being measured. So each library is loaded in its
own process, works when it is asked to, and sleeps while the other's turn lasts.
"""

import importlib
import multiprocessing
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from benchmarks.cases import (
    TINY,
    Case,
    EpochCase,
    NetworkCase,
    PassCase,
    PredictionCase,
    ScalingCase,
)
from benchmarks.peak import growth
from benchmarks.results import on_threads

#: Seconds in which waiting OpenMP threads fall asleep; those of GCC's runtime spin for about 7 ms.
FALL_ASLEEP = 0.02

#: Works for about so many seconds; returns the seconds that one step took.
Measure = Callable[[float], float]


class Library(ABC):
    """What a worker does; each library's module has a subclass of the name ``Side``."""

    def __init__(self, threads: int) -> None:
        self.modes: dict[str, Measure] = {}
        self.threads = threads
        self.set_threads(threads)

    @abstractmethod
    def set_threads(self, threads: int) -> None:
        """Work with so many threads from now on."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the version, and whatever else the figures depend on."""

    @abstractmethod
    def training(self, case: NetworkCase) -> dict[str, Measure]:
        """Build the network; return the modes its training step can run in."""

    @abstractmethod
    def prediction(self, case: PredictionCase) -> dict[str, Measure]:
        """Build the network; return the modes its prediction can run in."""

    @abstractmethod
    def epoch(self, case: EpochCase) -> dict[str, Measure]:
        """Build the network; return the modes its epoch can run in."""

    def scaling(self, case: ScalingCase) -> dict[str, Measure]:
        """Build the network; return the modes of its training step, for both numbers of threads."""
        return {
            on_threads(mode, threads): partial(self._measure_with, threads, measure)
            for mode, measure in self.training(case.network).items()
            for threads in (1, self.threads)
        }

    def _measure_with(self, threads: int, measure: Measure, seconds: float) -> float:
        self.set_threads(threads)
        try:
            return measure(seconds)
        finally:
            self.set_threads(self.threads)

    @abstractmethod
    def builder(self, case: NetworkCase, mode: str) -> Callable[[], Callable[[], object]]:
        """Make the data; return what builds the network and returns its step."""

    def memory_of_training(self, case: NetworkCase, mode: str) -> int:
        """Return the bytes by which the process grows at most while a network is trained."""
        _train(self.builder(TINY, mode))
        return growth(partial(_train, self.builder(case, mode)))

    @abstractmethod
    def convolution(self, case: PassCase) -> dict[str, Measure]:
        """Make the arrays; return the modes the pass can run in."""

    def prepare(self, case: Case) -> list[str]:
        """Make what the case needs; return the names of the modes it can run in."""
        match case:
            case NetworkCase():
                self.modes = self.training(case)
            case PredictionCase():
                self.modes = self.prediction(case)
            case EpochCase():
                self.modes = self.epoch(case)
            case ScalingCase():
                self.modes = self.scaling(case)
            case PassCase():
                self.modes = self.convolution(case)
        return list(self.modes)

    def measure(self, mode: str, seconds: float) -> float:
        """Return the seconds that a step in this mode takes."""
        step = self.modes[mode](seconds)
        time.sleep(FALL_ASLEEP)
        return step


def _train(build: Callable[[], Callable[[], object]], steps: int = 5) -> None:
    step = build()
    for _ in range(steps):
        step()


def timed(step: Callable[[], object], *, steps_a_call: int = 1) -> Measure:
    """Make a measure of `step`: the median of its calls, after one that wakes the threads."""
    return partial(_median_call, step, steps_a_call)


def _median_call(step: Callable[[], object], steps_a_call: int, seconds: float) -> float:
    step()
    calls: list[float] = []
    end = time.perf_counter() + seconds
    while not calls or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        calls.append(time.perf_counter() - start)
    return median(calls) / steps_a_call


class Worker:
    """A process that holds a library's ``Side`` and calls its methods on request.

    Parameters
    ----------
    module : str
        The module whose class ``Side`` the process makes.
    **options : Any
        Its arguments.
    """

    def __init__(self, module: str, **options: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other_end = context.Pipe()
        arguments = other_end, module, options
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        other_end.close()
        self.cpu_seconds = 0.0

    def __call__(self, method: str, *arguments: Any) -> Any:
        """Call a method of the side; a RuntimeError if it raised, which the process printed."""
        try:
            self._connection.send((method, arguments))
            answer, self.cpu_seconds = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            raise RuntimeError(f"the process measured failed in {method}, see above") from None
        return answer

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()


def _serve(connection: Connection, module: str, options: dict[str, Any]) -> None:
    side = importlib.import_module(module).Side(**options)
    while True:
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        connection.send((getattr(side, method)(*arguments), time.process_time()))
