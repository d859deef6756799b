"""What is read from outputs: a class for every image, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.losses import BCEWithLogits, CrossEntropy, Loss
from cnnbp.network import Network

#: In place of a class where none was read.
UNREAD = -1


@dataclass(frozen=True)
class Reading:
    """The classes that a network's outputs mean.

    Attributes
    ----------
    outputs : ndarray, shape (N, K)
        What the network predicts.
    loss : Loss
        What it was trained by; it decides what the outputs are.
    """

    outputs: NDArray[np.floating]
    loss: Loss

    @classmethod
    def of(cls, network: Network, images: ArrayLike) -> Reading:
        """Let a network read images, ``(N, C, H, W)``."""
        outputs = network.predict(images)
        return cls(outputs.reshape(len(outputs), -1), network.definition.loss)

    @cached_property
    def classes(self) -> NDArray[np.intp]:
        """Class read on each image, ``(N,)``; `UNREAD` where there is none.

        None is where an output is not finite: argmax would name the first NaN. One output means
        class 1 or 0, as `Network.evaluate` counts.
        """
        if self.outputs.shape[1] == 1:
            read = (self.outputs[:, 0] > self._middle).astype(np.intp)
        else:
            read = self.outputs.argmax(axis=1)
        return np.where(np.isfinite(self.outputs).all(axis=1), read, UNREAD)

    @cached_property
    def probability(self) -> NDArray[np.float64] | None:
        """Probability given to what was read, ``(N,)``; None where outputs are no logits."""
        logits = self.outputs.astype(np.float64)
        probability: NDArray[np.float64] | None = None
        if isinstance(self.loss, CrossEntropy):
            # softmax at the largest logit: its exponential is exp(0), or NaN if it is infinite.
            with np.errstate(invalid="ignore"):
                behind = logits - logits.max(axis=1, keepdims=True)
            probability = 1 / np.exp(behind).sum(axis=1)
        elif isinstance(self.loss, BCEWithLogits):
            one = logits.shape[1] == 1
            largest = (np.abs(logits) if one else logits).max(axis=1)
            probability = 0.5 + 0.5 * np.tanh(0.5 * largest)  # the sigmoid, without overflow
        return probability

    @property
    def score(self) -> NDArray[np.floating]:
        """The probability, or else the output, of what was read, ``(N,)``; NaN where nothing."""
        score: NDArray[np.floating] | None = self.probability
        if score is None:
            place = np.minimum(self.classes, self.outputs.shape[1] - 1)  # one output, two classes
            score = self.outputs[np.arange(len(place)), place]
        return np.where(self.classes == UNREAD, np.nan, score)

    def lead(self, place: NDArray[np.intp], truth: NDArray[np.integer]) -> NDArray[np.floating]:
        """How far the outputs for what was read lie ahead of those for `truth`, of some images."""
        some = self.outputs[place]
        if some.shape[1] == 1:
            ahead: NDArray[np.floating] = np.abs(some[:, 0] - self._middle)
        else:
            row = np.arange(len(some))
            ahead = some[row, self.classes[place]] - some[row, truth]
        return ahead

    @property
    def _middle(self) -> float:
        """Where one output passes from class 0 to class 1."""
        return 0.0 if isinstance(self.loss, BCEWithLogits) else 0.5
