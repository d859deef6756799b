"""Pooling and its deltas."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp import _core
from cnnbp.arguments import Pair, Size, read_flag, read_integer, read_pair
from cnnbp.functional.arrays import read_images, read_positions

if TYPE_CHECKING:
    from cnnbp._core import Float


def avg_pool2d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Float:
    """Mean of each window.

    Parameters
    ----------
    x : array_like, shape (N, C, H, W) or (C, H, W)
        Images.
    kernel_size : int or (int, int)
        Height and width of a window.
    stride : int or (int, int), optional
        Step from window to window; `kernel_size` when left out.
    padding : int or (int, int)
        Zeros around the images, at most half of the window.
    ceil_mode : bool
        Whether a last window that does not fit whole counts.
    count_include_pad : bool
        Whether the padding counts in the mean.
    divisor_override : int, optional
        Divide each window's sum by this instead of its size.

    Returns
    -------
    ndarray, shape (N, C, H', W') or (C, H', W')
    """
    images, batched = read_images(x, "x")
    output = _core.avg_pool2d(
        images,
        **_read_mean(kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override),
    )
    return output if batched else output[0]


def avg_pool2d_delta(
    output_delta: ArrayLike,
    kernel_size: Size,
    *,
    input_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Float:
    """Delta of the input of `avg_pool2d`: ``up(δ) / n²`` for windows of n x n.

    Bouvrie 2006, convolution layers, without the factor ``f'(u)``.

    Parameters
    ----------
    output_delta : array_like, shape (N, C, H', W') or (C, H', W')
        Delta of the output.
    input_size : int or (int, int)
        Height and width of the input.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As given to `avg_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, H, W) or (C, H, W)
    """
    delta, batched = read_images(output_delta, "output_delta")
    input_delta = _core.avg_pool2d_delta(
        delta,
        input_size=read_pair(input_size, "input_size"),
        **_read_mean(kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override),
    )
    return input_delta if batched else input_delta[0]


def max_pool2d(
    x: ArrayLike,
    kernel_size: Size,
    *,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> tuple[Float, NDArray[np.int64]]:
    """Largest value of each window, and where it was.

    Parameters
    ----------
    x : array_like, shape (N, C, H, W) or (C, H, W)
        Images.
    kernel_size : int or (int, int)
        Height and width of a window.
    stride : int or (int, int), optional
        Step from window to window; `kernel_size` when left out.
    padding : int or (int, int)
        Rows and columns around the images that never hold the maximum, at most half of the window.
    dilation : int or (int, int)
        Step from row to row and column to column within a window.
    ceil_mode : bool
        Whether a last window that does not fit whole counts.

    Returns
    -------
    output : ndarray, shape (N, C, H', W') or (C, H', W')
    positions : ndarray of int64, of the same shape
        ``row · W + column`` of each maximum in its map, the first in case of a tie; as torch's
        ``return_indices`` gives them.
    """
    images, batched = read_images(x, "x")
    window = read_pair(kernel_size, "kernel_size")
    output, positions = _core.max_pool2d(
        images,
        kernel_size=window,
        stride=window if stride is None else read_pair(stride, "stride"),
        padding=read_pair(padding, "padding", minimum=0),
        dilation=read_pair(dilation, "dilation"),
        ceil_mode=read_flag(ceil_mode, "ceil_mode"),
    )
    return (output, positions) if batched else (output[0], positions[0])


def max_pool2d_delta(output_delta: ArrayLike, positions: ArrayLike, *, input_size: Size) -> Float:
    """Delta of the input of `max_pool2d`: each value goes to the position of its maximum.

    Where windows overlap, the values that meet at a position are added.

    Parameters
    ----------
    output_delta : array_like, shape (N, C, H', W') or (C, H', W')
        Delta of the output.
    positions : array_like of int, of the same shape
        As `max_pool2d` returned them.
    input_size : int or (int, int)
        Height and width of the input.

    Returns
    -------
    ndarray, shape (N, C, H, W) or (C, H, W)
    """
    delta, batched = read_images(output_delta, "output_delta")
    places = read_positions(positions, "positions", like=delta if batched else delta[0])
    input_delta = _core.max_pool2d_delta(
        delta,
        places if batched else places[np.newaxis],
        input_size=read_pair(input_size, "input_size"),
    )
    return input_delta if batched else input_delta[0]


class _Mean(TypedDict):
    kernel_size: Pair
    stride: Pair
    padding: Pair
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int


def _read_mean(
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> _Mean:
    window = read_pair(kernel_size, "kernel_size")
    divisor = 0  # the core's word for the window's own size
    if divisor_override is not None:
        divisor = read_integer(divisor_override, "divisor_override")
    return {
        "kernel_size": window,
        "stride": window if stride is None else read_pair(stride, "stride"),
        "padding": read_pair(padding, "padding", minimum=0),
        "ceil_mode": read_flag(ceil_mode, "ceil_mode"),
        "count_include_pad": read_flag(count_include_pad, "count_include_pad"),
        "divisor_override": divisor,
    }
