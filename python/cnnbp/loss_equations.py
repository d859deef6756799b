"""The equations of losses, with their options: E, and ∂E/∂o for the network's output o.

y are the targets; of class numbers, 1 at the class and 0 elsewhere, and as an index the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from cnnbp.equation import (
    BACKWARD,
    CHAIN_RULE,
    DOCUMENTED,
    SOFTMAX,
    Equation,
    Sensitivity,
    number,
)
from cnnbp.losses import L1, MSE, BCEWithLogits, CrossEntropy, Hinge, Huber, Loss


@dataclass(frozen=True)
class Mean:
    """What decides how a batch's loss is a mean over its samples.

    Attributes
    ----------
    weighted : bool
        Whether the samples have weights.
    numbered : bool
        Whether they have class numbers, not target values.
    ignored : bool
        Whether some have the class number that the loss ignores.
    """

    weighted: bool = False
    numbered: bool = True
    ignored: bool = False

    @classmethod
    def of(cls, loss: Loss, y: NDArray[Any], sample_weight: NDArray[Any] | None) -> Mean:
        """Read it off a batch: class numbers ``(N,)`` or targets ``(N, K)``, and weights."""
        numbered = y.ndim == 1
        ignored = isinstance(loss, CrossEntropy) and numbered and (y == loss.ignore_index).any()
        return cls(sample_weight is not None, numbered, bool(ignored))


#: Of class numbers that all weigh the same.
PLAIN = Mean()


@dataclass(frozen=True)
class _Terms:
    """A loss without its mean: what is summed, its slope, and what their words mean.

    ``of`` is that of `Sensitivity`; each end defines what stands in the sum or in the slope, and
    ``share`` is what a sample's class adds to the mean's divisor.
    """

    sum: str
    term: str
    slope: str
    source: str
    words: tuple[str, ...] = ()
    of: str = ""
    sum_end: str = ""
    slope_end: str = ""
    share: str = ""


def value(loss: Loss, mean: Mean) -> Equation:
    """Return E, the mean over samples."""
    terms = _terms(loss, mean)
    if terms is None:
        return Equation(f"E = {loss} of o, y", DOCUMENTED)
    weight, divisor, words = _mean(loss, mean, terms)
    text = f"E = {terms.sum} {weight}{terms.term} / {divisor}{terms.sum_end}"
    return Equation(text, terms.source, words)


def slope(loss: Loss, mean: Mean) -> Sensitivity:
    """Return ∂E/∂o, which the delta of the network's last layer is made of."""
    terms = _terms(loss, mean)
    if terms is None:
        return Sensitivity("", "∂E/∂o", CHAIN_RULE)
    weight, divisor, words = _mean(loss, mean, terms)
    text = f"{weight}{terms.slope} / {divisor}{terms.slope_end}"
    return Sensitivity(terms.of, text, terms.source, words)


def _mean(loss: Loss, mean: Mean, terms: _Terms) -> tuple[str, str, str]:
    """Write a sample's weight, the mean's divisor, and what all words mean."""
    weight = "w " if mean.weighted else ""
    factors = f"{weight}{terms.share}".strip()
    divisor = f"Σ {factors}" if factors else "N"
    words = ["w: sample_weight"] if mean.weighted else []
    left_out = _left_out(loss, mean)
    if factors:
        words.append(f"{divisor}: over the samples{left_out}")
    elif left_out:
        words.append(f"N: number of samples{left_out}")
    return weight, divisor, ", ".join([*words, *terms.words])


def _left_out(loss: Loss, mean: Mean) -> str:
    """Say which samples do not count; of the usual number only where there are some."""
    if not isinstance(loss, CrossEntropy) or not mean.numbered:
        return ""
    if not mean.ignored and loss.ignore_index == CrossEntropy().ignore_index:
        return ""
    ignored = number(loss.ignore_index)
    return f" without those of class number {ignored}, whose loss and delta are 0"


def _terms(loss: Loss, mean: Mean) -> _Terms | None:
    match loss:
        case MSE():
            return _Terms("½ Σ", "(o − y)²", "(o − y)", BACKWARD)
        case L1():
            return _Terms("Σ", "|o − y|", "sign(o − y)", "least absolute deviations")
        case Huber():
            return _huber(loss)
        case Hinge():
            return _hinge(loss)
        case BCEWithLogits():
            return _bce_with_logits(loss)
        case CrossEntropy():
            return _cross_entropy(loss, mean.numbered)
    return None


def _huber(loss: Huber) -> _Terms:
    far = number(loss.delta)
    linear = "|e| − ½" if loss.delta == 1 else f"{far} (|e| − {number(loss.delta / 2)})"
    return _Terms(
        "Σ",
        "h(o − y)",
        f"min(max(o − y, −{far}), {far})",
        "Huber 1964",
        sum_end=f",  h(e) = ½ e² where |e| ≤ {far}, else {linear}",
    )


def _hinge(loss: Hinge) -> _Terms:
    term = f"{number(loss.margin)} − o_y + o_k"
    return _Terms(
        "Σ_{k≠y}",
        f"max(0, {term})",
        "(t − y Σ t)",
        "Weston and Watkins 1999",
        slope_end=f",  t_k = 1 where {term} > 0, else 0",
    )


def _bce_with_logits(loss: BCEWithLogits) -> _Terms:
    plain = loss.pos_weight is None
    p = "" if plain else "p "
    return _Terms(
        "−Σ",
        f"({p}y log σ(o) + (1 − y) log(1 − σ(o)))",
        "(σ(o) − y)" if plain else "((1 − y) σ(o) − p y (1 − σ(o)))",
        "Bishop 2006, logistic regression"
        if plain
        else "documentation of torch.nn.BCEWithLogitsLoss",
        words=() if plain else ("p: pos_weight",),
    )


def _cross_entropy(loss: CrossEntropy, numbered: bool) -> _Terms:
    """Write −Σ_k c_k q_k log softmax(o)_k, as short as its options and targets allow.

    Of target values and of class weights, a sample's q need not add up to 1.
    """
    weighted, smoothed = loss.class_weights is not None, loss.label_smoothing > 0
    k, m = ("_k", "_m") if weighted or not numbered else ("", "")
    t = "t" if weighted and numbered else "y"  # y is the class there, as an index
    q = "q" if smoothed else t
    c_k, c_m = ("c_k ", "c_m ") if weighted else ("", "")
    total = f" Σ_m {c_m}{q}{m}" if m else ""
    end = f",  q{k} = (1 − s) {t}{k} + s / K" if smoothed else ""
    sources = {
        "Szegedy et al. 2016": smoothed,
        "documentation of torch.nn.CrossEntropyLoss": weighted,
    }
    words = {
        "c: class_weights": weighted,
        "t_k = 1 for k = y, else 0": t == "t",
        f"s = {number(loss.label_smoothing)}": smoothed,
        "K: number of outputs": smoothed,
    }
    return _Terms(
        "−Σ",
        f"{c_k}{q}{k} log softmax(o){k}",
        f"(softmax(o){k}{total} − {c_k}{q}{k})",
        "; ".join(_those(sources)) or SOFTMAX,
        words=_those(words),
        of=k,
        sum_end=end,
        slope_end=end,
        share="c_y" if weighted and numbered else "",
    )


def _those(chosen: dict[str, bool]) -> tuple[str, ...]:
    return tuple(text for text, wanted in chosen.items() if wanted)
