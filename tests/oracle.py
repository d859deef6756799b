"""The operations in float64 NumPy, written from their definitions, for tests to compare with.

Plain on purpose: a loop over kernel taps or pooling windows, whole arrays inside. Images are
``(N, C, H, W)``, weights ``(out, in / groups, kh, kw)``, a convolution's ``padding`` is ``((top,
bottom), (left, right))``. A delta is the derivative of the loss with respect to the array it is
named after.
"""

from itertools import product

import numpy as np

Array = np.ndarray
Pair = tuple[int, int]


def convolved_size(input_size, kernel_size, stride, padding, dilation) -> Pair:
    """Rows and columns of windows that fit the padded image."""
    axes = zip(input_size, padding, kernel_size, stride, dilation, strict=True)
    return tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, p, k, s, d in axes)


def _padded(x: Array, padding) -> Array:
    return np.pad(np.asarray(x, np.float64), ((0, 0), (0, 0), *padding))


def _taps(kernel_size, output_size, stride, dilation):
    """Each tap ``(kh, kw)`` and where it meets the padded image: ``y·stride + kh·dilation``."""
    for tap in product(*map(range, kernel_size)):
        yield (
            tap,
            tuple(
                slice(k * d, k * d + (n - 1) * s + 1, s)
                for k, d, n, s in zip(tap, dilation, output_size, stride, strict=True)
            ),
        )


def _groups(in_channels: int, out_channels: int, groups: int):
    """The input and the output channels of each group."""
    i, o = in_channels // groups, out_channels // groups
    return [(slice(g * i, (g + 1) * i), slice(g * o, (g + 1) * o)) for g in range(groups)]


# Convolution


def conv2d(x, weight, bias=None, *, stride, padding, dilation, groups) -> Array:
    """``u[n,o,y,x] = b[o] + Σ w[o,i,kh,kw] · x[n, i, y·s + kh·d − top, x·s + kw·d − left]``."""
    size = convolved_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    weight, padded = np.asarray(weight, np.float64), _padded(x, padding)
    u = np.zeros((len(x), len(weight), *size))
    for (kh, kw), (rows, cols) in _taps(weight.shape[2:], size, stride, dilation):
        for i, o in _groups(x.shape[1], len(weight), groups):
            patch = padded[:, i, rows, cols]
            u[:, o] += np.einsum("oi,niyx->noyx", weight[o, :, kh, kw], patch, optimize=True)
    return u if bias is None else u + np.asarray(bias, np.float64)[:, None, None]


def conv2d_delta(output_delta, weight, *, input_size, stride, padding, dilation, groups) -> Array:
    """Give every input pixel ``w · δ`` of each output that it had a part in."""
    output_delta, weight = np.asarray(output_delta, np.float64), np.asarray(weight, np.float64)
    size, in_channels = output_delta.shape[2:], weight.shape[1] * groups
    delta = _padded(np.zeros((len(output_delta), in_channels, *input_size)), padding)
    for (kh, kw), (rows, cols) in _taps(weight.shape[2:], size, stride, dilation):
        for i, o in _groups(in_channels, len(weight), groups):
            delta[:, i, rows, cols] += np.einsum(
                "oi,noyx->niyx", weight[o, :, kh, kw], output_delta[:, o], optimize=True
            )
    (top, _), (left, _) = padding
    return delta[:, :, top : top + input_size[0], left : left + input_size[1]]


