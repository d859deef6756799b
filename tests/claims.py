"""Data for claims about numbers, the bound on rounding they are held to, and refusals."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest


def integers(rng: np.random.Generator, shape, dtype, largest: int = 3) -> np.ndarray:
    """Small integers: sums of their products stay below 2²⁴, so float32 holds them exactly."""
    return rng.integers(-largest, largest + 1, shape).astype(dtype)


def normal(rng: np.random.Generator, shape, dtype) -> np.ndarray:
    return rng.standard_normal(shape).astype(dtype)


def assert_sum_of_products(got, want, *, magnitude, terms: int) -> None:
    """Hold every element of ``got``, a sum of ``terms`` products, to its rounding error.

    A sum of n products has an error of at most n·u·Σ|terms| in any order of summation, with or
    without fused multiply-adds (u: half the spacing at 1; Higham, Accuracy and Stability of
    Numerical Algorithms, section 3.1). Of random data it exceeds λ·√n·u·Σ|terms| with probability
    2·exp(−λ²/2) (Higham and Mary 2019, SIAM J. Sci. Comput. 41(5)): below 10⁻¹³ for λ = 8.
    The factor 2 pays for the oracle's own rounding. ``magnitude`` is Σ|terms|.
    """
    unit = np.finfo(got.dtype).eps / 2
    bound = 2 * min(terms, 8 * np.sqrt(terms)) * unit * magnitude
    assert got.shape == want.shape
    assert (np.abs(got - want) <= bound).all(), f"error {np.max(np.abs(got - want) / bound)} bounds"


def ulps(got, want) -> np.ndarray:
    """The error in units of the last place of the exact result, ``want`` in a wider type."""
    spacing = np.spacing(np.abs(want).astype(got.dtype)).astype(want.dtype)
    return np.abs(got.astype(want.dtype) - want) / spacing


def assert_same_bits(arrays: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> None:
    """Hold named arrays to equal names, types and bytes: −0 is not 0 here, and NaN is NaN."""
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype, name
        assert array.tobytes() == others[name].tobytes(), name


def assert_refused(call: Callable[[], object], words: Iterable[str]) -> None:
    """Hold a call to a ``ValueError`` or ``TypeError`` that says all of ``words``."""
    with pytest.raises((ValueError, TypeError)) as refused:
        call()
    message = str(refused.value)
    for word in words:
        assert word in message, message
