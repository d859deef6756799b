"""What a network is made of: plain data, one class a layer.

Names and arguments are those of ``torch.nn``, except that no layer is told its input channels or
features: a network infers them from its input shape. What follows the sizes is keyword-only.
``activation="sigmoid"`` and a `Sigmoid` layer that follows mean the same.
"""

from cnnbp.layers.activation import ReLU, Sigmoid, Softmax, Tanh
from cnnbp.layers.base import Layer
from cnnbp.layers.connections import LENET5_CONNECTIONS
from cnnbp.layers.convolution import Conv2d
from cnnbp.layers.linear import Flatten, Linear
from cnnbp.layers.pooling import AvgPool2d, MaxPool2d
from cnnbp.layers.subsampling import Subsample2d

__all__ = [
    "LENET5_CONNECTIONS",
    "AvgPool2d",
    "Conv2d",
    "Flatten",
    "Layer",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Subsample2d",
    "Tanh",
]
