"""What came of a training run."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cnnbp.cli.evaluation import Evaluation, loss_name
from cnnbp.cli.plan import Plan
from cnnbp.data import Dataset
from cnnbp.training.history import finite

#: At so many times its first value a loss has clearly grown. Batches differ: of small networks on
#: digits, those at too low a rate came to 1.01, those at too high a one from there to 10⁹.
GROWN = 1.1


@dataclass(frozen=True, kw_only=True)
class Report(Evaluation):
    """A trained network, how the training went, and what it makes of the test images.

    Attributes
    ----------
    plan : Plan
        What was to be trained.
    data : Dataset
        What it was trained and tested on; ``network.history`` holds the epochs that were finished.
    seconds : float
        Duration of the training, with the test after every epoch.
    interrupted : bool
        Whether Ctrl-C ended the training early.
    """

    plan: Plan
    data: Dataset
    seconds: float
    interrupted: bool

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

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that JSON can hold; a number that is not finite is None."""
        summary, definition = self.network.summary(), self.network.definition
        plain: dict[str, Any] = {
            "name": self.plan.name,
            **self.plan.to_dict(),
            "loss": loss_name(self.network),
            "batch_size": self.plan.batch_size,
            "dtype": definition.dtype,
            "seed": definition.seed,
            "layers": [asdict(layer) for layer in summary.layers],
            "parameters": summary.parameters,
            "multiply_adds": summary.multiply_adds,
            "epochs": [asdict(epoch) for epoch in self.network.history.epochs],
            "epochs_trained": self.network.epochs_trained,
            "seconds": self.seconds,
            "interrupted": self.interrupted,
            "diverged": self.diverged,
            "test": self.figures(),
        }
        return {name: finite(value) for name, value in plain.items()}
