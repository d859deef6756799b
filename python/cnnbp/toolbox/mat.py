"""Reading a net that the toolbox saved."""

from collections.abc import Callable
from os import PathLike
from typing import TypeAlias

import numpy as np

from cnnbp.data.files import as_file
from cnnbp.data.mat_file import Value, read_variables
from cnnbp.toolbox.layout import Array, float64_array
from cnnbp.toolbox.net import Layer, Net

#: Turns what was read for one field into the field's own form.
_Converter: TypeAlias = Callable[[Value], Array | float]


def load_mat(path: str | PathLike[str], name: str = "cnn") -> Net:
    """Read a net from a MATLAB file, as the toolbox's user saved it: ``save('net.mat', 'cnn')``.

    Weights are enough; activations, deltas and gradients that the struct carries are read too.

    Parameters
    ----------
    path : str or Path
        A ``.mat`` file up to version 7 (not ``-v7.3``), of MATLAB or Octave.
    name : str
        The variable that holds the net.

    Returns
    -------
    Net
        In float64, ready for `cnntest`, `cnntrain` and the rest.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, or does not hold a net of that name.
    """
    path = as_file(path)
    variables = read_variables(path)
    if name not in variables:
        raise ValueError(f"{path}: holds no variable {name!r}, only {list(variables)}")
    try:
        return _net(_fields(variables[name], "layers"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name} is not a net of the toolbox: {error}") from error


def _net(struct: dict[str, Value]) -> Net:
    """Build the net from the fields of its struct."""
    layers = [_layer(place, cell) for place, cell in enumerate(_cells(struct["layers"]))]
    net = Net(layers)
    _set_fields(net, "", struct, _NET_FIELDS)
    return net


def _layer(place: int, cell: Value) -> Layer:
    """Build one layer from its struct."""
    struct = _fields(cell, "type")
    options = {name: _whole(struct[name]) for name in _LAYER_OPTIONS if name in struct}
    layer = Layer(_text(struct["type"]), **options)
    _set_fields(layer, f"layers[{place}].", struct, _LAYER_FIELDS)
    return layer


def _fields(value: Value, required: str) -> dict[str, Value]:
    """Return the fields of a struct that has the field `required`."""
    if not isinstance(value, dict):
        raise TypeError(f"expected one struct, found {_kind(value)}")
    if required not in value:
        raise ValueError(f"its struct has no field {required!r}")
    return value


def _set_fields(
    target: Net | Layer, prefix: str, struct: dict[str, Value], converters: dict[str, _Converter]
) -> None:
    """Set on `target` each field that `struct` has."""
    for name, convert in converters.items():
        if name in struct:
            try:
                setattr(target, name, convert(struct[name]))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{prefix}{name}: {error}") from error


def _cells(value: Value) -> list[Value]:
    """Return what a row or column of cells holds."""
    if not isinstance(value, list) or not value:
        raise TypeError(f"expected cells, found {_kind(value)}")
    return value


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, found {_kind(value)}")
    return value


def _kind(value: Value) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} of shape {value.shape}"
    names = {"list": "cells", "dict": "a struct", "str": "text"}
    return names.get(type(value).__name__, "something else")


def _matrix(value: Value) -> Array:
    """Convert a matrix."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"it must hold real numbers, found {_kind(value)}")
    return float64_array("it", value, ("rows", "columns"))


def _row(value: Value) -> Array:
    """Convert a MATLAB row to one axis."""
    return _matrix(value).ravel()


def _scalar(value: Value) -> float:
    """Convert a 1x1 matrix."""
    return float(_matrix(value).item())


def _whole(value: Value) -> int:
    """Convert a 1x1 matrix that holds a whole number."""
    number = _scalar(value)
    if number != int(number):
        raise ValueError(f"expected a whole number, found {number}")
    return int(number)


def _biases(value: Value) -> Array:
    """Convert cells b{j} of numbers."""
    return np.array([_scalar(cell) for cell in _cells(value)])


def _kernels(value: Value) -> Array:
    """Convert cells k{i}{j} of matrices to (input maps, output maps, rows, columns)."""
    return np.array([[_matrix(cell) for cell in _cells(row)] for row in _cells(value)])


def _maps(value: Value) -> Array:
    """Convert cells a{j} to (maps, rows, columns, samples); MATLAB drops a last axis of 1."""
    cells = [np.asarray(cell) for cell in _cells(value)]
    maps = [cell.reshape(*cell.shape[:2], -1) for cell in cells]
    return float64_array("it", np.stack(maps), ("maps", "rows", "columns", "samples"))


_LAYER_OPTIONS = ("outputmaps", "kernelsize", "scale")
_LAYER_FIELDS: dict[str, _Converter] = {
    "k": _kernels, "b": _biases, "dk": _kernels, "db": _biases, "a": _maps, "d": _maps
}  # fmt: skip
_NET_FIELDS: dict[str, _Converter] = {
    "L": _scalar,
    "rL": _row,
    **dict.fromkeys(("ffW", "ffb", "dffW", "dffb", "fv", "fvd", "o", "e", "od"), _matrix),
}
