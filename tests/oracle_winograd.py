"""Winograd's convolution by its matrices, in float64, on magnitudes: what its rounding is held to.

A bound on its error is a number of roundings times ``Σ |terms|``, as for any sum; the terms are not
the convolution's, but the products at the points, and their transforms.
"""

import numpy as np
from numpy.polynomial import polynomial

#: By the size of the kernel and the stride, and without infinity, which comes last.
POINTS = {
    (3, 1): (0.0, 1.0, -1.0, 0.5, -2.0),
    (5, 1): (0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0),
    (3, 2): (0.0, 0.75, -0.75, 1.5),
    (7, 2): (0.0, 1.0, -1.0, 2.0, -2.0, -0.5),
}
#: Outputs of a tile along an axis.
STEP = 4


def _toom_cook(finite, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``Aᵀ``, ``G`` and ``Bᵀ`` without a stride (Cook and Toom)."""
    size = len(finite) + 1
    powers = np.vander(finite, size, increasing=True)
    others = [[q for q in finite if q != p] for p in finite]
    scales = [np.prod([p - q for q in rest]) for p, rest in zip(finite, others, strict=True)]

    def evaluation(coefficients: int, scale) -> np.ndarray:
        infinity = np.eye(coefficients)[-1:]
        return np.vstack([powers[:, :coefficients] / np.reshape(scale, (-1, 1)), infinity])

    b = [np.append(polynomial.polyfromroots(rest), 0.0) for rest in others]
    b.append(polynomial.polyfromroots(finite))
    return evaluation(STEP, 1.0).T, evaluation(taps, scales), np.array(b)


def _factored(finite) -> np.ndarray:
    """``Bᵀ`` on magnitudes, if all that have the last root are multiplied by it first."""
    *first, last = finite
    factor = np.array([abs(last), 1.0])
    rows = [np.abs(polynomial.polyfromroots([q for q in first if q != p])) for p in first]
    with_last = [np.append(np.convolve(row, factor), 0.0) for row in rows]
    all_first = np.abs(polynomial.polyfromroots(first))
    return np.array([*with_last, np.append(all_first, 0.0), np.convolve(all_first, factor)])


def matrices(
    kernel: int, stride: int, *, magnitudes: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``Aᵀ``, ``G`` and ``Bᵀ``: ``Aᵀ [(G w) ∘ (Bᵀ x)]`` is ``x ⋆ w``, every stride-th of it.

    With a stride of 2 even and odd taps are two phases. The odd ones are a tap less, and have the
    points of the even ones but infinity: what a last row or column of zeros would add is left out.
    On ``magnitudes``, ``Bᵀ`` is that of the terms which are added up.
    """
    even = -(-kernel // stride)
    at, g, bt = _toom_cook(POINTS[kernel, stride], even)
    if stride == 1:
        return at, g, bt
    if magnitudes:
        bt = _factored(POINTS[kernel, stride])
    size = 2 * len(bt) - 1
    odd_g = g[:-1, : kernel // 2]
    both_g, both_bt = np.zeros((size, kernel)), np.zeros((size, size))
    both_g[: len(bt), ::2], both_g[len(bt) :, 1::2] = g, odd_g
    both_bt[: len(bt), ::2], both_bt[len(bt) :, 1::2] = bt, bt[:-1, :-1]
    return np.hstack([at, at[:, :-1]]), both_g, both_bt


def delta_matrices(
    kernel: int, stride: int, *, magnitudes: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the same of the delta as a sum like the forward pass, whose kernel is turned.

    ``stride`` neighbours are the pixels that one output more comes to: with a stride of 2 first one
    that odd taps reach, then one of the even taps.
    """
    at, g, bt = matrices(kernel, stride, magnitudes=magnitudes)
    if stride == 1:
        return at, g, bt
    size = (len(bt) + 1) // 2
    both_at = np.zeros((2 * STEP, len(bt)))
    both_at[::2, size:], both_at[1::2, :size] = at[:, size:], at[:, :size]
    one_bt = bt[:size, ::2]
    return both_at, g, np.vstack([one_bt, one_bt[:-1]])


def _both(matrix: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """``M · block · Mᵀ`` over the last two axes, on magnitudes."""
    m = np.abs(matrix)
    return np.einsum("pi,...ij,qj->...pq", m, np.abs(blocks), m, optimize=True)


def _tiles(maps: np.ndarray, first, count, size: int, step: int = STEP) -> np.ndarray:
    """Tiles (N, C, down, across, size, size) that start at ``first``; zeros outside the maps."""
    pad = [(0, 0), (0, 0)]
    for axis in (0, 1):
        end = first[axis] + (count[axis] - 1) * step + size
        pad.append((max(0, -first[axis]), max(0, end - maps.shape[2 + axis])))
    padded = np.pad(np.abs(maps).astype(np.float64), pad)
    begin = [max(0, at) for at in first]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    rows, columns = (
        slice(b, b + (n - 1) * step + 1, step) for b, n in zip(begin, count, strict=True)
    )
    return windows[:, :, rows, columns]


def counts(size, step: int = STEP) -> tuple[int, int]:
    """Tiles of so many pixels that cover a map of that size, down and across."""
    return tuple(-(-n // step) for n in size)


def _sum(x, weight, matrices, *, first, target_first, target_size, steps) -> np.ndarray:
    """``Σ |terms|`` of every target; ``steps`` are those of the tiles of sources and targets."""
    at, g, bt = matrices
    extent = [n - at_first for n, at_first in zip(target_size, target_first, strict=True)]
    count = counts(extent, steps[1])
    pixels = _both(bt, _tiles(x, first, count, bt.shape[1], steps[0]))
    products = np.einsum("ocpq,nctupq->notupq", _both(g, weight), pixels, optimize=True)
    rows = _both(at, products).swapaxes(3, 4)
    whole = rows.reshape(*rows.shape[:2], count[0] * steps[1], count[1] * steps[1])
    begin, end = [-f for f in target_first], extent
    return whole[:, :, begin[0] : end[0], begin[1] : end[1]]


def forward(x, weight, *, stride: int, padding, output_size) -> np.ndarray:
    """``Σ |terms|`` of every output."""
    return _sum(
        x,
        weight,
        matrices(weight.shape[-1], stride, magnitudes=True),
        first=[-before for before, _ in padding],
        target_first=(0, 0),
        target_size=output_size,
        steps=(stride * STEP, STEP),
    )


def delta(output_delta, weight, *, stride: int, padding, input_size) -> np.ndarray:
    """The same of the input's delta; without a stride in the form that needs fewer tiles."""
    kernel, before = weight.shape[-1], [pad for pad, _ in padding]
    if stride == 1 and np.prod(counts(output_delta.shape[2:])) < np.prod(counts(input_size)):
        return _transposed(output_delta, weight, first=[-b for b in before], input_size=input_size)
    target_first = [-((b + 1) % stride) for b in before]
    return _sum(
        output_delta,
        weight.swapaxes(0, 1)[:, :, ::-1, ::-1],
        delta_matrices(kernel, stride, magnitudes=True),
        first=[
            (f + b + stride - kernel) // stride for f, b in zip(target_first, before, strict=True)
        ],
        target_first=target_first,
        target_size=input_size,
        steps=(STEP, stride * STEP),
    )


def _transposed(output_delta, weight, *, first, input_size) -> np.ndarray:
    """``Σ B [Σ (G w Gᵀ) ∘ (A δ Aᵀ)] Bᵀ``: tiles of the input's delta, which overlap."""
    at, g, bt = matrices(weight.shape[-1], 1)
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


def gradient(x, output_delta, *, stride: int, padding, kernel: int) -> np.ndarray:
    """The same of the weight's gradient."""
    at, g, bt = matrices(kernel, stride, magnitudes=True)
    count = counts(output_delta.shape[2:])
    first = [-before for before, _ in padding]
    pixels = _both(bt, _tiles(x, first, count, len(bt), stride * STEP))
    deltas = _both(at.T, _tiles(output_delta, (0, 0), count, STEP))
    return _both(g.T, np.einsum("nctupq,notupq->ocpq", pixels, deltas, optimize=True))
