"""What a network is made of: plain data, one class a layer.

Names and arguments are those of ``torch.nn``, except that no layer is told its input channels or
features: a network infers them from its input shape. What follows the sizes is keyword-only, but
for the stride and padding of pooling. What else torch's layers are told, such as ``inplace``, is an
error that says whether it can be left out.
``activation="sigmoid"`` and a `Sigmoid` layer that follows mean the same.
"""

from cnnbp.layers.activation import (
    ELU,
    GELU,
    Hardswish,
    LeakyReLU,
    ReLU,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from cnnbp.layers.base import ACTIVATIONS, Layer
from cnnbp.layers.combination import CombineConv2d
from cnnbp.layers.composite import Concat, Residual
from cnnbp.layers.connections import LENET5_CONNECTIONS
from cnnbp.layers.convolution import Conv2d
from cnnbp.layers.dropout import Dropout
from cnnbp.layers.linear import Flatten, Linear
from cnnbp.layers.normalization import BatchNorm2d, GroupNorm
from cnnbp.layers.pooling import AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d
from cnnbp.layers.resizing import Upsample, ZeroPad2d
from cnnbp.layers.subsampling import Subsample2d
from cnnbp.layers.transposed import ConvTranspose2d

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "LENET5_CONNECTIONS",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm2d",
    "CombineConv2d",
    "Concat",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2d",
    "GroupNorm",
    "Hardswish",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "Residual",
    "ScaledTanh",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Subsample2d",
    "Tanh",
    "Upsample",
    "ZeroPad2d",
]
