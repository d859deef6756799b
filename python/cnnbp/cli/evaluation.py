"""What a network makes of images whose classes are known."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from cnnbp.cli.reading import UNREAD, Reading
from cnnbp.losses import LossName, read_loss
from cnnbp.network import Network
from cnnbp.training import Samples


@dataclass(frozen=True)
class Confusion:
    """How often images of one class were read as another."""

    truth: int
    read: int
    times: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A network, and what it reads on images.

    Attributes
    ----------
    network : Network
        As trained.
    truth : ndarray of int64, shape (N,)
        Classes of the images.
    outputs : ndarray, shape (N, K)
        Outputs for the images.
    loss, accuracy : float
        Mean loss, and share of right classes, over the images.
    """

    network: Network
    truth: NDArray[np.int64]
    outputs: NDArray[np.floating]
    loss: float
    accuracy: float

    @classmethod
    def of(cls, network: Network, samples: Samples, **more: Any) -> Self:
        """Evaluate a network; `more` is what an heir has, too."""
        reading = Reading.of(network, samples.x)
        figures = network.evaluate(samples.x, samples.y)
        return cls(network=network, truth=samples.y, outputs=reading.outputs, **figures, **more)

    @cached_property
    def reading(self) -> Reading:
        """What the outputs mean."""
        return Reading(self.outputs, self.network.definition.loss)

    @property
    def read(self) -> NDArray[np.intp]:
        """Class read on each image, ``(N,)``; `UNREAD` where there is none."""
        return self.reading.classes

    @property
    def unread(self) -> int:
        """Number of images on which no class was read."""
        return int((self.read == UNREAD).sum())

    @cached_property
    def misread(self) -> NDArray[np.intp]:
        """Places of the misread images, the surest mistakes first, without unread ones.

        A mistake is the surer the more probable its class was or, where outputs are no logits, the
        further it lies ahead of the true one.
        """
        wrong = np.flatnonzero((self.read != self.truth) & (self.read != UNREAD))
        sure = self.confidence
        sureness = self.reading.lead(wrong, self.truth[wrong]) if sure is None else sure[wrong]
        return wrong[np.argsort(-sureness, kind="stable")]

    @property
    def confidence(self) -> NDArray[np.float64] | None:
        """Probability given to what was read, ``(N,)``; None where outputs are no logits."""
        return self.reading.probability

    def confusions(self) -> list[Confusion]:
        """All pairs of a class and what it was misread as, the most frequent first."""
        pairs = zip(self.truth[self.misread], self.read[self.misread], strict=True)
        counts = Counter((int(truth), int(read)) for truth, read in pairs)
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [Confusion(truth, read, times) for (truth, read), times in ordered]

    def figures(self) -> dict[str, Any]:
        """Return plain data; the loss may be one that is not finite."""
        return {
            "loss": self.loss,
            "accuracy": self.accuracy,
            "misread": len(self.misread),
            "unread": self.unread,
            "confusions": [asdict(confusion) for confusion in self.confusions()],
        }


def loss_name(network: Network) -> str:
    """Return what a network minimises, as ``--loss`` spells it."""
    kind = type(network.definition.loss)
    names: tuple[str, ...] = get_args(LossName)
    return next(name for name in names if type(read_loss(name)) is kind)
