"""Reading a net that the toolbox saved."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from cnnbp.toolbox.layout import Array, float64_array
from cnnbp.toolbox.net import Layer, Net

#: Turns what SciPy read for one field into the field's own form.
_Converter: TypeAlias = Callable[[Any], Array | float]


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
    ImportError
        If SciPy is not installed; the extra ``mat`` brings it.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read, or does not hold a net of that name.
    """
    variable = _read(Path(path), name)
    try:
        return _net(_fields(variable, "layers"))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {name} is not a net of the toolbox: {error}") from error


def _read(path: Path, name: str) -> Any:
    """Return the variable `name` as SciPy reads it."""
    try:
        from scipy.io import loadmat, whosmat
    except ImportError as error:
        raise ImportError(f'{path}: .mat files need SciPy: pip install "cnnbp[mat]"') from error
    with path.open("rb") as file:
        try:
            names = [variable for variable, _, _ in whosmat(file)]
            contents = loadmat(file, variable_names=[name])
        except NotImplementedError as error:
            raise ValueError(f"{path}: is a -v7.3 file; save it again with save -v7") from error
        except Exception as error:  # SciPy lets whatever a damaged file provokes escape.
            raise ValueError(f"{path}: not a sound MATLAB file ({error})") from error
    if name not in contents:
        raise ValueError(f"{path}: holds no variable {name!r}, only {names}")
    return contents[name]


def _net(struct: dict[str, Any]) -> Net:
    """Build the net from the fields of its struct."""
    layers = [_layer(place, cell) for place, cell in enumerate(_cells(struct["layers"]))]
    net = Net(layers)
    _set_fields(net, "", struct, _NET_FIELDS)
    return net


def _layer(place: int, cell: Any) -> Layer:
    """Build one layer from its struct."""
    struct = _fields(cell, "type")
    options = {name: _whole(struct[name]) for name in _LAYER_OPTIONS if name in struct}
    layer = Layer(str(struct["type"].item()), **options)
    _set_fields(layer, f"layers[{place}].", struct, _LAYER_FIELDS)
    return layer


def _fields(value: Any, required: str) -> dict[str, Any]:
    """Return the fields of a MATLAB struct of size 1x1 that has the field `required`."""
    if value.dtype.names is None or value.size != 1:
        raise TypeError(f"expected one struct, found {value.dtype} of shape {value.shape}")
    if required not in value.dtype.names:
        raise ValueError(f"its struct has no field {required!r}")
    return {name: value[name].item() for name in value.dtype.names}


def _set_fields(
    target: Net | Layer, prefix: str, struct: dict[str, Any], converters: dict[str, _Converter]
) -> None:
    """Set on `target` each field that `struct` has."""
    for name, convert in converters.items():
        if name in struct:
            try:
                setattr(target, name, convert(struct[name]))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{prefix}{name}: {error}") from error


def _cells(value: Any) -> list[Any]:
    """Return what a row or column of MATLAB cells holds."""
    if value.dtype != object or value.size == 0:
        raise TypeError(f"expected cells, found {value.dtype} of shape {value.shape}")
    return list(value.ravel())


def _matrix(value: Any) -> Array:
    """Convert a matrix."""
    return float64_array("it", value, ("rows", "columns"))


def _row(value: Any) -> Array:
    """Convert a MATLAB row to one axis."""
    return _matrix(value).ravel()


def _scalar(value: Any) -> float:
    """Convert a 1x1 matrix."""
    return float(_matrix(value).item())


def _whole(value: Any) -> int:
    """Convert a 1x1 matrix that holds a whole number."""
    number = _scalar(value)
    if number != int(number):
        raise ValueError(f"expected a whole number, found {number}")
    return int(number)


def _biases(value: Any) -> Array:
    """Convert cells b{j} of numbers."""
    return np.array([_scalar(cell) for cell in _cells(value)])


def _kernels(value: Any) -> Array:
    """Convert cells k{i}{j} of matrices to (input maps, output maps, rows, columns)."""
    return np.array([[_matrix(cell) for cell in _cells(row)] for row in _cells(value)])


def _maps(value: Any) -> Array:
    """Convert cells a{j} to (maps, rows, columns, samples); MATLAB drops a last axis of 1."""
    maps = [cell.reshape(*cell.shape[:2], -1) for cell in _cells(value)]
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
