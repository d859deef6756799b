"""Fully connected layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Never

from cnnbp import _core
from cnnbp.arguments import read_flag, read_integer
from cnnbp.layers.base import Layer, read_activation, refuse_unneeded


@dataclass(frozen=True, init=False, repr=False)
class Linear(Layer):
    """Every output sees every input: ``u = W x + b``, ``o = f(u)``, as ``torch.nn.Linear``.

    Maps are flattened on the way in, in the order (channel, row, column). Parameters: ``weight``
    of shape ``(out_features, in_features)`` and ``bias`` ``(out_features,)``. Weights start
    uniform in ``±√(6 / (in_features + out_features))``, biases at 0.

    Parameters
    ----------
    out_features : int
        Number of outputs, at least 1.
    bias : bool
        Whether a bias is learned.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds the parameters at their values: they have no gradient.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.
    """

    out_features: int
    bias: bool
    activation: str | None
    trainable: bool

    def __init__(
        self,
        out_features: int,
        *extra: Never,
        bias: bool = True,
        activation: str | None = None,
        trainable: bool = True,
    ) -> None:
        if extra:
            raise TypeError(
                "Linear takes out_features, the rest by name; input features are inferred. "
                f"Instead of Linear{(out_features, *extra)} write Linear({extra[0]})"
            )
        self._assign(
            out_features=read_integer(out_features, "Linear out_features"),
            bias=read_flag(bias, "Linear bias"),
            activation=read_activation(activation, "Linear activation"),
            trainable=read_flag(trainable, "Linear trainable"),
        )

    def definition(self) -> _core.Linear:
        """Return the same layer for the compiled core."""
        return _core.Linear(
            out_features=self.out_features,
            bias=self.bias,
            activation=self.activation or "identity",
            trainable=self.trainable,
        )


class Flatten(Layer):
    """Maps as one row of features, in the order (channel, row, column).

    `Linear` does this itself; the layer is there for networks that end in maps, and for
    definitions brought from elsewhere.
    """

    def __init__(self, *extra: Never) -> None:
        takes = "no arguments: it flattens all axes but the batch's"
        refuse_unneeded("Flatten", takes, extra=extra)

    def definition(self) -> _core.Flatten:
        """Return the same layer for the compiled core."""
        return _core.Flatten()
