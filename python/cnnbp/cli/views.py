"""What a person sees of a session: tables and bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from cnnbp.cli import wording
from cnnbp.cli.plan import Plan
from cnnbp.cli.report import Report
from cnnbp.cli.session import Environment, Watcher
from cnnbp.data import Dataset
from cnnbp.network import Network
from cnnbp.summary import HEADINGS
from cnnbp.training import Epoch

if TYPE_CHECKING:
    from rich.console import Console


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
        self._print(f"data: {wording.data_line(data)}")

    def introduce(self, plan: Plan, network: Network) -> None:
        """Print the table of layers."""
        self._print(f"\n{plan.title}: {wording.plan_line(plan, network)}")
        self._print(str(network.summary()).replace("×", "x"))

    @contextmanager
    def watch(self, plan: Plan) -> Iterator[Callable[[Epoch], None]]:
        """Print a line after every epoch."""
        yield lambda epoch: self._print(wording.epoch_line(epoch, plan))

    def conclude(self, report: Report) -> None:
        """Print how good the network is."""
        for warning in wording.warnings(report):
            self._print(warning)
        self._print(f"test accuracy: {wording.result_line(report)}")
        self._print(f"worst confusions: {'; '.join(wording.worst_confusions(report))}")

    def wrote(self, what: str, path: Path) -> None:
        """Print where a file is."""
        self._print(f"{what}: {path}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class RichView:
    """Tables, a bar while training, and a little colour."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def open(self, environment: Environment, data: Dataset) -> None:
        """Print what computes, and the data."""
        self._console.print(wording.environment_line(environment), style="bold")
        self._tell("data", wording.data_line(data))

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
    def watch(self, plan: Plan) -> Iterator[Callable[[Epoch], None]]:
        """Show a bar over all epochs."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        bar = Progress(
            TextColumn("epoch {task.completed}/{task.total}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=self._console,
            expand=True,
        )
        with bar:
            task = bar.add_task("", total=plan.epochs, figures="")
            yield lambda epoch: bar.update(task, advance=1, figures=wording.epoch_figures(epoch))

    def conclude(self, report: Report) -> None:
        """Print how good the network is."""
        for warning in wording.warnings(report):
            self._console.print(warning, style="yellow")
        self._tell("test accuracy", wording.result_line(report))
        self._tell("worst confusions", "\n".join(wording.worst_confusions(report)))

    def wrote(self, what: str, path: Path) -> None:
        """Print where a file is."""
        self._tell(what, str(path))

    def _tell(self, what: str, text: str) -> None:
        from rich.table import Table

        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="cyan", min_width=len("worst confusions"))
        grid.add_column(overflow="fold")
        grid.add_row(what, text)
        self._console.print(grid)