def conv2d_gradients(
    x, output_delta, *, kernel_size, stride, padding, dilation, groups
) -> tuple[Array, Array]:
    """By patches: ``Σ_uv δ_uv · p_uv``, summed over the samples; and ``Σ_uv δ_uv`` of the bias."""
    output_delta, padded = np.asarray(output_delta, np.float64), _padded(x, padding)
    size, out_channels = output_delta.shape[2:], output_delta.shape[1]
    weight = np.zeros((out_channels, x.shape[1] // groups, *kernel_size))
    for (kh, kw), (rows, cols) in _taps(kernel_size, size, stride, dilation):
        for i, o in _groups(x.shape[1], out_channels, groups):
            weight[o, :, kh, kw] = np.einsum(
                "noyx,niyx->oi", output_delta[:, o], padded[:, i, rows, cols], optimize=True
            )
    return weight, output_delta.sum(axis=(0, 2, 3))


def kernel_gradient_by_convolution(x, output_delta) -> Array:
    """The second form, ``∂E/∂k = rot180(conv2(x, rot180(δ), 'valid'))``, summed over the samples.

    It belongs to a layer that convolves with ``k = rot180(weight)``; stride and dilation are 1.
    """
    gradient = np.zeros((output_delta.shape[1], x.shape[1], *_kernel_size(x, output_delta)))
    for n, j, i in product(*map(range, (len(x), *gradient.shape[:2]))):
        gradient[j, i] += rot180(conv2_valid(x[n, i], rot180(output_delta[n, j])))
    return gradient


def _kernel_size(x, output_delta) -> Pair:
    return tuple(n - m + 1 for n, m in zip(x.shape[2:], output_delta.shape[2:], strict=True))


def rot180(image: Array) -> Array:
    return image[::-1, ::-1]


def conv2_valid(image: Array, kernel: Array) -> Array:
    """Octave's ``conv2(image, kernel, 'valid')``: the kernel is flipped."""
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(image, np.float64), kernel.shape)
    return np.einsum("yxhw,hw->yx", windows, rot180(kernel))


# Pooling


def pooled_size(input_size, *, kernel_size, stride, padding, dilation=(1, 1), ceil_mode) -> Pair:
    """As PyTorch counts them: a last, partial window begins on the image or before it."""
    sizes = []
    for size, k, s, p, d in zip(input_size, kernel_size, stride, padding, dilation, strict=True):
        room = size + 2 * p - d * (k - 1) - 1
        windows = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (windows - 1) * s >= size + p:
            windows -= 1
        sizes.append(windows)
    return tuple(sizes)


def _windows(input_size, output_size, kernel_size, stride, padding, dilation=(1, 1)):
    """Each output position and the rows and columns its window meets, padding left out."""
    for oh, ow in product(*map(range, output_size)):
        rows, cols = (
            [i for i in (o * s - p + k * d for k in range(ks)) if 0 <= i < size]
            for o, s, p, d, ks, size in zip(
                (oh, ow), stride, padding, dilation, kernel_size, input_size, strict=True
            )
        )
        yield (oh, ow), rows, cols


def _divisor(place, rows, cols, *, input_size, pool) -> int:
    """By how much a window's sum is divided; a window is cut where the padding ends."""
    if pool["divisor_override"]:
        return pool["divisor_override"]
    if not pool["count_include_pad"]:
        return len(rows) * len(cols)
    extents = (
        min(o * s - p + k, size + p) - (o * s - p)
        for o, s, p, k, size in zip(
            place, pool["stride"], pool["padding"], pool["kernel_size"], input_size, strict=True
        )
    )
    return int(np.prod(list(extents)))


def _average_windows(input_size, pool):
    """Each output position, its window's pixels and its divisor."""
    window = {name: pool[name] for name in ("kernel_size", "stride", "padding")}
    size = pooled_size(input_size, ceil_mode=pool["ceil_mode"], **window)
    for place, rows, cols in _windows(input_size, size, **window):
        yield (
            place,
            np.ix_(rows, cols),
            _divisor(place, rows, cols, input_size=input_size, pool=pool),
        )


def avg_pool2d(x, **pool) -> Array:
    """The mean of each window; ``pool`` names every option of ``functional.avg_pool2d``."""
    x = np.asarray(x, np.float64)
    cells = {
        place: x[:, :, *pixels].sum(axis=(2, 3)) / divisor
        for place, pixels, divisor in _average_windows(x.shape[2:], pool)
    }
    return _from_cells(cells)


def avg_pool2d_delta(output_delta, *, input_size, **pool) -> Array:
    """Give every pixel of a window the same share of the window's delta."""
    output_delta = np.asarray(output_delta, np.float64)
    delta = np.zeros((*output_delta.shape[:2], *input_size))
    for (oh, ow), pixels, divisor in _average_windows(input_size, pool):
        delta[:, :, *pixels] += output_delta[:, :, oh, ow][:, :, None, None] / divisor
    return delta


def max_pool2d(x, *, ceil_mode, **window) -> tuple[Array, Array]:
    """The maximum of each window, and where it is: ``row · width + column`` in the input.

    The first of equal maxima in row-major order; a NaN is larger than everything.
    """
    x = np.asarray(x, np.float64)
    size = pooled_size(x.shape[2:], ceil_mode=ceil_mode, **window)
    values, positions = {}, {}
    for place, rows, cols in _windows(x.shape[2:], size, **window):
        pixels = x[:, :, *np.ix_(rows, cols)].reshape(*x.shape[:2], -1)
        first = pixels.argmax(axis=2)
        values[place] = np.take_along_axis(pixels, first[:, :, None], axis=2)[:, :, 0]
        positions[place] = np.add.outer(np.array(rows) * x.shape[3], cols).ravel()[first]
    return _from_cells(values), _from_cells(positions)


def max_pool2d_delta(output_delta, positions, *, input_size) -> Array:
    """Place each delta where the forward pass found the maximum."""
    output_delta = np.asarray(output_delta, np.float64)
    delta = np.zeros((*output_delta.shape[:2], input_size[0] * input_size[1]))
    n, c, _, _ = np.indices(output_delta.shape, sparse=True)
    np.add.at(delta, (n, c, positions), output_delta)
    return delta.reshape(*output_delta.shape[:2], *input_size)


def down(x, kernel_size: Pair) -> Array:
    """The sum of each of the blocks that tile the maps."""
    x, (kh, kw) = np.asarray(x, np.float64), kernel_size
    height, width = x.shape[2] // kh, x.shape[3] // kw
    return x.reshape(*x.shape[:2], height, kh, width, kw).sum(axis=(3, 5))


def up(x, kernel_size: Pair) -> Array:
    """Every pixel as a block."""
    return np.asarray(x, np.float64).repeat(kernel_size[0], axis=2).repeat(kernel_size[1], axis=3)


def _per_map(parameter) -> Array:
    return np.asarray(parameter, np.float64)[:, None, None]


def subsample2d(x, beta, bias, *, kernel_size: Pair) -> Array:
    """``u_j = β_j · down(x_j) + b_j``."""
    return _per_map(beta) * down(x, kernel_size) + _per_map(bias)


def subsample2d_delta(output_delta, beta, *, kernel_size: Pair) -> Array:
    """``β_j · up(δ_j)``."""
    return _per_map(beta) * up(output_delta, kernel_size)


def subsample2d_gradients(x, output_delta, *, kernel_size: Pair) -> tuple[Array, Array]:
    """``Σ_uv δ_j ∘ down(x_j)`` and ``Σ_uv δ_j``, summed over the samples."""
    output_delta = np.asarray(output_delta, np.float64)
    beta = (output_delta * down(x, kernel_size)).sum(axis=(0, 2, 3))
    return beta, output_delta.sum(axis=(0, 2, 3))


def _from_cells(cells: dict[Pair, Array]) -> Array:
    """``(N, C)`` of each position, as one array ``(N, C, rows, columns)``."""
    height, width = (1 + max(place[axis] for place in cells) for axis in (0, 1))
    stacked = np.stack([cells[place] for place in product(range(height), range(width))], axis=-1)
    return stacked.reshape(*stacked.shape[:2], height, width)


# Linear


def linear(x, weight, bias=None) -> Array:
    u = np.asarray(x, np.float64) @ np.asarray(weight, np.float64).T
    return u if bias is None else u + bias


def linear_delta(output_delta, weight) -> Array:
    return np.asarray(output_delta, np.float64) @ np.asarray(weight, np.float64)


def linear_gradients(x, output_delta) -> tuple[Array, Array]:
    output_delta = np.asarray(output_delta, np.float64)
    return output_delta.T @ np.asarray(x, np.float64), output_delta.sum(axis=0)
