"""Update rules: how gradients change parameters."""

from cnnbp.optim.base import Optimizer
from cnnbp.optim.rules import SGD, Adagrad, Adam, AdamW, Lion, RMSprop

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "Optimizer", "RMSprop"]
