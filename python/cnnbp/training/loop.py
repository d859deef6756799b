"""The loop over epochs.

The loop knows a network only by what `Trainable` asks of it; batches are gathered, trained on and
counted in the core.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cnnbp.training.history import Epoch
from cnnbp.training.progress import Progress

if TYPE_CHECKING:
    from cnnbp._core import Images


class Samples(NamedTuple):
    """Images ``(N, C, H, W)``, their class numbers ``(N,)`` or targets ``(N, K)``, and weights."""

    x: Images
    y: NDArray[Any]
    sample_weight: NDArray[np.float64] | None = None


class Trainable(Protocol):
    """What the loop needs of a network."""

    def train_epoch(
        self,
        x: Images,
        y: NDArray[Any],
        order: NDArray[np.int64],
        batch_size: int,
        on_batch: Callable[[int, float], object] | None = None,
        lr: NDArray[np.float64] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Train in the given order, at the rates `lr`; returns each batch's loss and weight."""
        ...

    def evaluate(
        self, x: Images, y: NDArray[Any], sample_weight: NDArray[np.float64] | None = None
    ) -> tuple[float, float | None]:
        """Return the mean loss, and the accuracy if there is one."""
        ...


@dataclass(frozen=True)
class Schedule:
    """How often, in what portions and in which order the samples are seen.

    Attributes
    ----------
    epochs : range
        Numbers of the epochs to train, counted from 0 over the network's life.
    batch_size : int
        Samples in a batch; the last batch of an epoch may be smaller.
    order : callable
        From an epoch's number to the order of the samples, int64 ``(N,)``.
    rates : callable
        From the losses of the epochs done, of the validation data where there are any, to the
        rates of the next epoch's batches.
    """

    epochs: range
    batch_size: int
    order: Callable[[int], NDArray[np.int64]]
    rates: Callable[[Sequence[float]], NDArray[np.float64]]


def train(
    network: Trainable,
    samples: Samples,
    schedule: Schedule,
    progress: Progress,
    validation: Samples | None = None,
) -> Iterator[tuple[Epoch, NDArray[np.float64]]]:
    """Train epoch by epoch; yields each epoch's record and the losses of its batches."""
    watched: list[float] = []
    for number in schedule.epochs:
        progress.begin(number + 1)
        rates = schedule.rates(watched)
        start = time.perf_counter()
        losses, weights = network.train_epoch(
            samples.x,
            samples.y,
            schedule.order(number),
            schedule.batch_size,
            progress.on_batch,
            rates,
            samples.sample_weight,
        )
        seconds = time.perf_counter() - start
        loss, accuracy = network.evaluate(*validation) if validation else (None, None)
        epoch = Epoch(
            number=number + 1,
            loss=_sample_mean(losses, weights),
            seconds=seconds,
            images_per_second=len(samples.x) / seconds,
            lr=float(rates[0]),
            last_lr=float(rates[-1]),
            val_loss=loss,
            val_accuracy=accuracy,
        )
        watched.append(epoch.watched)
        yield epoch, losses


def _sample_mean(losses: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Mean over samples of the batches' means, as `evaluate` weighs them."""
    whole = float(weights.sum())
    return float(losses @ weights) / whole if whole > 0 else float(losses.mean())
