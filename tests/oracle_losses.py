"""The losses in float64 NumPy: the weighted mean over samples, and its derivative by each output.

``y`` are class numbers ``(N,)`` or targets ``(N, K)``.
"""

import numpy as np

from oracle import Array
from oracle_activations import sigmoid, softmax


def _mean(losses, slopes, sample_weight, class_weight=1.0) -> tuple[float, Array]:
    """``Σ w ℓ / Σ w c`` and its derivative, from each sample's ℓ and its slopes."""
    weight = np.ones(len(losses)) if sample_weight is None else np.asarray(sample_weight)
    divisor = (weight * class_weight).sum()
    share = weight / divisor if divisor else np.zeros(len(losses))
    return share @ losses, share[:, None] * slopes


def _targets(y, outputs: int) -> Array:
    return one_hot(y, outputs) if np.ndim(y) == 1 else np.asarray(y, np.float64)


def mse(output, y, *, sample_weight=None) -> tuple[float, Array]:
    """``½ Σ (x - t)²``."""
    x = np.asarray(output, np.float64)
    error = x - _targets(y, x.shape[1])
    return _mean(0.5 * (error**2).sum(axis=1), error, sample_weight)


def l1(output, y, *, sample_weight=None) -> tuple[float, Array]:
    """``Σ |x - t|``."""
    x = np.asarray(output, np.float64)
    error = x - _targets(y, x.shape[1])
    return _mean(np.abs(error).sum(axis=1), np.sign(error), sample_weight)


def huber(output, y, *, delta=1.0, sample_weight=None) -> tuple[float, Array]:
    """``Σ ½ e²`` where ``|e| ≤ delta``, else ``delta (|e| - ½ delta)``."""
    x = np.asarray(output, np.float64)
    error = x - _targets(y, x.shape[1])
    far = np.abs(error) > delta
    terms = np.where(far, delta * (np.abs(error) - 0.5 * delta), 0.5 * error**2)
    slopes = np.where(far, delta * np.sign(error), error)
    return _mean(terms.sum(axis=1), slopes, sample_weight)


def bce_with_logits(logits, y, *, pos_weight=None, sample_weight=None) -> tuple[float, Array]:
    """``-Σ p t log σ(x) + (1 - t) log (1 - σ(x))``."""
    x = np.asarray(logits, np.float64)
    t, p = _targets(y, x.shape[1]), 1.0 if pos_weight is None else np.asarray(pos_weight)
    losses = (p * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x)).sum(axis=1)
    return _mean(losses, (1 - t) * sigmoid(x) - p * t * sigmoid(-x), sample_weight)


def hinge(output, y, *, margin=1.0, sample_weight=None) -> tuple[float, Array]:
    """``Σ_{k≠y} max(0, margin - x_y + x_k)``, for class numbers."""
    x, slopes = np.asarray(output, np.float64), np.zeros(np.shape(output))
    losses = np.zeros(len(x))
    for n, label in enumerate(y):
        for k in set(range(x.shape[1])) - {label}:
            term = margin - x[n, label] + x[n, k]
            if term > 0:
                losses[n] += term
                slopes[n, k] += 1
                slopes[n, label] -= 1
    return _mean(losses, slopes, sample_weight)


def cross_entropy(
    logits, y, *, label_smoothing=0.0, class_weights=None, ignore_index=-100, sample_weight=None
) -> tuple[float, Array]:
    """``-Σ_k c_k ((1 - s) t_k + s / K) log softmax(x)_k``, s the smoothing, c the class weights."""
    x, y = np.asarray(logits, np.float64), np.asarray(y)
    weights = np.ones(x.shape[1]) if class_weights is None else np.asarray(class_weights)
    divisor = 1.0
    if y.ndim == 1:
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        sample_weight = np.where(y == ignore_index, 0.0, weight)
        y = np.where(y == ignore_index, 0, y)
        divisor = weights[y]
    q = weights * (
        (1 - label_smoothing) * _targets(y, len(weights)) + label_smoothing / len(weights)
    )
    shifted = x - x.max(axis=1, keepdims=True)
    log_total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    slopes = softmax(x) * q.sum(axis=1, keepdims=True) - q
    return _mean((q * (log_total - shifted)).sum(axis=1), slopes, sample_weight, divisor)


def share_of_right_sides(logits, targets, sample_weight=None) -> float:
    """The mean over samples of the share of outputs above 0 as targets are above ½."""
    right = ((np.asarray(logits) > 0) == (np.asarray(targets) > 0.5)).mean(axis=1)
    return float(np.average(right, weights=sample_weight))


def one_hot(labels, classes: int) -> Array:
    """A row for each label; with one class, label 1 is the target 1."""
    labels = np.asarray(labels)
    return np.eye(classes)[labels] if classes > 1 else labels[:, None].astype(np.float64)
