"""The training loop, what it records and how it shows its progress."""

from cnnbp.training.fitting import Fitted, fit
from cnnbp.training.history import Epoch, History
from cnnbp.training.loop import Samples, Schedule, Trainable, train
from cnnbp.training.progress import Progress

__all__ = [
    "Epoch",
    "Fitted",
    "History",
    "Progress",
    "Samples",
    "Schedule",
    "Trainable",
    "fit",
    "train",
]
