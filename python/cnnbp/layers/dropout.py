"""Dropout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from cnnbp import _core
from cnnbp.arguments import read_number
from cnnbp.layers.base import Layer, refuse_unneeded


@dataclass(frozen=True, init=False, repr=False)
class Dropout(Layer):
    """Features set to 0 at random in training, the others scaled up, as ``torch.nn.Dropout``.

    In training ``u = m ∘ x``, where ``m`` is 0 with probability `p` and else ``1 / (1 - p)``, so
    that the mean stays; the delta below is ``f'(u) ∘ m ∘ δ``. Predictions and evaluations pass
    everything on as it is (Srivastava et al. 2014).

    Every feature of every sample is drawn by itself, and so is every pixel of a map. A draw depends
    on the network's seed, the number of training passes before, the layer's place in the network,
    the sample's place in the batch and the feature alone: it is the same for any number of threads
    and in both dtypes, and a saved network goes on with the draws it would have made.

    Parameters
    ----------
    p : float
        Probability of a feature to be dropped, at least 0 and below 1.

    Raises
    ------
    TypeError, ValueError
        If `p` is not a number or out of range.
    """

    p: float

    def __init__(self, p: float = 0.5, *extra: Never) -> None:
        refuse_unneeded("Dropout", "p alone; torch's inplace is not needed", p, extra=extra)
        number = read_number(p, "Dropout p")
        if not 0 <= number < 1:
            raise ValueError(f"Dropout p must be at least 0 and below 1, got {p!r}")
        self._assign(p=number)

    def definition(self) -> _core.Dropout:
        """Return the same layer for the compiled core."""
        return _core.Dropout(p=self.p)
