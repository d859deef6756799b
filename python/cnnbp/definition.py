"""A network as plain data: what a saved file holds and what the core builds from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from cnnbp import _core, layers, losses
from cnnbp.arguments import items_of, read_choice, read_integer
from cnnbp.initializers import Initializer, initializer_from_dict, read_initializer
from cnnbp.layers import Layer
from cnnbp.layers.base import read_layers, walk
from cnnbp.losses import MSE, Loss, LossName, read_loss
from cnnbp.optim import SGD, Optimizer
from cnnbp.optim.base import read_optimizer
from cnnbp.summary import LayerSummary, MemoryUse, Summary

DType: TypeAlias = Literal["float32", "float64"]

LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Definition:
    """Everything that decides a network's first state; see `Network` for the attributes.

    Raises
    ------
    TypeError, ValueError
        If a value is of the wrong type or out of range.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, int, int]
    loss: Loss
    dtype: DType
    seed: int
    initializer: Initializer

    @classmethod
    def read(
        cls,
        layers: Iterable[Layer],
        *,
        input_shape: Sequence[int],
        loss: Loss | str,
        dtype: str,
        seed: int,
        initializer: Initializer | str = "toolbox",
    ) -> Definition:
        """Make a definition from values as callers may spell them."""
        return cls(
            layers=_read_layers(layers),
            input_shape=_read_input_shape(input_shape),
            loss=read_loss(loss),
            dtype=_read_dtype(dtype),
            seed=read_integer(seed, "seed", minimum=0, maximum=LARGEST_SEED),
            initializer=read_initializer(initializer, "initializer"),
        )

    def optimizer(self, given: Optimizer | None) -> Optimizer:
        """Read an optimizer; None is what `Network` takes when it is given none."""
        usual = default_optimizer(self.loss, ends_with_sigmoid=_ends_with_sigmoid(self.layers))
        return usual if given is None else read_optimizer(given)

    def build(self, optimizer: Optimizer) -> _core.Network:
        """Make a network of the core, in its first state."""
        return _core.Network(
            input_shape=self.input_shape,
            layers=[layer.definition() for layer in self.layers],
            loss=self.loss.definition(),
            dtype=self.dtype,
            seed=self.seed,
            initializer=self.initializer.definition(),
            optimizer=optimizer.definition(),
        )

    def summarize(self, optimizer: Optimizer, batch_size: int) -> Summary:
        """Describe the network without making it."""
        rows, memory = _core.summarize(
            input_shape=self.input_shape,
            layers=[layer.definition() for layer in self.layers],
            loss=self.loss.definition(),
            dtype=self.dtype,
            optimizer=optimizer.definition(),
            batch_size=batch_size,
        )
        lines = tuple(
            LayerSummary(layer=str(layer), **{n: v for n, v in row.items() if n != "type"})
            for (_, layer), row in zip(walk(self.layers), rows, strict=True)
        )
        return Summary(self.input_shape, lines, batch_size, MemoryUse(**memory))

    def arguments(self) -> str:
        """Return what `Network` is called with, as code."""
        layers = "".join(f"    {layer!r},\n" for layer in self.layers)
        return (
            f"[\n{layers}], input_shape={self.input_shape}, loss={self.loss!r}, "
            f"dtype={self.dtype!r}, seed={self.seed}, initializer={self.initializer!r}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as JSON takes it."""
        return {
            "layers": [_layer_to_dict(layer) for layer in self.layers],
            "input_shape": self.input_shape,
            "loss": {"type": type(self.loss).__name__, **self.loss.options()},
            "dtype": self.dtype,
            "seed": self.seed,
            "initializer": {"type": type(self.initializer).__name__, **self.initializer.options()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Definition:
        """Undo `to_dict`."""
        given = dict(values, layers=[_layer_from_dict(layer) for layer in values["layers"]])
        given["loss"] = _from_dict(values["loss"], losses, "the loss's type")
        if "initializer" in given:  # older files have none
            given["initializer"] = initializer_from_dict(given["initializer"])
        return cls.read(**given)


def summarize(
    layers: Iterable[Layer],
    *,
    input_shape: Sequence[int],
    loss: Loss | LossName = "mse",
    optimizer: Optimizer | None = None,
    dtype: DType = "float32",
    batch_size: int = 50,
) -> Summary:
    """Describe a network without making it: shapes, costs and the memory it would take.

    Takes what `Network` takes, and raises what it raises.

    Returns
    -------
    Summary
        A line a layer, and the bytes of training with `batch_size` samples per update.
    """
    definition = Definition.read(layers, input_shape=input_shape, loss=loss, dtype=dtype, seed=0)
    rule = definition.optimizer(optimizer)
    return definition.summarize(rule, read_integer(batch_size, "batch_size"))


def default_optimizer(loss: Loss, *, ends_with_sigmoid: bool) -> SGD:
    """Return what `Network` takes when it is given no optimizer.

    The toolbox's rate of 1 is for its sigmoids, whose slope is at most ¼: without one at the end,
    the first steps throw the weights so far that a ReLU is silent ever after.
    """
    if not isinstance(loss, MSE):
        return SGD(lr=0.02, momentum=0.9)
    return SGD(lr=1.0) if ends_with_sigmoid else SGD(lr=0.01, momentum=0.9)


def _ends_with_sigmoid(made: tuple[Layer, ...]) -> bool:
    last = next((layer for layer in reversed(made) if not isinstance(layer, layers.Flatten)), None)
    return isinstance(last, layers.Sigmoid) or getattr(last, "activation", None) == "sigmoid"


def _layer_to_dict(layer: Layer) -> dict[str, Any]:
    return {"type": type(layer).__name__, **_each_layer(layer.options(), Layer, _layer_to_dict)}


def _layer_from_dict(options: dict[str, Any]) -> Layer:
    made = _each_layer(options, dict, _layer_from_dict)
    return cast(Layer, _from_dict(made, layers, "a layer's type"))


def _each_layer(
    options: dict[str, Any], kind: type, change: Callable[[Any], object]
) -> dict[str, Any]:
    """Change the layers, of the kind given, among some options; they may lie in lists."""

    def visit(value: object) -> object:
        if isinstance(value, kind):
            return change(value)
        return [visit(item) for item in value] if isinstance(value, list | tuple) else value

    return {name: visit(value) for name, value in options.items()}


def _from_dict(options: dict[str, Any], module: ModuleType, what: str) -> object:
    """Make one of the module's classes from its ``"type"`` and its options."""
    kinds = [name for name in module.__all__ if isinstance(getattr(module, name), type)]
    rest = {name: value for name, value in options.items() if name != "type"}
    return getattr(module, read_choice(options["type"], what, kinds))(**rest)


def _read_layers(given: Iterable[Layer]) -> tuple[Layer, ...]:
    if isinstance(given, str | Layer) or not isinstance(given, Iterable):
        raise TypeError(
            f"layers must be a list of layers, got {given!r}; for the shorthand use "
            "Network.from_spec"
        )
    made = read_layers(given, "layers")
    if not made:
        raise ValueError("layers must hold at least one layer")
    return made


def _read_input_shape(given: object) -> tuple[int, int, int]:
    expected = "input_shape must be (channels, height, width)"
    items = items_of(given)
    if items is None:
        raise TypeError(f"{expected}, got {given!r}")
    sizes = [read_integer(size, "each number of input_shape") for size in items]
    if len(sizes) != 3:
        raise ValueError(f"{expected}, got {tuple(sizes)}")
    channels, height, width = sizes
    return channels, height, width


def _read_dtype(given: object) -> DType:
    try:
        name = np.dtype(cast(Any, given)).name
    except TypeError:
        name = repr(given)
    return cast(DType, read_choice(name, "dtype", ("float32", "float64")))
