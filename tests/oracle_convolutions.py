"""Convolutions the other way round, and combinations of convolutions, in terms of ``oracle``'s."""

import numpy as np

import oracle
import oracle_activations

Array = np.ndarray


def transposed_size(input_size, kernel_size, *, stride, padding, output_padding, dilation):
    axes = zip(input_size, kernel_size, stride, padding, output_padding, dilation, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + extra + 1 for n, k, s, p, extra, d in axes)


def _convolution(options) -> dict:
    """The options of the convolution that is transposed."""
    padding = tuple((p, p) for p in options["padding"])
    return {name: options[name] for name in ("stride", "dilation", "groups")} | {"padding": padding}


def conv_transpose2d(x, weight, bias=None, **options) -> Array:
    """``u[n,o,y·s + kh·d − p, …] += w[i,o,kh,kw] · x[n,i,y,x]``: a convolution's delta."""
    sizes = {name: options[name] for name in options if name != "groups"}
    size = transposed_size(x.shape[2:], weight.shape[2:], **sizes)
    u = oracle.conv2d_delta(x, weight, input_size=size, **_convolution(options))
    return u if bias is None else u + np.asarray(bias, np.float64)[:, None, None]


def conv_transpose2d_delta(output_delta, weight, *, input_size, **options) -> Array:
    """A convolution; output padding of a stride and more has windows that no pixel went to."""
    height, width = input_size
    return oracle.conv2d(output_delta, weight, **_convolution(options))[:, :, :height, :width]


def conv_transpose2d_gradients(x, output_delta, *, kernel_size, **options) -> tuple[Array, Array]:
    weight, _ = oracle.conv2d_gradients(
        output_delta, x, kernel_size=kernel_size, **_convolution(options)
    )
    return weight, np.asarray(output_delta, np.float64).sum(axis=(0, 2, 3))


def shares(combination) -> Array:
    """``α_ij = exp(c_ij) / Σ_k exp(c_kj)``."""
    return oracle_activations.softmax(np.asarray(combination, np.float64).T).T


def combined_kernels(weight, combination) -> Array:
    """``α_ij k_i``, the weights ``(out, in, kh, kw)`` of a convolution that does the same."""
    return np.einsum("ij,ihw->jihw", shares(combination), np.asarray(weight, np.float64)[:, 0])


def penalty(combination, *, sparsity: float) -> float:
    """``Ω = λ Σ |α_ij|``."""
    return sparsity * np.abs(shares(combination)).sum()


def combine_conv2d_gradients(
    x, output_delta, weight, combination, *, sparsity: float, **options
) -> dict[str, Array]:
    """From the gradient of the kernels ``α_ij k_i``, by the chain rule."""
    kernel_size = weight.shape[2:]
    of_kernels, bias = oracle.conv2d_gradients(x, output_delta, kernel_size=kernel_size, **options)
    alpha, kernels = shares(combination), np.asarray(weight, np.float64)[:, 0]
    of_alpha = np.einsum("ihw,jihw->ij", kernels, of_kernels)
    of_c = alpha * (of_alpha - (alpha * of_alpha).sum(axis=0))
    of_c += sparsity * (np.abs(alpha) - alpha * np.abs(alpha).sum(axis=0))
    return {
        "weight": np.einsum("ij,jihw->ihw", alpha, of_kernels)[:, None],
        "combination": of_c,
        "bias": bias,
    }
