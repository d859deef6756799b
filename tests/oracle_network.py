"""A whole network in float64 NumPy: forward, backward and SGD with momentum over ``oracle``."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import oracle_activations
import oracle_layers
import oracle_losses
from oracle_random import Draws


@dataclass(frozen=True)
class LayerSpec:
    """A layer by its name in ``cnnbp.layers``, with its keyword options and its activation.

    ``parts`` are the lists of layers within: ``{"body": […], "shortcut": […]}`` of a Residual,
    ``{"branches.0": […], …}`` of a Concat.
    """

    type: str
    options: dict[str, Any] = field(default_factory=dict)
    activation: str = "identity"
    parts: dict[str, list["LayerSpec"]] = field(default_factory=dict)


def layer(type_name: str, *, activation: str = "identity", **options) -> LayerSpec:
    return LayerSpec(type_name, options, activation)


def residual(body, shortcut=(), *, activation: str = "identity") -> LayerSpec:
    return LayerSpec("Residual", {}, activation, {"body": body, "shortcut": list(shortcut)})


def concat(*branches, activation: str = "identity") -> LayerSpec:
    parts = {f"branches.{place}": branch for place, branch in enumerate(branches)}
    return LayerSpec("Concat", {}, activation, parts)


def names(layers: list[LayerSpec], prefix: str = "") -> Iterator[str]:
    """Every layer's, ``"1"`` or ``"1.body.0"``, a composite one's before its parts'."""
    for place, spec in enumerate(layers):
        yield f"{prefix}{place}"
        for part, inner in spec.parts.items():
            yield from names(inner, f"{prefix}{place}.{part}.")


def function_of(spec: LayerSpec) -> str:
    """The function of a layer's pre-activation: its option, or what the layer itself is."""
    return oracle_activations.LAYER_FUNCTIONS.get(spec.type, spec.activation)


@dataclass
class Pass:
    """What one layer leaves behind in one step, as ``Network.trace`` names it."""

    input: np.ndarray
    pre_activation: np.ndarray
    output: np.ndarray
    delta: np.ndarray | None = None


class OracleNetwork:
    """Parameters are named as in ``state_dict``: ``{"0.weight": …, "1.body.0.bias": …}``."""

    def __init__(self, layers, parameters, *, loss: str, lr=0.0, momentum=0.0, seed=0):
        self.layers, self.loss, self.lr, self.momentum = layers, loss, lr, momentum
        self.seed, self.training_passes = seed, 0
        self.numbers = {name: number for number, name in enumerate(names(layers), start=1)}
        self.parameters = {name: np.array(p, np.float64) for name, p in parameters.items()}
        self.velocities = {name: np.zeros_like(p) for name, p in self.parameters.items()}

    def forward(self, x, *, training: bool = False) -> dict[str, Pass]:
        """Every layer's pass by its name, the last layer's last."""
        self.passes: dict[str, Pass] = {}
        self.made: dict[str, oracle_layers.OracleLayer] = {}
        self._forward(self.layers, "", np.asarray(x, np.float64), training)
        return self.passes

    def backward(self, x, target):
        """Loss, each layer's pass, the gradients by name, and the delta of the input."""
        passes = self.forward(x, training=True)
        output = list(passes.values())[-1].output
        loss, delta = getattr(oracle_losses, self.loss)(output.reshape(len(output), -1), target)
        loss += sum(made.penalty() for made in self.made.values())
        self.gradients: dict[str, np.ndarray] = {}
        delta = self._backward(self.layers, "", delta.reshape(output.shape))
        return loss, passes, self.gradients, delta

    def train_step(self, x, target) -> float:
        """``v ← momentum · v + gradient``, ``p ← p − lr · v``; held statistics follow the batch."""
        loss, _, gradients, _ = self.backward(x, target)
        self.training_passes += 1
        for prefix, made in self.made.items():
            self.parameters |= {f"{prefix}.{name}": p for name, p in made.parameters.items()}
        for name, gradient in gradients.items():
            self.velocities[name] = self.momentum * self.velocities[name] + gradient
            self.parameters[name] = self.parameters[name] - self.lr * self.velocities[name]
        return loss

    def _forward(self, layers, prefix, x, training):
        for place, spec in enumerate(layers):
            name = f"{prefix}{place}"
            if spec.parts:
                outputs = [
                    self._forward(inner, f"{name}.{part}.", x, training)
                    for part, inner in spec.parts.items()
                ]
                u = sum(outputs) if spec.type == "Residual" else np.concatenate(outputs, axis=1)
            else:
                own = {
                    key.removeprefix(f"{name}."): value
                    for key, value in self.parameters.items()
                    if key.rpartition(".")[0] == name
                }
                draws = Draws(self.seed, self.training_passes, self.numbers[name])
                self.made[name] = oracle_layers.make(spec.type, spec.options, own, draws)
                u = self.made[name].forward(x, training)
            output = oracle_activations.ACTIVATIONS[function_of(spec)](u)
            self.passes[name] = Pass(x, u, output)
            x = output
        return x

    def _backward(self, layers, prefix, delta):
        for place, spec in reversed(list(enumerate(layers))):
            name = f"{prefix}{place}"
            seen = self.passes[name]
            delta = oracle_activations.activation_delta(
                delta, seen.pre_activation, seen.output, function_of(spec)
            )
            seen.delta = delta
            if spec.parts:
                delta = self._backward_parts(spec, name, delta)
                continue
            delta, gradients = self.made[name].backward(delta)
            self.gradients |= {f"{name}.{key}": value for key, value in gradients.items()}
        return delta

    def _backward_parts(self, spec, name, delta):
        """The input's delta is the sum of what comes back through the parts."""
        total = np.zeros_like(self.passes[name].input)
        first = 0
        for part, inner in spec.parts.items():
            own = delta
            if spec.type == "Concat":
                last = f"{name}.{part}.{len(inner) - 1}"
                output = self.passes[last].output if inner else self.passes[name].input
                own = delta[:, first : first + output.shape[1]]
                first += output.shape[1]
            total += self._backward(inner, f"{name}.{part}.", own)
        return total
