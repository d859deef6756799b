"""The layers of a network over ``oracle``: one class each, found by its layer's name.

``forward`` gives the pre-activation and keeps what ``backward`` needs; ``backward`` takes the delta
of the pre-activation and returns the input's, and the gradients by the parameters' names.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

import oracle
import oracle_convolutions
from oracle_random import Draws

Array = np.ndarray
Backward = tuple[Array, dict[str, Array]]


@dataclass
class OracleLayer:
    """What passes its input on; the base of the others."""

    options: dict
    #: As in ``state_dict``, without the layer's own name: ``{"weight": …}``.
    parameters: dict[str, Array]
    draws: Draws

    def forward(self, x: Array, training: bool) -> Array:
        """Return the pre-activation."""
        self.x, self.training = x, training
        return self.compute(x)

    def compute(self, x: Array) -> Array:
        return x

    def backward(self, delta: Array) -> Backward:
        return delta.reshape(self.x.shape), {}

    def penalty(self) -> float:
        """What the layer adds to the loss, whatever the samples."""
        return 0.0

    def weights(self) -> tuple[Array, Array | None]:
        return self.parameters["weight"], self.parameters.get("bias")

    def trained(self, **gradients: Array) -> dict[str, Array]:
        """The gradients of the parameters that there are."""
        return {name: value for name, value in gradients.items() if name in self.parameters}


class Flatten(OracleLayer):
    def compute(self, x):
        return x.reshape(len(x), -1)


class Conv2d(OracleLayer):
    @property
    def geometry(self) -> dict:
        plain = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
        return plain | {name: self.options[name] for name in plain if name in self.options}

    def compute(self, x):
        return oracle.conv2d(x, *self.weights(), **self.geometry)

    def backward(self, delta):
        weight, _ = self.weights()
        below = oracle.conv2d_delta(delta, weight, input_size=self.x.shape[2:], **self.geometry)
        of_weight, of_bias = oracle.conv2d_gradients(
            self.x, delta, kernel_size=weight.shape[2:], **self.geometry
        )
        if (connections := self.options.get("connections")) is not None:
            of_weight = of_weight * np.array(connections)[:, :, None, None]
        return below, self.trained(weight=of_weight, bias=of_bias)


class ConvTranspose2d(OracleLayer):
    @property
    def geometry(self) -> dict:
        pairs = {"stride": (1, 1), "padding": (0, 0), "output_padding": (0, 0), "dilation": (1, 1)}
        plain = {**pairs, "groups": 1}
        return plain | {name: self.options[name] for name in plain if name in self.options}

    def compute(self, x):
        return oracle_convolutions.conv_transpose2d(x, *self.weights(), **self.geometry)

    def backward(self, delta):
        weight, _ = self.weights()
        below = oracle_convolutions.conv_transpose2d_delta(
            delta, weight, input_size=self.x.shape[2:], **self.geometry
        )
        of_weight, of_bias = oracle_convolutions.conv_transpose2d_gradients(
            self.x, delta, kernel_size=weight.shape[2:], **self.geometry
        )
        return below, self.trained(weight=of_weight, bias=of_bias)


class CombineConv2d(Conv2d):
    """A convolution with the kernels ``α_ij k_i``."""

    @property
    def shared(self) -> dict:
        sparsity = self.options.get("sparsity", 0.0)
        return {"combination": self.parameters["combination"], "sparsity": sparsity}

    def penalty(self):
        return oracle_convolutions.penalty(**self.shared)

    def weights(self):
        weight, bias = super().weights()
        combination = self.parameters["combination"]
        return oracle_convolutions.combined_kernels(weight, combination), bias

    def backward(self, delta):
        below, _ = super().backward(delta)
        gradients = oracle_convolutions.combine_conv2d_gradients(
            self.x, delta, self.parameters["weight"], **self.shared, **self.geometry
        )
        return below, self.trained(**gradients)


class Linear(OracleLayer):
    def compute(self, x):
        return oracle.linear(x.reshape(len(x), -1), *self.weights())

    def backward(self, delta):
        of_weight, of_bias = oracle.linear_gradients(self.x.reshape(len(self.x), -1), delta)
        below = oracle.linear_delta(delta, self.parameters["weight"]).reshape(self.x.shape)
        return below, self.trained(weight=of_weight, bias=of_bias)


class Pool2d(OracleLayer):
    @property
    def window(self) -> dict:
        defaults = {"padding": (0, 0), "ceil_mode": False, "stride": self.options["kernel_size"]}
        return defaults | self.options


class AvgPool2d(Pool2d):
    @property
    def window(self):
        return {"count_include_pad": True, "divisor_override": None} | super().window

    def compute(self, x):
        return oracle.avg_pool2d(x, **self.window)

    def backward(self, delta):
        return oracle.avg_pool2d_delta(delta, input_size=self.x.shape[2:], **self.window), {}


class MaxPool2d(Pool2d):
    @property
    def window(self):
        return {"dilation": (1, 1)} | super().window

    def compute(self, x):
        output, self.positions = oracle.max_pool2d(x, **self.window)
        return output

    def backward(self, delta):
        size = self.x.shape[2:]
        return oracle.max_pool2d_delta(delta, self.positions, input_size=size), {}


class Subsample2d(OracleLayer):
    def compute(self, x):
        beta, bias = self.parameters["beta"], self.parameters["bias"]
        return oracle.subsample2d(x, beta, bias, **self.options)

    def backward(self, delta):
        beta, bias = oracle.subsample2d_gradients(self.x, delta, **self.options)
        below = oracle.subsample2d_delta(delta, self.parameters["beta"], **self.options)
        return below, {"beta": beta, "bias": bias}


class BatchNorm2d(OracleLayer):
    def compute(self, x):
        self.axes = (0, *range(2, x.ndim))
        if self.training:
            self.mean, self.variance = x.mean(self.axes), x.var(self.axes)
            self.follow(x.size // x.shape[1])
        else:
            self.mean, self.variance = (self.parameters[f"running_{s}"] for s in ("mean", "var"))
        self.deviation = np.sqrt(self.variance + self.options.get("eps", 1e-5))
        self.normal = (x - self.over(self.mean)) / self.over(self.deviation)
        ones, zeros = np.ones_like(self.mean), np.zeros_like(self.mean)
        weight, bias = self.parameters.get("weight", ones), self.parameters.get("bias", zeros)
        return self.normal * self.over(weight) + self.over(bias)

    def backward(self, delta):
        weight = self.parameters.get("weight", np.ones_like(self.mean))
        of_weight, of_bias = (delta * self.normal).sum(self.axes), delta.sum(self.axes)
        count = delta.size // delta.shape[1]
        centred = delta - self.over(of_bias / count) - self.normal * self.over(of_weight / count)
        below = centred * self.over(weight / self.deviation)
        return below, self.trained(weight=of_weight, bias=of_bias)

    def follow(self, count: int) -> None:
        """The running statistics; of the variance with n − 1."""
        share = self.options.get("momentum", 0.1)
        for name, now in (("mean", self.mean), ("var", self.variance * count / (count - 1))):
            running = self.parameters[f"running_{name}"]
            self.parameters[f"running_{name}"] = (1 - share) * running + share * now

    def over(self, channels: Array) -> Array:
        """A number a channel, to be used with maps."""
        return channels.reshape(-1, *(1 for _ in self.axes[1:]))


class GroupNorm(OracleLayer):
    def compute(self, x):
        groups = self.split(x)
        deviation = np.sqrt(groups.var(2, keepdims=True) + self.options.get("eps", 1e-5))
        self.deviation = np.broadcast_to(deviation, groups.shape).reshape(x.shape)
        self.normal = ((groups - groups.mean(2, keepdims=True)) / deviation).reshape(x.shape)
        ones, zeros = np.ones(x.shape[1]), np.zeros(x.shape[1])
        weight, bias = self.parameters.get("weight", ones), self.parameters.get("bias", zeros)
        self.scale = weight.reshape(-1, *(1 for _ in x.shape[2:]))
        return self.normal * self.scale + bias.reshape(self.scale.shape)

    def backward(self, delta):
        axes = (0, *range(2, delta.ndim))
        of_weight, of_bias = (delta * self.normal).sum(axes), delta.sum(axes)
        scaled = delta * self.scale
        below = scaled - self.mean(scaled) - self.normal * self.mean(scaled * self.normal)
        return below / self.deviation, self.trained(weight=of_weight, bias=of_bias)

    def split(self, x: Array) -> Array:
        """``(N, groups, values of a group)``."""
        return x.reshape(len(x), self.options["num_groups"], -1)

    def mean(self, x: Array) -> Array:
        """Of every group, at all of its places."""
        groups = self.split(x)
        return np.broadcast_to(groups.mean(2, keepdims=True), groups.shape).reshape(x.shape)


class Separable(OracleLayer, ABC):
    """``rows @ map @ columnsᵀ`` for every map, and back by the transposes."""

    @abstractmethod
    def matrix(self, axis: int, size: int) -> Array:
        """Of one axis: a row an output position, a column an input position."""

    def compute(self, x):
        self.rows, self.columns = (self.matrix(axis, size) for axis, size in enumerate(x.shape[2:]))
        return self.rows @ x @ self.columns.T

    def backward(self, delta):
        return self.rows.T @ delta @ self.columns, {}


class AdaptiveAvgPool2d(Separable):
    def matrix(self, axis, size):
        outputs = np.broadcast_to(self.options["output_size"], 2)[axis]
        rows = np.zeros((outputs, size))
        for place, row in enumerate(rows):
            begin, end = place * size // outputs, -(-(place + 1) * size // outputs)
            row[begin:end] = 1 / (end - begin)
        return rows


class GlobalAvgPool2d(Separable):
    def matrix(self, axis, size):
        return np.full((1, size), 1 / size)


class ZeroPad2d(Separable):
    def matrix(self, axis, size):
        return np.pad(np.eye(size), (self.options["padding"][axis], (0, 0)))


class Upsample(Separable):
    def matrix(self, axis, size):
        factor = np.broadcast_to(self.options["scale_factor"], 2)[axis]
        if self.options.get("mode", "nearest") == "nearest":
            return np.repeat(np.eye(size), factor, axis=0)
        places = np.maximum((np.arange(size * factor) + 0.5) / factor - 0.5, 0)
        if self.options.get("align_corners", False):
            places = np.linspace(0, size - 1, size * factor)
        # A pixel's share falls from 1 at its own place to 0 at its neighbours'.
        shares = 1 - np.abs(np.minimum(places, size - 1)[:, None] - np.arange(size))
        return np.maximum(shares, 0)


class Dropout(OracleLayer):
    def compute(self, x):
        mask = self.draws.dropout_mask(x.shape, self.options.get("p", 0.5))
        self.mask = mask if self.training else np.ones_like(x)
        return self.mask * x

    def backward(self, delta):
        return self.mask * delta, {}


def make(type_name: str, *given) -> OracleLayer:
    """The class of that name; an activation layer has no pre-activation of its own."""
    return globals().get(type_name, OracleLayer)(*given)
