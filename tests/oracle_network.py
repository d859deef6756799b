"""A whole network in float64 NumPy: forward, backward and SGD with momentum over ``oracle``."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import oracle


@dataclass(frozen=True)
class LayerSpec:
    """A layer by its name in ``cnnbp.layers``, with its keyword options and its activation."""

    type: str
    options: dict[str, Any] = field(default_factory=dict)
    activation: str = "identity"


def layer(type_name: str, *, activation: str = "identity", **options) -> LayerSpec:
    return LayerSpec(type_name, options, activation)


def _function(spec: LayerSpec) -> str:
    """The function of a layer's pre-activation: its option, or what the layer itself is."""
    name = spec.type.lower()
    return name if name in oracle.ACTIVATIONS else spec.activation


CONV_DEFAULTS = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


@dataclass
class Pass:
    """What one layer leaves behind in one step, as ``Network.trace`` names it."""

    input: np.ndarray
    pre_activation: np.ndarray
    output: np.ndarray
    positions: np.ndarray | None = None
    delta: np.ndarray | None = None


class OracleNetwork:
    """Parameters are named as in ``state_dict``: ``{"0.weight": …, "0.bias": …}``."""

    def __init__(self, layers, parameters, *, loss: str, lr: float = 0.0, momentum: float = 0.0):
        self.layers, self.loss, self.lr, self.momentum = layers, loss, lr, momentum
        self.parameters = {name: np.array(p, np.float64) for name, p in parameters.items()}
        self.velocities = {name: np.zeros_like(p) for name, p in self.parameters.items()}

    def forward(self, x) -> list[Pass]:
        passes = []
        for place, spec in enumerate(self.layers):
            u, positions = self._pre_activation(place, spec, x)
            passes.append(Pass(x, u, oracle.ACTIVATIONS[_function(spec)](u), positions))
            x = passes[-1].output
        return passes

    def backward(self, x, target):
        """Loss, each layer's pass, the gradients by name, and the delta of the input."""
        passes, gradients = self.forward(x), {}
        output = passes[-1].output
        loss, delta = getattr(oracle, self.loss)(output.reshape(len(output), -1), target)
        delta = delta.reshape(output.shape)
        for place in reversed(range(len(self.layers))):
            spec, seen = self.layers[place], passes[place]
            seen.delta = oracle.activation_delta(delta, seen.output, _function(spec))
            gradients |= self._gradients(place, spec, seen)
            delta = self._input_delta(place, spec, seen)
        return loss, passes, gradients, delta

    def train_step(self, x, target) -> float:
        """``v ← momentum · v + gradient``, ``p ← p − lr · v``."""
        loss, _, gradients, _ = self.backward(x, target)
        for name, gradient in gradients.items():
            self.velocities[name] = self.momentum * self.velocities[name] + gradient
            self.parameters[name] = self.parameters[name] - self.lr * self.velocities[name]
        return loss

    def _named(self, place: int) -> tuple[np.ndarray, np.ndarray | None]:
        return self.parameters[f"{place}.weight"], self.parameters.get(f"{place}.bias")

    def _subsampling(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        return self.parameters[f"{place}.beta"], self.parameters[f"{place}.bias"]

    def _pre_activation(self, place, spec, x):
        match spec.type:
            case "Conv2d":
                return oracle.conv2d(x, *self._named(place), **self._conv_options(spec)), None
            case "Linear":
                return oracle.linear(x.reshape(len(x), -1), *self._named(place)), None
            case "AvgPool2d":
                return oracle.avg_pool2d(x, **self._pool_options(spec)), None
            case "MaxPool2d":
                return oracle.max_pool2d(x, **self._pool_options(spec))
            case "Subsample2d":
                return oracle.subsample2d(x, *self._subsampling(place), **spec.options), None
            case "Flatten":
                return x.reshape(len(x), -1), None
            case _:
                return x, None

    def _input_delta(self, place, spec, seen):
        size = seen.input.shape[2:]
        match spec.type:
            case "Conv2d":
                weight, options = self.parameters[f"{place}.weight"], self._conv_options(spec)
                return oracle.conv2d_delta(seen.delta, weight, input_size=size, **options)
            case "Linear":
                weight = self.parameters[f"{place}.weight"]
                return oracle.linear_delta(seen.delta, weight).reshape(seen.input.shape)
            case "AvgPool2d":
                options = self._pool_options(spec)
                return oracle.avg_pool2d_delta(seen.delta, input_size=size, **options)
            case "MaxPool2d":
                return oracle.max_pool2d_delta(seen.delta, seen.positions, input_size=size)
            case "Subsample2d":
                beta, _ = self._subsampling(place)
                return oracle.subsample2d_delta(seen.delta, beta, **spec.options)
            case "Flatten":
                return seen.delta.reshape(seen.input.shape)
            case _:
                return seen.delta

    def _gradients(self, place, spec, seen):
        match spec.type:
            case "Conv2d":
                kernel_size = self.parameters[f"{place}.weight"].shape[2:]
                weight, bias = oracle.conv2d_gradients(
                    seen.input, seen.delta, kernel_size=kernel_size, **self._conv_options(spec)
                )
            case "Linear":
                flat = seen.input.reshape(len(seen.input), -1)
                weight, bias = oracle.linear_gradients(flat, seen.delta)
            case "Subsample2d":
                beta, bias = oracle.subsample2d_gradients(seen.input, seen.delta, **spec.options)
                return {f"{place}.beta": beta, f"{place}.bias": bias}
            case _:
                return {}
        named = {f"{place}.weight": weight, f"{place}.bias": bias}
        return {name: gradient for name, gradient in named.items() if name in self.parameters}

    @staticmethod
    def _conv_options(spec):
        given = {name: spec.options[name] for name in CONV_DEFAULTS if name in spec.options}
        return CONV_DEFAULTS | given

    @staticmethod
    def _pool_options(spec):
        defaults = {"padding": (0, 0), "ceil_mode": False, "stride": spec.options["kernel_size"]}
        if spec.type == "AvgPool2d":
            defaults |= {"count_include_pad": True, "divisor_override": None}
        else:
            defaults |= {"dilation": (1, 1)}
        return defaults | spec.options
