"""The core's operations on NumPy arrays, with the names and meaning of ``torch.nn.functional``.

Arrays are float32 or float64, all of one call of the same type; strided and read-only ones are
fine. Images are ``(N, C, H, W)``, or ``(C, H, W)`` without the batch axis, which the result then
lacks as well. Sizes are one number or a pair ``(height, width)``.

``…_delta`` takes ``output_delta = ∂E/∂output`` and gives ``∂E/∂x``; ``…_gradients`` gives the
gradients of the parameters, summed over the samples.

Numbers closer to 0 than the smallest normal one, about 1.2e-38 in float32 and 2.2e-308 in float64,
are taken for 0 and given as 0.

Every function raises `TypeError` for an array or option of the wrong type and `ValueError` for one
of the wrong shape or out of range; the message names it.
"""

from cnnbp.functional.activation import relu, sigmoid, softmax, tanh
from cnnbp.functional.convolution import conv2d, conv2d_delta, conv2d_gradients
from cnnbp.functional.linear import linear, linear_delta, linear_gradients
from cnnbp.functional.pooling import avg_pool2d, avg_pool2d_delta, max_pool2d, max_pool2d_delta

__all__ = [
    "avg_pool2d",
    "avg_pool2d_delta",
    "conv2d",
    "conv2d_delta",
    "conv2d_gradients",
    "linear",
    "linear_delta",
    "linear_gradients",
    "max_pool2d",
    "max_pool2d_delta",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]
