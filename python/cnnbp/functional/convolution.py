"""Convolution, its delta and its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from cnnbp import _core
from cnnbp.arguments import (
    Algorithm,
    PaddingLike,
    Pair,
    Size,
    flat_padding,
    read_algorithm,
    read_integer,
    read_padding,
    read_pair,
)
from cnnbp.functional.arrays import read_floats, read_images

if TYPE_CHECKING:
    from cnnbp._core import Float
    from cnnbp._core import Padding as FlatPadding

WEIGHT_AXES = "out_channels in_channels/groups height width"


def conv2d(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Size = 1,
    padding: PaddingLike = 0,
    dilation: Size = 1,
    groups: int = 1,
    algorithm: Algorithm = "direct",
) -> Float:
    """Cross-correlate images with kernels: ``u_j = Σ_i x_i ⋆ k_ij + b_j``.

    Parameters
    ----------
    x : array_like, shape (N, C, H, W) or (C, H, W)
        Images.
    weight : array_like, shape (M, C / groups, kh, kw)
        Kernels; they are not flipped.
    bias : array_like, shape (M,), optional
        Added to each map.
    stride, dilation : int or (int, int)
        Step from patch to patch, and from tap to tap.
    padding : int, (int, int), ((int, int), (int, int)), "same" or "valid"
        Zeros around the images: the same number everywhere, ``(h, w)``,
        ``((top, bottom), (left, right))``, what keeps the size (at stride 1 only), or none.
    groups : int
        Number of parts that the channels are split into.
    algorithm : {"direct", "auto", "winograd"}
        How to compute it, as in `layers.Conv2d`; "direct" sums the products as they are written.

    Returns
    -------
    ndarray, shape (N, M, H', W') or (M, H', W')
        ``H' = (H + top + bottom - dilation · (kh - 1) - 1) // stride + 1``, and ``W'`` likewise.
    """
    images, batched = read_images(x, "x")
    output = _core.conv2d(
        images,
        read_floats(weight, "weight", WEIGHT_AXES, like=images),
        None if bias is None else read_floats(bias, "bias", "out_channels", like=images),
        **_read_options(stride, padding, dilation, groups, algorithm),
    )
    return output if batched else output[0]


def conv2d_delta(
    output_delta: ArrayLike,
    weight: ArrayLike,
    *,
    input_size: Size,
    stride: Size = 1,
    padding: PaddingLike = 0,
    dilation: Size = 1,
    groups: int = 1,
    algorithm: Algorithm = "direct",
) -> Float:
    """Delta of the input of `conv2d`: at stride 1, ``δ_i = Σ_j conv2(δ_j, k_ij, 'full')``.

    Bouvrie 2006, sub-sampling layers, without the factor ``f'(u)``; as cross-correlation does not
    flip its kernel, the ``rot180`` there is the flip that ``conv2`` makes here.

    Parameters
    ----------
    output_delta : array_like, shape (N, M, H', W') or (M, H', W')
        Delta of the output.
    weight : array_like, shape (M, C / groups, kh, kw)
        Kernels.
    input_size : int or (int, int)
        Height and width of the input.
    stride, padding, dilation, groups, algorithm
        As given to `conv2d`.

    Returns
    -------
    ndarray, shape (N, C, H, W) or (C, H, W)
    """
    delta, batched = read_images(output_delta, "output_delta")
    input_delta = _core.conv2d_delta(
        delta,
        read_floats(weight, "weight", WEIGHT_AXES, like=delta),
        input_size=read_pair(input_size, "input_size"),
        **_read_options(stride, padding, dilation, groups, algorithm),
    )
    return input_delta if batched else input_delta[0]


def conv2d_gradients(
    x: ArrayLike,
    output_delta: ArrayLike,
    *,
    kernel_size: Size,
    stride: Size = 1,
    padding: PaddingLike = 0,
    dilation: Size = 1,
    groups: int = 1,
    algorithm: Algorithm = "direct",
) -> tuple[Float, Float]:
    """Gradients of the parameters of `conv2d`, summed over the samples.

    ``∂E/∂k_ij = Σ_uv (δ_j)_uv · (p_i)_uv``, with ``(p_i)_uv`` the patch of ``x_i`` that made the
    element (u, v), and ``∂E/∂b_j = Σ_uv (δ_j)_uv`` (Bouvrie 2006, convolution layers).

    Parameters
    ----------
    x : array_like, shape (N, C, H, W) or (C, H, W)
        Images.
    output_delta : array_like, shape (N, M, H', W') or (M, H', W')
        Delta of the output.
    kernel_size : int or (int, int)
        Height and width of a kernel.
    stride, padding, dilation, groups, algorithm
        As given to `conv2d`.

    Returns
    -------
    weight : ndarray, shape (M, C / groups, kh, kw)
    bias : ndarray, shape (M,)
    """
    images, batched = read_images(x, "x")
    delta, delta_batched = read_images(output_delta, "output_delta", like=images)
    if batched != delta_batched:
        raise ValueError(
            "x and output_delta must both have a batch axis or both have none, got shapes "
            f"{np.shape(x)} and {np.shape(output_delta)}"
        )
    return _core.conv2d_gradients(
        images,
        delta,
        kernel_size=read_pair(kernel_size, "kernel_size"),
        **_read_options(stride, padding, dilation, groups, algorithm),
    )


class _Options(TypedDict):
    stride: Pair
    padding: FlatPadding
    dilation: Pair
    groups: int
    algorithm: Algorithm


def _read_options(
    stride: Size, padding: PaddingLike, dilation: Size, groups: int, algorithm: str
) -> _Options:
    steps = read_pair(stride, "stride")
    return {
        "stride": steps,
        "padding": flat_padding(read_padding(padding, "padding", stride=steps)),
        "dilation": read_pair(dilation, "dilation"),
        "groups": read_integer(groups, "groups"),
        "algorithm": read_algorithm(algorithm, "algorithm"),
    }
