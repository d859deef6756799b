"""Winograd's convolution by its matrices, in float64, on magnitudes: what its rounding is held to.

A bound on its error is a number of roundings times ``Σ |terms|``, as for any sum; the terms are not
the convolution's, but the products at the points, and their transforms.
"""

import numpy as np
from numpy.polynomial import polynomial

#: By the size of the kernel, and without infinity, which comes last.
POINTS = {3: (0.0, 1.0, -1.0, 0.5, -2.0), 5: (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0)}
#: Outputs of a tile along an axis.
STEP = 4


def matrices(kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``Aᵀ``, ``G`` and ``Bᵀ``: ``Aᵀ [(G w) ∘ (Bᵀ x)]`` is ``x ⋆ w`` (Cook and Toom)."""
    finite = POINTS[kernel]
    size = len(finite) + 1
    powers = np.vander(finite, size, increasing=True)
    others = [[q for q in finite if q != p] for p in finite]
    scales = [np.prod([p - q for q in rest]) for p, rest in zip(finite, others, strict=True)]

    def evaluation(coefficients: int, scale) -> np.ndarray:
        infinity = np.eye(coefficients)[-1:]
        return np.vstack([powers[:, :coefficients] / np.reshape(scale, (-1, 1)), infinity])

    b = [np.append(polynomial.polyfromroots(rest), 0.0) for rest in others]
    b.append(polynomial.polyfromroots(finite))
    return evaluation(STEP, 1.0).T, evaluation(kernel, scales), np.array(b)


def _both(matrix: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """``M · block · Mᵀ`` over the last two axes, on magnitudes."""
    m = np.abs(matrix)
    return np.einsum("pi,...ij,qj->...pq", m, np.abs(blocks), m, optimize=True)


def _tiles(maps: np.ndarray, first, count, size: int) -> np.ndarray:
    """Tiles (N, C, down, across, size, size) that start at ``first``; zeros outside the maps."""
    pad = [(0, 0), (0, 0)]
    for axis in (0, 1):
        end = first[axis] + (count[axis] - 1) * STEP + size
        pad.append((max(0, -first[axis]), max(0, end - maps.shape[2 + axis])))
    padded = np.pad(np.abs(maps).astype(np.float64), pad)
    begin = [max(0, at) for at in first]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    rows, columns = (
        slice(b, b + (n - 1) * STEP + 1, STEP) for b, n in zip(begin, count, strict=True)
    )
    return windows[:, :, rows, columns]


def counts(size) -> tuple[int, int]:
    """Tiles that cover a map of outputs of that size, down and across."""
    return tuple(-(-n // STEP) for n in size)


def forward(x, weight, *, first, output_size) -> np.ndarray:
    """``Σ |terms|`` of every output; the first reads from pixel ``first`` of ``x`` on."""
    at, g, bt = matrices(weight.shape[-1])
    count = counts(output_size)
    pixels = _both(bt, _tiles(x, first, count, len(bt)))
    products = np.einsum("ocpq,nctupq->notupq", _both(g, weight), pixels, optimize=True)
    rows = _both(at, products).swapaxes(3, 4)
    whole = rows.reshape(*rows.shape[:2], count[0] * STEP, count[1] * STEP)
    return whole[:, :, : output_size[0], : output_size[1]]


def delta(output_delta, weight, *, first, mirrored_first, input_size) -> np.ndarray:
    """The same of the input's delta, in the form that needs fewer tiles."""
    if np.prod(counts(output_delta.shape[2:])) < np.prod(counts(input_size)):
        return _transposed(output_delta, weight, first=first, input_size=input_size)
    mirrored = output_delta[:, :, ::-1, ::-1]
    swapped = weight.swapaxes(0, 1)
    whole = forward(mirrored, swapped, first=mirrored_first, output_size=input_size)
    return whole[:, :, ::-1, ::-1]


def _transposed(output_delta, weight, *, first, input_size) -> np.ndarray:
    """``Σ B [Σ (G w Gᵀ) ∘ (A δ Aᵀ)] Bᵀ``: tiles of the input's delta, which overlap."""
    at, g, bt = matrices(weight.shape[-1])
    count, size = counts(output_delta.shape[2:]), len(bt)
    deltas = _both(at.T, _tiles(output_delta, (0, 0), count, STEP))
    products = np.einsum("ocpq,notupq->nctupq", _both(g, weight), deltas, optimize=True)
    tiles = _both(bt.T, products)
    before = [max(0, -at) for at in first]
    extent = [
        max(b + n, b + at + (c - 1) * STEP + size)
        for b, n, at, c in zip(before, input_size, first, count, strict=True)
    ]
    whole = np.zeros((*tiles.shape[:2], *extent))
    for t in range(count[0]):
        for u in range(count[1]):
            row, column = (
                b + at + i * STEP for b, at, i in zip(before, first, (t, u), strict=True)
            )
            whole[:, :, row : row + size, column : column + size] += tiles[:, :, t, u]
    rows, columns = (slice(b, b + n) for b, n in zip(before, input_size, strict=True))
    return whole[:, :, rows, columns]


def gradient(x, output_delta, *, first, kernel: int) -> np.ndarray:
    """The same of the weight's gradient."""
    at, g, bt = matrices(kernel)
    count = counts(output_delta.shape[2:])
    pixels = _both(bt, _tiles(x, first, count, len(bt)))
    deltas = _both(at.T, _tiles(output_delta, (0, 0), count, STEP))
    return _both(g.T, np.einsum("nctupq,notupq->ocpq", pixels, deltas, optimize=True))
