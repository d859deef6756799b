"""Update rules: how gradients change parameters; and learning-rate schedules.

`schedules` holds learning rates that follow the epoch or the batch.
"""

from cnnbp.optim import schedules
from cnnbp.optim.base import Optimizer
from cnnbp.optim.rules import SGD, Adagrad, Adam, AdamW, Lion, RMSprop

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "Optimizer", "RMSprop", "schedules"]
