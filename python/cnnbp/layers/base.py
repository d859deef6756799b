"""What all layers share: they are values."""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

from cnnbp.arguments import read_choice
from cnnbp.layers.connections import Connections
from cnnbp.layers.names import NAMES
from cnnbp.names import shown

if TYPE_CHECKING:
    from cnnbp import _core

#: What `activation` may be: the names of the activation layers, with their usual numbers.
ACTIVATIONS = (
    "sigmoid",
    "tanh",
    "scaled_tanh",
    "relu",
    "leaky_relu",
    "elu",
    "softplus",
    "gelu",
    "silu",
    "hardswish",
    "softmax",
)


@dataclass(frozen=True, init=False, repr=False)
class Layer(ABC):
    """A layer's definition: immutable, and equal to another with the same type and options.

    A class of one's own may inherit from one of `cnnbp.layers`, as a block from `Residual`. A
    network takes such a layer as what it inherits from, with the same options.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__init__" in vars(cls):
            NAMES.answered(cls)

    @abstractmethod
    def definition(self) -> _core.LayerDefinition:
        """Return the same layer for the compiled core."""

    def options(self) -> dict[str, Any]:
        """Return all arguments; ``type(layer)(**layer.options())`` equals the layer."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def parts(self) -> Iterator[tuple[str, Layers]]:
        """Yield the lists of layers that this one is made of, by name; most are made of none."""
        yield from ()

    def told(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the sizes, and the options that differ from those that are left out.

        Sizes are what comes first, and what cannot be left out.
        """
        parameters = inspect.signature(type(self)).parameters.values()
        placed = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        names = [p.name for i, p in enumerate(placed) if i == 0 or p.default is p.empty]
        sizes = {name: getattr(self, name) for name in names}
        usual = type(self)(*sizes.values()).options()
        options = {n: v for n, v in self.options().items() if n not in sizes and v != usual[n]}
        return sizes, options

    def plain(self) -> Layer:
        """Return the same layer as one of `cnnbp.layers`, where a class of one's own made it."""
        kind = _kind(type(self))
        if kind in (type(self), Layer):
            return self
        return kind(**{field.name: getattr(self, field.name) for field in fields(kind)})

    def __repr__(self) -> str:
        return self._written(repr)

    def __str__(self) -> str:
        return self._written(_short)

    def _written(self, show: Callable[[object], str]) -> str:
        if _kind(type(self)) is not type(self):  # a class of one's own has arguments of its own
            plain = self.plain()
            return object.__repr__(self) if plain is self else plain._written(show)
        sizes, others = self.told()
        shown = [show(_shortest(value)) for value in sizes.values()]
        options = {name: show(_shortest(value)) for name, value in others.items()}
        shown += [f"{name}={text}" for name, text in options.items() if text]
        return f"{type(self).__name__}({', '.join(filter(None, shown))})"

    def _assign(self, **options: object) -> None:
        """Set the fields of a layer that is being made; afterwards it is frozen."""
        for name, value in options.items():
            object.__setattr__(self, name, value)


Layers: TypeAlias = tuple[Layer, ...]


def refuse_unneeded(
    layer: str,
    takes: str,
    *kept: object,
    extra: tuple[object, ...],
) -> None:
    """Refuse what torch's layer of this name takes by its place and this one does not.

    What comes by name is answered by `NAMES`.
    """
    if extra:
        given, right = (", ".join(map(repr, values)) for values in ((*kept, *extra), kept))
        raise TypeError(
            f"{layer} takes {takes}. Instead of {layer}({given}) write {layer}({right})"
        )


def read_layers(given: object, name: str) -> Layers:
    """Read a list of layers, each as one of `cnnbp.layers`: files and equations know these."""
    if isinstance(given, str | Layer) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be a list of layers, got {given!r}")
    made = tuple(given)
    for place, layer in enumerate(made):
        if not isinstance(layer, Layer) or _kind(type(layer)) is Layer:
            given = shown(layer, Layer)
            raise TypeError(f"{name}[{place}] must be a layer of cnnbp.layers, got {given}")
    return tuple(layer.plain() for layer in made)


def _kind(made: type[Layer]) -> type[Layer]:
    """Find the class of `cnnbp.layers` that this is, or that it inherits from."""
    public: dict[str, object] = vars(sys.modules["cnnbp.layers"])
    return next(kind for kind in made.__mro__ if public.get(kind.__name__) is kind)


def walk(layers: Layers, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield every layer with its name, ``"1"`` or ``"1.body.0"``, a composite before its parts."""
    for place, layer in enumerate(layers):
        name = f"{prefix}{place}"
        yield name, layer
        for part, inner in layer.parts():
            yield from walk(inner, f"{name}.{part}.")


def read_activation(value: object, name: str) -> str | None:
    """Read an activation's name, or None for the identity."""
    return None if value is None else read_choice(value, name, ACTIVATIONS)


def _shortest(value: object) -> object:
    """``((2, 2), (1, 0))`` as ``(2, (1, 0))``, as it was most likely written."""
    if type(value) is not tuple:
        return value
    if _holds_layers(value):
        return [_shortest(item) if type(item) is tuple else item for item in value]
    height, width = map(_shortest, value)
    return height if height == width and not isinstance(height, tuple) else (height, width)


def _holds_layers(value: tuple[object, ...]) -> bool:
    return all(
        isinstance(item, Layer) or (type(item) is tuple and _holds_layers(item)) for item in value
    )


def _short(value: object) -> str:
    """Write a table of connections as its size, and no layers, which have lines of their own."""
    if isinstance(value, list):
        return ""
    return str(value) if isinstance(value, Connections) else repr(value)
