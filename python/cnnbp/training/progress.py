"""How training shows its progress: a bar on a terminal, a line per epoch elsewhere, or nothing."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from cnnbp.training.history import Epoch

if TYPE_CHECKING:
    from types import TracebackType


@runtime_checkable
class Progress(Protocol):
    """What the loop tells while it trains."""

    def begin(self, number: int) -> None:
        """Open epoch `number`, counted from 1."""
        ...

    def on_batch(self, batches_done: int, loss: float) -> None:
        """Show how many batches of the epoch are done, and the loss of the last."""
        ...

    def end(self, epoch: Epoch) -> None:
        """Close an epoch."""
        ...


def make_progress(
    shown: bool | Progress, *, last_epoch: int, samples: int, batch_size: int
) -> AbstractContextManager[Progress]:
    """Choose how progress is shown; the result is entered while training runs."""
    if isinstance(shown, Progress) and not isinstance(shown, type):
        return nullcontext(shown)
    if not isinstance(shown, bool | np.bool_):
        raise TypeError(
            "progress must be True, False or an object with begin, on_batch and end, as "
            f"cnnbp.training.Progress, got {shown!r}"
        )
    if not shown:
        return nullcontext(Silence())
    # A service may have no output at all, or an object that writes and no more.
    isatty = getattr(sys.stdout, "isatty", None)
    if isatty is not None and isatty():
        return Bar(last_epoch=last_epoch, samples=samples, batch_size=batch_size)
    return nullcontext(Lines(last_epoch))


class Silence:
    """Shows nothing."""

    def begin(self, number: int) -> None:
        """Nothing to show."""

    def on_batch(self, batches_done: int, loss: float) -> None:
        """Nothing to show."""

    def end(self, epoch: Epoch) -> None:
        """Nothing to show."""


class Lines(Silence):
    """Prints a line when an epoch is over."""

    def __init__(self, last_epoch: int) -> None:
        self._last_epoch = last_epoch

    def end(self, epoch: Epoch) -> None:
        """Print the epoch's record."""
        flush = hasattr(sys.stdout, "flush")
        print(f"epoch {epoch.number}/{self._last_epoch}  {epoch}", flush=flush)


class Bar:
    """A bar for the epoch under way, above it a line for each that is over."""

    def __init__(self, *, last_epoch: int, samples: int, batch_size: int) -> None:
        from rich import progress as rich

        self._last_epoch = last_epoch
        self._samples = samples
        self._batch_size = batch_size
        self._bar = rich.Progress(
            rich.TextColumn("epoch {task.fields[number]}" + f"/{last_epoch}"),
            rich.BarColumn(),
            rich.TextColumn("loss {task.fields[loss]}  {task.fields[speed]} images/s"),
            rich.TimeRemainingColumn(compact=True),
            transient=True,
        )
        self._task = self._bar.add_task(
            "", visible=False, total=samples, number=1, loss="-", speed="-"
        )

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, number: int) -> None:
        """Start the bar anew."""
        self._bar.reset(self._task, visible=True, number=number, loss="-", speed="-")

    def on_batch(self, batches_done: int, loss: float) -> None:
        """Move the bar on."""
        images = min(batches_done * self._batch_size, self._samples)
        elapsed = self._bar.tasks[0].elapsed
        speed = f"{images / elapsed:,.0f}" if elapsed else "-"
        self._bar.update(self._task, completed=images, loss=f"{loss:.4f}", speed=speed)

    def end(self, epoch: Epoch) -> None:
        """Print the epoch's record above the bar."""
        line = f"epoch {epoch.number}/{self._last_epoch}  {epoch}"
        self._bar.console.print(line, highlight=False, soft_wrap=True)
