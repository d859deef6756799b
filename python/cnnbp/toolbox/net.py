"""The toolbox's net: a definition, and the fields that the functions fill."""

# The fields keep the toolbox's own names.
# ruff: noqa: N815

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import numpy as np

from cnnbp.arguments import read_choice, read_integer
from cnnbp.toolbox.layout import Array

_OPTIONS = {"i": (), "c": ("outputmaps", "kernelsize"), "s": ("scale",)}


@dataclass(eq=False)
class Layer:
    """One layer: its definition and the arrays that belong to it.

    The arrays exist from the moment a function has set them. Each holds all maps of the layer, so
    that ``a[j]`` is one map in the toolbox's own shape (rows, columns, samples) and ``k[i][j]``
    the kernel from input map i to output map j.

    Attributes
    ----------
    type : {"i", "c", "s"}
        Input; convolution followed by the sigmoid; subsampling (mean pooling, not trained).
    outputmaps, kernelsize : int
        Of a convolution, both at least 1.
    scale : int
        Of subsampling: each output is the mean of scale × scale inputs. At least 1.
    a, d : numpy.ndarray of shape (maps, rows, columns, samples), float64
        Activations (`cnnff`) and deltas (`cnnbp`; not of the input layer, unless it is the last).
    k, dk : numpy.ndarray of shape (input maps, output maps, kernelsize, kernelsize), float64
        Kernels of a convolution (flipped when applied), and ∂L/∂k.
    b, db : numpy.ndarray of shape (maps,), float64
        Biases and ∂L/∂b. Subsampling carries zeros in `b` that nothing reads, and no `db`.

    Raises
    ------
    ValueError, TypeError
        For an unknown type, or an option that is missing, does not belong to the type or is not
        a whole number of at least 1.
    """

    type: str
    outputmaps: int = 0
    kernelsize: int = 0
    scale: int = 0
    a: Array = field(init=False, repr=False)
    d: Array = field(init=False, repr=False)
    k: Array = field(init=False, repr=False)
    dk: Array = field(init=False, repr=False)
    b: Array = field(init=False, repr=False)
    db: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the options against the type."""
        read_choice(self.type, "type", _OPTIONS)
        for option in ("outputmaps", "kernelsize", "scale"):
            value = getattr(self, option)
            if option in _OPTIONS[self.type]:
                setattr(self, option, read_integer(value, option))
            elif value != 0:
                raise ValueError(f"type {self.type!r} has no {option}, got {value!r}")

    def __str__(self) -> str:
        """Say the definition as papers do: ``6c5`` is 6 maps from 5x5 kernels, ``2s`` halves."""
        return {
            "i": "i",
            "c": f"{self.outputmaps}c{self.kernelsize}",
            "s": f"{self.scale}s",
        }[self.type]


class Net:
    """A net as the toolbox's functions take and return it.

    Parameters
    ----------
    layers : iterable of Layer or of mappings with Layer's arguments
        The input layer, then convolutions and subsamplings in turn, beginning and ending with
        either: the toolbox passes deltas only from one kind to the other.

    Attributes
    ----------
    layers : list of Layer
    ffW : numpy.ndarray of shape (classes, features), float64
        Weights of the output layer.
    ffb : numpy.ndarray of shape (classes, 1), float64
        Biases of the output layer.
    fv, fvd : numpy.ndarray of shape (features, samples), float64
        The last layer's maps, stacked map after map, and their deltas.
    o, e, od : numpy.ndarray of shape (classes, samples), float64
        Outputs in (0, 1), errors o − y, deltas of the output layer.
    L : float
        Loss ½ Σ e² / samples.
    dffW, dffb : numpy.ndarray, float64
        ∂L/∂ffW and ∂L/∂ffb, in their shapes.
    rL : numpy.ndarray of shape (1 + number of batches,), float64
        The smoothed loss of `cnntrain`.

    Raises
    ------
    ValueError, TypeError
        Names the layer whose definition cannot be used.
    """

    ffW: Array
    ffb: Array
    fv: Array
    fvd: Array
    o: Array
    e: Array
    od: Array
    L: float
    dffW: Array
    dffb: Array
    rL: Array

    def __init__(self, layers: Iterable[Layer | Mapping[str, Any]]) -> None:
        self.layers = [_layer(place, definition) for place, definition in enumerate(layers)]
        types = [layer.type for layer in self.layers]
        if types[:1] != ["i"] or "i" in types[1:]:
            raise ValueError(f"layers must begin with the only one of type 'i', got types {types}")
        for place, (below, above) in enumerate(pairwise(types)):
            if below == above:
                raise ValueError(
                    f"layers[{place}] and layers[{place + 1}] are both of type {above!r}; the "
                    "toolbox needs 'c' and 's' in turn. Use cnnbp.Network for other orders"
                )

    def __repr__(self) -> str:
        """Say the definition, without the arrays."""
        return f"Net({'-'.join(map(str, self.layers))})"

    def copy(self) -> "Net":
        """Return a net whose fields can be set without changing this one; arrays are shared."""
        new = copy.copy(self)
        new.layers = [copy.copy(layer) for layer in self.layers]
        return new

    def map_shapes(self, rows: int, columns: int) -> list[tuple[int, int, int]]:
        """Return (maps, rows, columns) of each layer for images of `rows` × `columns`.

        Raises
        ------
        ValueError
            Where a kernel is larger than its maps, or subsampling does not divide them.
        """
        maps, shapes = 1, [(1, rows, columns)]
        for place, layer in enumerate(self.layers[1:], 1):
            shrink = layer.kernelsize - 1
            if min(rows, columns) <= shrink:
                raise ValueError(
                    f"layers[{place}] has kernels of {layer.kernelsize}x{layer.kernelsize}, larger "
                    f"than its input maps of {rows}x{columns}"
                )
            if layer.type == "s" and (rows % layer.scale or columns % layer.scale):
                raise ValueError(
                    f"layers[{place}] size must be integer: its input maps of {rows}x{columns} "
                    f"do not divide by scale {layer.scale}. "
                    f"Actual: {rows / layer.scale:g}x{columns / layer.scale:g}"
                )
            if layer.type == "c":
                maps, rows, columns = layer.outputmaps, rows - shrink, columns - shrink
            else:
                rows, columns = rows // layer.scale, columns // layer.scale
            shapes.append((maps, rows, columns))
        return shapes

    def require(
        self, fields: Iterable[str], layer_fields: Iterable[str], advice: str, types: str = "c"
    ) -> None:
        """Refuse a net that lacks any of its `fields`, or `layer_fields` in layers of `types`."""
        missing = [name for name in fields if not hasattr(self, name)]
        for place, layer in enumerate(self.layers):
            if layer.type in types:
                absent = (name for name in layer_fields if not hasattr(layer, name))
                missing += [f"layers[{place}].{name}" for name in absent]
        if missing:
            raise ValueError(f"net has no {', '.join(missing)} yet: {advice}")

    def require_gradients(self) -> None:
        """Refuse a net that has not been through `cnnbp`."""
        advice = "call net = cnnbp(cnnff(net, x), y) first"
        self.require(("ffW", "ffb", "dffW", "dffb"), ("k", "b", "dk", "db"), advice)

    def check_weights(self, shapes: list[tuple[int, int, int]]) -> None:
        """Refuse a net without weights, or whose weights do not fit maps of these `shapes`.

        Raises
        ------
        ValueError, TypeError
            Names what is missing, has another shape, or is not a float64 array.
        """
        advice = "call net = cnnsetup(net, x, y), or net = load_mat(path)"
        self.require(("ffW", "ffb"), ("k", "b"), advice)
        classes, features = len(self.ffb), math.prod(shapes[-1])
        weights: list[tuple[str, Array, tuple[int, ...]]] = [
            ("ffW", self.ffW, (classes, features)),
            ("ffb", self.ffb, (classes, 1)),
        ]
        for place, ((in_maps, _, _), (out_maps, _, _)) in enumerate(pairwise(shapes), 1):
            layer = self.layers[place]
            if layer.type == "c":
                kernels = (in_maps, out_maps, layer.kernelsize, layer.kernelsize)
                weights.append((f"layers[{place}].k", layer.k, kernels))
                weights.append((f"layers[{place}].b", layer.b, (out_maps,)))
        for name, array, shape in weights:
            if getattr(array, "dtype", None) != np.float64:
                raise TypeError(f"net.{name} must be a float64 array, got {array!r}")
            if array.shape != shape:
                raise ValueError(
                    f"net.{name} must have the shape {shape} for images of "
                    f"{shapes[0][1]}x{shapes[0][2]}, got {array.shape}. "
                    "Set the net up again for these images with cnnsetup"
                )


def require_net(net: object) -> None:
    """Refuse what is no net of the toolbox, such as a `cnnbp.Network`."""
    if not isinstance(net, Net):
        raise TypeError(
            f"net must be a cnnbp.toolbox.Net, got {type(net).__module__}.{type(net).__name__}; "
            "make one with cnnsetup(Net([{'type': 'i'}, ...]), x, y), or read one with "
            "load_mat(path). A cnnbp.Network has predict, trace and train_step of its own"
        )


def _layer(place: int, definition: Layer | Mapping[str, Any]) -> Layer:
    """Return one layer of a net; errors name its place."""
    if isinstance(definition, Layer):
        return copy.copy(definition)
    if not isinstance(definition, Mapping):
        raise TypeError(f"layers[{place}] must be a Layer or a mapping, got {definition!r}")
    names = [option.name for option in fields(Layer) if option.init]
    if "type" not in definition or not set(definition) <= set(names):
        raise TypeError(
            f"layers[{place}]: expected a type and options among {', '.join(names)}, "
            f"got {dict(definition)!r}"
        )
    try:
        return Layer(**definition)
    except (TypeError, ValueError) as error:
        raise type(error)(f"layers[{place}]: {error}") from None
