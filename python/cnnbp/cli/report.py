"""What came of a training run."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnbp.cli.plan import Plan
from cnnbp.cli.test_part import test_part
from cnnbp.data import Dataset
from cnnbp.network import Network
from cnnbp.training.history import finite

#: In place of a class where none was read.
UNREAD = -1
#: At so many times its first value a loss has clearly grown. Batches differ: of small networks on
#: digits, those at too low a rate came to 1.01, those at too high a one from there to 10⁹.
GROWN = 1.1


@dataclass(frozen=True)
class Confusion:
    """How often images of one class were read as another."""

    truth: int
    read: int
    times: int


@dataclass(frozen=True)
class Report:
    """A trained network, how the training went, and what it makes of the test images.

    Attributes
    ----------
    plan : Plan
        What was to be trained.
    network : Network
        As trained; its ``history`` holds the epochs that were finished.
    data : Dataset
        What it was trained and tested on.
    outputs : ndarray, shape (N, classes)
        Outputs for the test images.
    loss, accuracy : float
        Mean loss, and share of right classes, over the test images.
    seconds : float
        Duration of the training, with the test after every epoch.
    interrupted : bool
        Whether Ctrl-C ended the training early.
    """

    plan: Plan
    network: Network
    data: Dataset
    outputs: NDArray[np.floating]
    loss: float
    accuracy: float
    seconds: float
    interrupted: bool

    @cached_property
    def read(self) -> NDArray[np.intp]:
        """Class read on each test image, ``(N,)``; `UNREAD` where there is none.

        None is where an output is not finite: argmax would name the first NaN.
        """
        read = np.isfinite(self.outputs).all(axis=1)
        return np.where(read, self.outputs.argmax(axis=1), UNREAD)

    @property
    def unread(self) -> int:
        """Number of test images on which no class was read."""
        return int((self.read == UNREAD).sum())

    @cached_property
    def misread(self) -> NDArray[np.intp]:
        """Places of the misread test images, the surest mistakes first, without unread ones.

        A mistake is the surer the more probable its class was or, where outputs are no logits, the
        further it lies ahead of the true one.
        """
        truth = self._truth
        wrong = np.flatnonzero((self.read != truth) & (self.read != UNREAD))
        if self.confidence is not None:
            sureness = self.confidence[wrong]
        else:
            sureness = self.outputs[wrong, self.read[wrong]] - self.outputs[wrong, truth[wrong]]
        return wrong[np.argsort(-sureness, kind="stable")]

    @cached_property
    def confidence(self) -> NDArray[np.float64] | None:
        """Probability given to what was read, ``(N,)``; None where outputs are no logits."""
        if self.plan.loss != "cross_entropy":
            return None
        # softmax at the largest logit: its exponential is exp(0), or NaN if it is infinite.
        logits = self.outputs.astype(np.float64)
        with np.errstate(invalid="ignore"):
            behind = logits - logits.max(axis=1, keepdims=True)
        probability: NDArray[np.float64] = 1 / np.exp(behind).sum(axis=1)
        return probability

    @property
    def diverged(self) -> bool:
        """Whether the loss, of the last epoch or of the test images, is infinite or NaN."""
        last = [epoch.loss for epoch in self.network.history.epochs[-1:]]
        return not all(map(math.isfinite, [*last, self.loss]))

    @property
    def growth(self) -> tuple[float, float] | None:
        """The loss before and after, if it has clearly grown and is finite.

        That is, from the first batch or the first epoch, whichever has less, to the last epoch.
        """
        history = self.network.history
        if not history.epochs or self.diverged:
            return None
        before = min(history.batch_losses[0], history.epochs[0].loss)
        after = history.epochs[-1].loss
        return (before, after) if after > GROWN * before else None

    def confusions(self) -> list[Confusion]:
        """All pairs of a class and what it was misread as, the most frequent first."""
        pairs = zip(self._truth[self.misread], self.read[self.misread], strict=True)
        counts = Counter((int(truth), int(read)) for truth, read in pairs)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [Confusion(truth, read, times) for (truth, read), times in ordered]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that JSON can hold; a number that is not finite is None."""
        summary = self.network.summary()
        plain: dict[str, Any] = {
            "name": self.plan.name,
            "spec": self.plan.spec,
            "loss": self.plan.loss,
            "batch_size": self.plan.batch_size,
            "dtype": self.plan.dtype,
            "seed": self.plan.seed,
            "layers": [asdict(layer) for layer in summary.layers],
            "parameters": summary.parameters,
            "multiply_adds": summary.multiply_adds,
            "epochs": [asdict(epoch) for epoch in self.network.history.epochs],
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "diverged": self.diverged,
            "test": {
                "loss": self.loss,
                "accuracy": self.accuracy,
                "misread": len(self.misread),
                "unread": self.unread,
                "confusions": [asdict(confusion) for confusion in self.confusions()],
            },
        }
        return {name: finite(value) for name, value in plain.items()}

    @property
    def _truth(self) -> NDArray[np.int64]:
        return test_part(self.data).y
