"""Running plans: train each, test it, and hand over the report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import cnnbp
from cnnbp import _core
from cnnbp.cli.plan import Plan
from cnnbp.cli.report import Report
from cnnbp.cli.test_part import test_part, with_test_part
from cnnbp.data import Dataset
from cnnbp.network import Network
from cnnbp.training.progress import Progress


@dataclass(frozen=True)
class Environment:
    """What computes: the version of cnnbp, the instruction set and the number of threads."""

    version: str
    instruction_set: str
    threads: int

    @classmethod
    def current(cls) -> Environment:
        """Ask the core."""
        return cls(cnnbp.__version__, _core.isa(), _core.get_num_threads())


class Watcher(Protocol):
    """Whoever wants to see a session go by."""

    def open(self, environment: Environment, data: Dataset) -> None:
        """Hear that everything is ready."""

    def introduce(self, plan: Plan, network: Network) -> None:
        """Hear of a network that has been made."""

    def watch(self, plan: Plan, images: int, last: int) -> AbstractContextManager[Progress]:
        """Be there while a network trains on so many images, up to the epoch of number `last`.

        What is entered is told of it.
        """

    def conclude(self, report: Report) -> None:
        """Hear of a network that has been trained and tested."""

    def tell(self, what: str, *texts: str) -> None:
        """Hear of one thing, such as a file that has been written."""


def run(plans: Sequence[Plan], data: Dataset, watcher: Watcher) -> Iterator[Report]:
    """Train and test one network after the other; Ctrl-C ends the session after its report.

    Data without a test part are split, by the seed of the first network.

    Raises
    ------
    OSError, TypeError, ValueError
        If a plan has an option out of range or does not fit the data.
    """
    # All are built first, so that what does not fit is said before anything is trained.
    planned = [(plan, plan.build(data)) for plan in plans]
    watcher.open(Environment.current(), data)
    data = with_test_part(data, planned[0][1].definition.seed)
    for given, network in planned:
        # Larger batches would be the same ones, and the table would tell of memory that none takes.
        plan = replace(given, batch_size=min(given.batch_size, len(data.x_train)))
        watcher.introduce(plan, network)
        report = _train(plan, network, data, watcher)
        watcher.conclude(report)
        yield report
        if report.interrupted:
            break


def _train(plan: Plan, network: Network, data: Dataset, watcher: Watcher) -> Report:
    test = test_part(data)
    interrupted = False
    last = network.epochs_trained + plan.epochs
    start = time.perf_counter()
    with watcher.watch(plan, len(data.x_train), last) as progress:
        try:
            network.fit(
                data.x_train,
                data.y_train,
                epochs=plan.epochs,
                batch_size=plan.batch_size,
                validation_data=(test.x, test.y),
                progress=progress,
                schedule=plan.schedule,
            )
        except KeyboardInterrupt:
            interrupted = True
    seconds = time.perf_counter() - start
    how = {"plan": plan, "data": data, "seconds": seconds, "interrupted": interrupted}
    return Report.of(network, test, **how)
