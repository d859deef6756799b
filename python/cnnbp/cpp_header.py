"""A network as a C++ header: its definition as a person would write it, and its numbers."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnbp import _core
from cnnbp.arguments import read_path
from cnnbp.layers import Concat, Layer, Residual
from cnnbp.layers.activation import ActivationLayer
from cnnbp.losses import Loss
from cnnbp.optim.base import Optimizer
from cnnbp.whole_file import whole_file

if TYPE_CHECKING:
    from cnnbp.network import Network

#: Numbers in a line, which has about 120 characters in float32.
NUMBERS_IN_A_LINE = 8

#: The core's names of what Python has as a word, by option.
WORDS = {"algorithm": "Algorithm", "activation": "Function", "mode": "Upsample"}

#: Options in the order of the core's structs, where Python's is another: C++ wants it kept.
LAST = {"Conv2d": ("connections", "trainable", "algorithm")}

#: Words of C++20, which no namespace may be called.
WORDS_OF_CPP = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum explicit export
extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
nullptr operator or or_eq private protected public register reinterpret_cast requires return
short signed sizeof static static_assert static_cast struct switch template this thread_local
throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while
xor xor_eq
"""

#: Namespaces that the header uses.
TAKEN = ("cnnbp", "std")

HEADER = """\
// A network of cnnbp {version}: its definition, and its numbers as they were when it was written.
//
//   #include "{file}"
//   {kind} network = {space}::network();
//   std::vector<{scalar}> output({outputs});
//   network.predict({{x, 1}}, output);
//
// where x points to {inputs} numbers, as it was trained on; bytes are taken for 0 to 1.
#pragma once

#include <cnnbp/cnnbp.hpp>

// clang-format off
namespace {space} {{

inline cnnbp::NetworkDefinition definition() {{
  return {{
      .input = {{{shape}}},
      .layers = {{
{layers}
      }},
      .loss = {loss},
      .initializer = cnnbp::Constant{{}},  // until the numbers below are in their places
  }};
}}

namespace numbers {{
{arrays}
}}  // namespace numbers

/// It predicts as it did, and may be trained on: what the optimizer kept starts at zero.
inline {kind} network() {{
  {kind} made(definition(), {optimizer});
{settings}
  return made;
}}

}}  // namespace {space}
// clang-format on
"""


def write_cpp(net: Network, path: str | os.PathLike[str], *, namespace: str | None = None) -> None:
    """Write a network to a C++ header, for programs that link the core.

    It holds the definition and all parameters; ``network()`` of its namespace makes the network,
    which predicts the same bits. ``cnnbp export`` does this with a saved network.

    Parameters
    ----------
    net : Network
        The network.
    path : path-like
        The header, such as ``digits.hpp``; ``~`` is the home folder. An older file is replaced
        once the new one is whole.
    namespace : str, optional
        Of all that it defines; the file's name without its ending when left out: ``digits``.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError, ValueError
        If a parameter holds NaN or infinity, or the namespace is no name in C++ or one of its
        words. Whether a library that the program includes has the name, its compiler finds out.
    """
    file = read_path(path, "path")
    stem = re.sub(r"\W", "_", file.name.split(".")[0], flags=re.ASCII)
    space = _namespace(stem if namespace is None else namespace)
    header = _header(net, file.name, space)
    with whole_file(file) as written:
        written.write(header.encode())


def _header(net: Network, file: str, space: str) -> str:
    scalar = {"float32": "float", "float64": "double"}[net.definition.dtype]
    arrays = list(_arrays(net.state_dict(), scalar))
    return HEADER.format(
        version=_core.__version__,
        file=file,
        space=space,
        scalar=scalar,
        kind=f"cnnbp::Network<{scalar}>",
        inputs=" · ".join(map(str, net.input_shape)),
        outputs=math.prod(net.output_shape),
        shape=", ".join(map(str, net.input_shape)),
        layers="\n".join(f"          {_layer(layer)}," for layer in net.layers),
        loss=_loss(net.definition.loss),
        optimizer=_optimizer(net.optimizer),
        arrays="\n".join(text for _, _, text in arrays),
        settings="\n".join(
            f'  made.set_parameter("{name}", numbers::{place});' for name, place, _ in arrays
        ),
    )


