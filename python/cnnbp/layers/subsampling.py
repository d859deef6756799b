"""Trainable subsampling, as the notes have it."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbp import _core
from cnnbp.arguments import Pair, Size, read_flag, read_pair
from cnnbp.layers.base import Layer, read_activation


@dataclass(frozen=True, init=False, repr=False)
class Subsample2d(Layer):
    """Sum of each block of a map, times a learned factor, plus a learned bias.

    ``x_j = f(β_j · down(x_j) + b_j)``, where ``down`` sums the blocks that tile the map (Bouvrie
    2006, sub-sampling layers; the S layers of LeNet-5). With ``d_j = down(x_j)``:
    ``∂E/∂β_j = Σ δ_j ∘ d_j`` and ``∂E/∂b_j = Σ δ_j``; the delta below is ``β_j f'(u) ∘ up(δ_j)``.
    Parameters: ``beta`` and ``bias``, one number a map each. They start at one over the pixels of
    a block and at 0, where the layer is an `AvgPool2d`.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width of a block.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds the parameters at their values: they have no gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range. A map whose height or width the block
        does not divide is refused by `Network`.
    """

    kernel_size: Pair
    activation: str | None
    trainable: bool

    def __init__(
        self, kernel_size: Size, *, activation: str | None = None, trainable: bool = True
    ) -> None:
        self._assign(
            kernel_size=read_pair(kernel_size, "Subsample2d kernel_size"),
            activation=read_activation(activation, "Subsample2d activation"),
            trainable=read_flag(trainable, "Subsample2d trainable"),
        )

    def definition(self) -> _core.Subsample2d:
        """Return the same layer for the compiled core."""
        return _core.Subsample2d(
            kernel_size=self.kernel_size,
            activation=self.activation or "identity",
            trainable=self.trainable,
        )
