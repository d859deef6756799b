"""What a training run leaves behind."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnbp.optim.plateau import ReduceLROnPlateau


@dataclass(frozen=True)
class Epoch:
    """One pass over the training samples.

    Attributes
    ----------
    number : int
        Counted from 1, over the network's life.
    loss : float
        Mean over the samples of the losses that the batches had when they were trained on.
    seconds : float
        Time the training took, without validation.
    images_per_second : float
        Samples trained on per second.
    lr, last_lr : float
        Learning rates of the first and the last batch.
    val_loss, val_accuracy : float or None
        Loss and accuracy on the validation data, after the epoch, as `Network.evaluate` has them;
        None without such data, and where they have no accuracy.
    """

    number: int
    loss: float
    seconds: float
    images_per_second: float
    lr: float
    last_lr: float
    val_loss: float | None = None
    val_accuracy: float | None = None

    @property
    def watched(self) -> float:
        """What `ReduceLROnPlateau` goes by: the loss of the validation data, if there are any."""
        return self.loss if self.val_loss is None else self.val_loss

    def __str__(self) -> str:
        parts = [f"loss {self.loss:.4f}"]
        if self.val_loss is not None:
            parts.append(f"val loss {self.val_loss:.4f}")
        if self.val_accuracy is not None:
            parts.append(f"val accuracy {self.val_accuracy:.2%}")
        parts.append(f"lr {self.lr:.3g}")
        if self.last_lr != self.lr:
            parts[-1] += f" to {self.last_lr:.3g}"
        parts += [f"{self.seconds:.1f} s", f"{self.images_per_second:,.0f} images/s"]
        return "  ".join(parts)


@dataclass
class History:
    """What one call of `Network.fit` did, epoch by epoch and batch by batch.

    Attributes
    ----------
    epochs : list of Epoch
        The epochs that were finished.
    batch_losses : list of float
        The loss of every batch of these epochs, in the order they were trained on.
    plateau : (ReduceLROnPlateau, float) or None
        The schedule, if it is one, and the optimizer's rate that it started from.
    watched : list of float
        What that schedule has seen: the losses of these epochs, and of those of the calls before
        that had the same `plateau`.
    """

    epochs: list[Epoch] = field(default_factory=list)
    batch_losses: list[float] = field(default_factory=list)
    plateau: tuple[ReduceLROnPlateau, float] | None = field(default=None, repr=False)
    watched: list[float] = field(default_factory=list, repr=False)

    def to_json(self) -> str:
        """Return the history as a JSON object with ``"epochs"`` and ``"batch_losses"``.

        A number that is not finite, as the loss of a training that diverged, is ``null``.
        """
        import json

        epochs = [asdict(epoch) for epoch in self.epochs]
        told = {"epochs": epochs, "batch_losses": self.batch_losses}
        return json.dumps(finite(told), allow_nan=False)


def finite(value: Any) -> Any:
    """Replace what JSON has no word for: infinity and NaN."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
