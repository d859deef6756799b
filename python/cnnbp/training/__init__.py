"""The training loop, what it records and how it shows its progress."""

from cnnbp.training.history import Epoch, History
from cnnbp.training.loop import Samples, Schedule, Trainable, train

__all__ = ["Epoch", "History", "Samples", "Schedule", "Trainable", "train"]