def _namespace(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"namespace must be a str, got {name!r}")
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) or name in (*TAKEN, *WORDS_OF_CPP.split()):
        raise ValueError(
            f"{name!r} is no namespace of C++; give one such as 'digits', or name the file so"
        )
    return name


def _arrays(parameters: Mapping[str, NDArray[Any]], scalar: str) -> Iterator[tuple[str, str, str]]:
    """Yield each parameter's name, that of its array, and the array."""
    ending = "f" if scalar == "float" else ""
    for name, array in parameters.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity, which a header cannot; train anew")
        place = "p" + re.sub(r"\W", "_", name)
        numbers = np.char.add(array.ravel().astype(str), ending).tolist()  # shortest, and exact
        lines = [
            "    " + ", ".join(numbers[i : i + NUMBERS_IN_A_LINE])
            for i in range(0, len(numbers), NUMBERS_IN_A_LINE)
        ]
        head = f"inline constexpr {scalar} {place}[] = {{  // {name}, {array.shape}"
        yield name, place, "\n".join([head, ",\n".join(lines), "};"])


def _layer(layer: Layer) -> str:
    kind = type(layer).__name__
    if isinstance(layer, ActivationLayer):
        return f"cnnbp::Activation{{{_function(layer)}}}"
    if isinstance(layer, Concat):
        branches = ", ".join(_layers(branch) for branch in layer.branches)
        return _struct(kind, {"branches": f"{{{branches}}}"} | _options(layer, "branches"))
    if isinstance(layer, Residual):
        parts = {"body": _layers(layer.body), "shortcut": _layers(layer.shortcut)}
        return _struct(kind, parts | _options(layer, "body", "shortcut"))
    return _struct(kind, _options(layer))


def _layers(layers: tuple[Layer, ...]) -> str:
    if not layers:
        return "{}"
    return f"std::vector<cnnbp::LayerDefinition>{{{', '.join(map(_layer, layers))}}}"


def _options(layer: Layer, *without: str) -> dict[str, str]:
    sizes, others = layer.told()
    told = (sizes | others).items()
    shown = {n: _option(n, value) for n, value in told if n not in without}
    last = [name for name in LAST.get(type(layer).__name__, ()) if name in shown]
    return {n: text for n, text in shown.items() if n not in last} | {n: shown[n] for n in last}


def _option(name: str, value: object) -> str:
    if name == "padding" and value == "same":
        return "cnnbp::Padding::same()"
    if name == "connections" and isinstance(value, tuple):
        return f"{{{', '.join(f'std::vector<bool>{_value(row)}' for row in value)}}}"
    if isinstance(value, tuple):
        return _size(value)
    if isinstance(value, str):
        return f"cnnbp::{WORDS[name]}::{'automatic' if value == 'auto' else value}"
    return _value(value)


def _size(value: tuple[Any, ...]) -> str:
    """One number for all, a height and a width, or the sides of rows and of columns."""
    sides = isinstance(value[0], tuple)
    numbers = value[0] + value[1] if sides else value
    if len(set(numbers)) == 1:
        return str(numbers[0])
    return _value(numbers) if sides else f"cnnbp::Size2d{_value(numbers)}"


def _function(layer: ActivationLayer) -> str:
    number = layer.parameter()
    told = f"cnnbp::Function::{layer.core_function()}"
    return told if number is None else f"{{{told}, {_value(number)}}}"


def _loss(loss: Loss) -> str:
    plain = type(loss)()
    given = loss.options()
    changed = {n: _value(v) for n, v in given.items() if v != getattr(plain, n)}
    return _struct(type(loss).__name__, changed)


def _optimizer(rule: Optimizer) -> str:
    given = {name: _value(v) for name, v in rule.options().items() if v is not None}
    shared = [field.name for field in fields(Optimizer) if field.kw_only and field.name in given]
    options = {name: given.pop(name) for name in shared}
    if options:
        given["options"] = _initializers(options)
    return _struct(type(rule).__name__, given)


def _struct(kind: str, members: Mapping[str, str]) -> str:
    return f"cnnbp::{kind}{_initializers(members)}"


def _initializers(members: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'.{name} = {text}' for name, text in members.items())}}}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = (f'{{"{name}", {_value(number)}}}' for name, number in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, tuple):
        return f"{{{', '.join(map(_value, value))}}}"
    return repr(value)
