"""What a network minimises.

Every class states ℓ, the loss of one sample with K outputs x and targets t. Class number y means
t_k = 1 for k = y and 0 elsewhere; a network with one output takes class numbers 0 and 1 as t. The
loss of a batch is the mean over its samples, weighted by `sample_weight` where there is one:
``Σ w ℓ / Σ w``, and 0 where all weights are 0.

Sums over a sample's outputs are sums, as in the DeepLearnToolbox. torch's ``reduction="mean"``
divides them by K, but for cross entropy: its MSELoss is 2 / K times `MSE`, and its L1Loss,
HuberLoss, BCEWithLogitsLoss and MultiMarginLoss are 1 / K times `L1`, `Huber`, `BCEWithLogits` and
`Hinge`.

References
----------
K. Crammer, Y. Singer: On the algorithmic implementation of multiclass kernel-based vector
machines. Journal of Machine Learning Research 2, 2001.

P. J. Huber: Robust estimation of a location parameter. Annals of Mathematical Statistics 35, 1964.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna: Rethinking the Inception architecture for
computer vision. CVPR 2016.

J. Weston, C. Watkins: Support vector machines for multi-class pattern recognition. ESANN 1999.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias, cast

from cnnbp import _core
from cnnbp.arguments import (
    items_of,
    read_amount,
    read_choice,
    read_integer,
    read_positive,
    read_share,
)
from cnnbp.names import OtherNames, Unneeded, shown

__all__ = ["L1", "MSE", "BCEWithLogits", "CrossEntropy", "Hinge", "Huber", "Loss"]

#: What a caller may write in place of a loss with its default options.
LossName: TypeAlias = Literal["mse", "cross_entropy", "bce_with_logits", "l1", "huber", "hinge"]

#: What torch's losses are told by name, and these are not.
_NAMES = OtherNames(
    renamed={"weight": "class_weights"},
    elsewhere={
        "weight": "what samples weigh is given with them, as sample_weight",
        **dict.fromkeys(
            ("reduction", "reduce", "size_average"),
            "it is a sum over outputs, and the mean over samples",
        ),
    },
)
_LOGITS = Unneeded("the outputs are logits", True)


@dataclass(frozen=True, repr=False)
class Loss:
    """A loss's definition: immutable, and equal to another with the same options.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range; the message names it.
    """

    def options(self) -> dict[str, Any]:
        """Return all arguments; ``type(loss)(**loss.options())`` equals the loss."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def definition(self) -> _core.Loss:
        """Return the same loss for the compiled core."""
        options = {name: value for name, value in self.options().items() if value is not None}
        return cast("_core.Loss", getattr(_core, type(self).__name__)(**options))

    def __repr__(self) -> str:
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _assign(self, **options: object) -> None:
        for name, value in options.items():
            object.__setattr__(self, name, value)


@_NAMES.answered
@dataclass(frozen=True, repr=False)
class MSE(Loss):
    """``ℓ = ½ Σ (x - t)²``: half the squared error, the DeepLearnToolbox's."""


@replace(
    _NAMES,
    unneeded={"reduction": Unneeded("it is the mean over samples", "mean"), "from_logits": _LOGITS},
    first=("weight", lambda value: items_of(value) is not None),
).answered
@dataclass(frozen=True, repr=False)
class CrossEntropy(Loss):
    """``ℓ = -Σ_k c_k ((1 - s) t_k + s / K) log softmax(x)_k``; the outputs x are logits.

    torch's CrossEntropyLoss: with class numbers y, the mean divides by ``Σ w c_y``, with targets
    by ``Σ w``. Targets are at least 0. A last layer that ends with sigmoid or softmax is refused.

    Parameters
    ----------
    label_smoothing : float
        s, at least 0 and below 1 (Szegedy et al. 2016).
    class_weights : sequence of float, optional
        c, one for each class, at least 0; 1 each when left out.
    ignore_index : int
        Samples of this class number weigh nothing: no loss, no delta, no part in the accuracy.
    """

    label_smoothing: float = 0.0
    class_weights: Sequence[float] | None = None
    ignore_index: int = -100

    def __post_init__(self) -> None:
        self._assign(
            label_smoothing=read_share(self.label_smoothing, "label_smoothing"),
            class_weights=_read_factors(self.class_weights, "class_weights"),
            ignore_index=read_integer(
                self.ignore_index, "ignore_index", minimum=-(2**63), maximum=2**63 - 1
            ),
        )


@replace(_NAMES, unneeded={"from_logits": _LOGITS}).answered
@dataclass(frozen=True, repr=False)
class BCEWithLogits(Loss):
    """``ℓ = -Σ_k p_k t_k log σ(x_k) + (1 - t_k) log (1 - σ(x_k))``; the outputs x are logits.

    Binary cross entropy: every output is a yes or no of its own, with a target from 0 to 1. The
    accuracy is the share of outputs on the right side, above 0 where the target is above ½ and not
    elsewhere; with class numbers and several outputs, of samples whose largest output is at the
    class. A last layer that ends with sigmoid or softmax is refused.

    Parameters
    ----------
    pos_weight : sequence of float, optional
        p, one for each output, at least 0; 1 each when left out.
    """

    pos_weight: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self._assign(pos_weight=_read_factors(self.pos_weight, "pos_weight"))


@_NAMES.answered
@dataclass(frozen=True, repr=False)
class L1(Loss):
    """``ℓ = Σ |x - t|``, with slope 0 where x = t."""


@_NAMES.answered
@dataclass(frozen=True, repr=False)
class Huber(Loss):
    """``ℓ = Σ h(x - t)``, ``h(e) = ½ e²`` where ``|e| ≤ delta``, else ``delta (|e| - ½ delta)``.

    Parameters
    ----------
    delta : float
        Error from which on the loss is linear, above 0 (Huber 1964).
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        self._assign(delta=read_positive(self.delta, "delta"))


@replace(_NAMES, unneeded={"p": Unneeded("the power is 1", 1)}).answered
@dataclass(frozen=True, repr=False)
class Hinge(Loss):
    """``ℓ = Σ_{k≠y} max(0, margin - x_y + x_k)``, for class numbers y.

    The multi-class hinge of Weston and Watkins 1999, torch's MultiMarginLoss. That of Crammer and
    Singer 2001 has the largest term in place of the sum.

    Parameters
    ----------
    margin : float
        By how much the right class should lead each other one, above 0.
    """

    margin: float = 1.0

    def __post_init__(self) -> None:
        self._assign(margin=read_positive(self.margin, "margin"))


_NAMED: dict[str, type[Loss]] = {
    "mse": MSE,
    "cross_entropy": CrossEntropy,
    "bce_with_logits": BCEWithLogits,
    "l1": L1,
    "huber": Huber,
    "hinge": Hinge,
}


def read_loss(given: object) -> Loss:
    """Read a loss, or the name of one with its default options."""
    if isinstance(given, Loss) and type(given) in _NAMED.values():
        return given
    if not isinstance(given, str):
        raise TypeError(f"loss must be a name or one of cnnbp.losses, got {shown(given, Loss)}")
    return _NAMED[read_choice(given, "loss", _NAMED)]()


def _read_factors(given: object, name: str) -> tuple[float, ...] | None:
    if given is None:
        return None
    items = items_of(given.tolist() if hasattr(given, "tolist") else given)  # torch's are tensors
    if items is None:
        raise TypeError(f"{name} must be a list of numbers, one for each output, got {given!r}")
    factors = tuple(read_amount(factor, f"each of {name}") for factor in items)
    if not any(factors):
        raise ValueError(f"{name} must hold a number above 0, got {factors}")
    return factors
