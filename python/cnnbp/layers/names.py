"""What a layer answers to a name that none of its arguments has: one of torch's, or a mistake."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from inspect import Parameter
from typing import NamedTuple


class Unneeded(NamedTuple):
    """An argument of torch's layers that these do without.

    Attributes
    ----------
    reason : str
        What is so without it.
    same : object
        The value that asks for just that; ``...`` stands for any.
    """

    reason: str
    same: object = ...


_INFERRED = Unneeded("a network infers the sizes of its layers' inputs")

#: By their names in torch. To leave one out whose value is not the `same` would change results;
#: a threshold of 20 is 2 · 10⁻⁹ from none.
UNNEEDED = {
    "in_channels": _INFERRED,
    "in_features": _INFERRED,
    "num_features": _INFERRED,
    "num_channels": _INFERRED,
    "inplace": Unneeded("the network chooses where results lie"),
    "device": Unneeded("layers compute on the CPU"),
    "dtype": Unneeded("the network has one for all layers"),
    "dim": Unneeded("its axis is that of channels or features", 1),
    "start_dim": Unneeded("it flattens all axes but the batch's", 1),
    "end_dim": Unneeded("it flattens all axes but the batch's", -1),
    "padding_mode": Unneeded("the padding is zeros", "zeros"),
    "return_indices": Unneeded("it gives the largest values alone", False),
    "track_running_stats": Unneeded("running statistics are always kept", True),
    "threshold": Unneeded("it is log(1 + exp(beta u)) / beta at every u", 20),
}


def answer_unknown_names(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a layer's ``__init__`` so that it says what to do with a name that it does not have.

    Its signature stays as it is: behind a ``**named`` type checkers would find nothing wrong.
    """
    signature = inspect.signature(init)
    _self, *parameters = signature.parameters.values()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters):
        return init
    names = [p.name for p in parameters if p.kind is not Parameter.VAR_POSITIONAL]
    placed = [p.name for p in parameters if p.kind is Parameter.POSITIONAL_OR_KEYWORD]

    @functools.wraps(init)
    def checked(self: object, *args: object, **named: object) -> None:
        unknown = {name: value for name, value in named.items() if name not in names}
        if unknown:
            layer = type(self).__name__
            rest = {name: value for name, value in named.items() if name in names}
            told = f"{layer} takes no {' and no '.join(unknown)}{_reasons(unknown)}"
            if all(map(_can_go, unknown, unknown.values())) and _fits(signature, args, rest):
                given, right = _written(args, named), _written(args, rest)
                raise TypeError(f"{told}. Instead of {layer}({given}) write {layer}({right})")
            takes = ", ".join(names) or "no arguments"
            raise TypeError(f"{told}; it takes {takes}, got {_written((), unknown)}")
        if twice := [name for name in placed[: len(args)] if name in named]:
            told = f"{type(self).__name__} got {' and '.join(twice)} by place and by name"
            raise TypeError(told + _size_of_input(type(self).__name__, signature, args, named))
        init(self, *args, **named)

    return checked


def _size_of_input(
    layer: str, signature: inspect.Signature, args: tuple[object, ...], named: dict[str, object]
) -> str:
    """Say what to write, where the first of some arguments may be the input's size, as in torch."""
    first = list(signature.parameters)[1]
    if not first.startswith("out_") or not _fits(signature, args[1:], named):
        return ""
    given, right = _written(args, named), _written(args[1:], named)
    return f": {_INFERRED.reason}. Instead of {layer}({given}) write {layer}({right})"


def _reasons(unknown: Iterable[str]) -> str:
    reasons = dict.fromkeys(UNNEEDED[name].reason for name in unknown if name in UNNEEDED)
    return f": {'; '.join(reasons)}" if reasons else ""


def _can_go(name: str, value: object) -> bool:
    """Whether all is the same without it; a misspelled argument's value would be lost."""
    return name in UNNEEDED and UNNEEDED[name].same in (..., value)


def _fits(signature: inspect.Signature, args: tuple[object, ...], named: dict[str, object]) -> bool:
    """Whether nothing is missing in a call."""
    try:
        signature.bind(None, *args, **named)
    except TypeError:
        return False
    return True


def _written(args: tuple[object, ...], named: dict[str, object]) -> str:
    return ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in named.items())])
