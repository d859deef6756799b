"""One call of `Network.fit`: the order of samples, the rates, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from cnnbp import _core
from cnnbp.arguments import is_true, read_flag, read_integer
from cnnbp.optim.plateau import ReduceLROnPlateau
from cnnbp.optim.schedule import LRSchedule, start_rates
from cnnbp.training.history import Epoch, History
from cnnbp.training.loop import Samples, Schedule, Trainable, train
from cnnbp.training.progress import Progress, make_progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnbp.optim import Optimizer


class Fitted(Protocol):
    """What a call of `fit` reads of a network, and what it keeps there."""

    history: History
    epochs_trained: int

    @property
    def optimizer(self) -> Optimizer:
        """How parameters are updated; whoever hears of an epoch may change it."""
        ...


def fit(
    network: Fitted,
    core: Trainable,
    samples: Samples,
    validation: Samples | None,
    *,
    seed: int,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    progress: bool | Progress,
    on_epoch: Callable[[Epoch], object] | None,
    schedule: LRSchedule | None,
) -> History:
    """Train `core`, and let `network` know after every epoch; see `Network.fit`.

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong type or out of range; nothing is trained then.
    """
    epochs, batch_size = read_integer(epochs, "epochs"), read_integer(batch_size, "batch_size")
    shuffle = read_flag(shuffle, "shuffle")
    if on_epoch is not None and not callable(on_epoch):
        raise TypeError(f"on_epoch must be a function of an Epoch, got {on_epoch!r}")
    size = len(samples.x)

    def order(epoch: int) -> NDArray[np.int64]:
        return _core.permutation(size, seed, epoch) if shuffle else np.arange(size)

    last = network.epochs_trained + epochs
    numbers, batches = range(network.epochs_trained, last), -(-size // batch_size)
    rates = start_rates(schedule, lambda: network.optimizer.lr, epochs=numbers, batches=batches)
    history = _begin(network, schedule)
    before = tuple(history.watched)
    course = Schedule(numbers, batch_size, order, lambda losses: rates([*before, *losses]))
    show = make_progress(progress, last_epoch=last, samples=size, batch_size=batch_size)
    with show as progress_shown:
        for epoch, losses in train(core, samples, course, progress_shown, validation):
            history.epochs.append(epoch)
            history.batch_losses.extend(losses.tolist())
            history.watched.append(epoch.watched)
            network.history, network.epochs_trained = history, epoch.number
            progress_shown.end(epoch)  # after it counts: Ctrl-C may follow on what is shown
            if on_epoch is not None and is_true(on_epoch(epoch)):
                break
    return history


def _begin(network: Fitted, schedule: LRSchedule | None) -> History:
    """Return the history of a new call, with what a plateau has seen in calls before.

    It goes on if it is the same from the same rate: whoever gives another means to begin anew.
    """
    if not isinstance(schedule, ReduceLROnPlateau):
        return History()
    plateau, last = (schedule, network.optimizer.lr), network.history
    return History(plateau=plateau, watched=last.watched[:] if plateau == last.plateau else [])
