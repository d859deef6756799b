"""What all layers share: they are values."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from cnnbp.arguments import read_choice
from cnnbp.layers.connections import Connections

if TYPE_CHECKING:
    from cnnbp import _core

ACTIVATIONS = ("sigmoid", "tanh", "relu", "softmax")


@dataclass(frozen=True, init=False, repr=False)
class Layer(ABC):
    """A layer's definition: immutable, and equal to another with the same type and options."""

    @abstractmethod
    def definition(self) -> _core.LayerDefinition:
        """Return the same layer for the compiled core."""

    def options(self) -> dict[str, Any]:
        """Return all arguments; ``type(layer)(**layer.options())`` equals the layer."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        return self._written(repr)

    def __str__(self) -> str:
        return self._written(lambda v: str(v) if isinstance(v, Connections) else repr(v))

    def _written(self, show: Callable[[object], str]) -> str:
        # Sizes are shown always, an option only where it differs from the one left out.
        parameters = inspect.signature(type(self)).parameters.values()
        sizes = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        plain = type(self)(*(getattr(self, name) for name in sizes)).options()
        shown = [show(_shortest(getattr(self, name))) for name in sizes]
        shown += [
            f"{name}={show(_shortest(value))}"
            for name, value in self.options().items()
            if value != plain[name]
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _assign(self, **options: object) -> None:
        """Set the fields of a layer that is being made; afterwards it is frozen."""
        for name, value in options.items():
            object.__setattr__(self, name, value)


def read_activation(value: object, name: str) -> str | None:
    """Read an activation's name, or None for the identity."""
    return None if value is None else read_choice(value, name, ACTIVATIONS)


def _shortest(value: object) -> object:
    """``((2, 2), (1, 0))`` as ``(2, (1, 0))``, as it was most likely written."""
    if type(value) is not tuple:
        return value
    height, width = map(_shortest, value)
    return height if height == width and not isinstance(height, tuple) else (height, width)
