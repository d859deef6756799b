"""What a person sees of a session: tables and bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO

from cnnbp.cli import wording
from cnnbp.cli.plan import Plan
from cnnbp.cli.report import Report
from cnnbp.cli.session import Environment, Watcher
from cnnbp.data import Dataset
from cnnbp.network import Network
from cnnbp.summary import HEADINGS
from cnnbp.training import Epoch
from cnnbp.training.progress import Progress, Silence

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar


def make_view(stream: TextIO) -> Watcher:
    """Choose the view that `stream` can show."""
    if (console := terminal(stream)) is not None:
        return RichView(console)
    if isinstance(stream, io.TextIOWrapper):
        # A name from the user's files must not end the program where it cannot be written.
        stream.reconfigure(errors="replace")
    return PlainView(stream)


def terminal(stream: TextIO) -> Console | None:
    """Return what draws on `stream`; None if it is no terminal, or one without Unicode."""
    encoding = (stream.encoding or "ascii").lower().replace("-", "")
    if not stream.isatty() or encoding != "utf8" or os.environ.get("TERM") == "dumb":
        return None
    from rich.console import Console

    return Console(file=stream, markup=False, highlight=False, emoji=False)


class PlainView:
    """Lines of text, one an epoch, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def open(self, environment: Environment, data: Dataset) -> None:
        """Print what computes, and the data."""
        self._print(wording.environment_line(environment))
        self.tell("data", wording.data_line(data))

    def introduce(self, plan: Plan, network: Network) -> None:
        """Print the table of layers."""
        self._print(f"\n{plan.title}: {wording.plan_line(plan, network)}")
        self._print(str(network.summary(batch_size=plan.batch_size)).replace("×", "x"))

    def watch(self, plan: Plan, images: int, last: int) -> AbstractContextManager[Progress]:
        """Print a line after every epoch."""
        return nullcontext(EpochLines(last, self._print))

    def conclude(self, report: Report) -> None:
        """Print how good the network is."""
        for warning in wording.warnings(report):
            self._print(warning)
        self.tell("test accuracy", wording.result_line(report))
        self.tell("worst confusions", *wording.worst_confusions(report))

    def tell(self, what: str, *texts: str) -> None:
        """Print a line."""
        self._print(f"{what}: {'; '.join(texts)}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class EpochLines(Silence):
    """Prints a line when an epoch is over."""

    def __init__(self, last: int, show: Callable[[str], None]) -> None:
        self._last = last
        self._show = show

    def end(self, epoch: Epoch) -> None:
        """Print the epoch's record."""
        self._show(wording.epoch_line(epoch, self._last))


class RichView:
    """Tables, a bar while training, and a little colour."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def open(self, environment: Environment, data: Dataset) -> None:
        """Print what computes, and the data."""
        self._console.print(wording.environment_line(environment), style="bold")
        self.tell("data", wording.data_line(data))

    def introduce(self, plan: Plan, network: Network) -> None:
        """Print the table of layers."""
        from rich import box
        from rich.table import Table

        self._console.print(f"\n{plan.title}", style="bold")
        self._console.print(wording.plan_line(plan, network) + "\n", style="dim")
        table = Table(
            box=box.SIMPLE_HEAD,
            collapse_padding=True,
            pad_edge=False,
            show_edge=False,
            show_footer=True,
            header_style="dim",
        )
        *rows, total = network.summary().rows()
        for heading, footer in zip(HEADINGS, total, strict=True):
            is_number = heading in ("parameters", "multiply-adds")
            table.add_column(heading, footer, justify="right" if is_number else "left")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)
        self._console.print()

    @contextmanager
    def watch(self, plan: Plan, images: int, last: int) -> Iterator[Progress]:
        """Show a bar over all epochs."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=self._console,
            expand=True,
        )
        with bar:
            yield EpochBar(plan, images, last, bar)

    def conclude(self, report: Report) -> None:
        """Print how good the network is."""
        for warning in wording.warnings(report):
            self._console.print(warning, style="yellow")
        self.tell("test accuracy", wording.result_line(report))
        self.tell("worst confusions", *wording.worst_confusions(report))

    def tell(self, what: str, *texts: str) -> None:
        """Print what it is about, and beside it a line for each text."""
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="cyan", min_width=len("worst confusions"))
        grid.add_column(overflow="fold")
        grid.add_row(what, "\n".join(texts))
        self._console.print(grid)


class EpochBar:
    """Moves a bar that spans all epochs; beside it the figures of the last epoch."""

    def __init__(self, plan: Plan, images: int, last: int, bar: Bar) -> None:
        self._bar = bar
        self._last = last
        self._batches = math.ceil(images / plan.batch_size)
        self._done = 0
        self._task = bar.add_task("", total=plan.epochs * self._batches, figures="")

    def begin(self, number: int) -> None:
        """Say which epoch it is."""
        self._bar.update(self._task, description=f"epoch {number}/{self._last}")

    def on_batch(self, batches_done: int, loss: float) -> None:
        """Move the bar on."""
        self._bar.update(self._task, completed=self._done + batches_done)
        if not self._done:
            self._bar.update(self._task, figures=f"loss {loss:.4f}")

    def end(self, epoch: Epoch) -> None:
        """Show the epoch's figures."""
        self._done += self._batches
        self._bar.update(self._task, completed=self._done, figures=wording.epoch_figures(epoch))
