"""What a class answers to a name that no argument of it has: another library's, or a mistake."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import Parameter
from typing import NamedTuple, TypeVar

Kind = TypeVar("Kind")
#: Longer values are not written out, such as all parameters of a network.
LONGEST = 50


class Unneeded(NamedTuple):
    """An argument of another library's classes that these do without.

    Attributes
    ----------
    reason : str
        What is so without it.
    same : object
        The value that asks for just that; ``...`` stands for any.
    """

    reason: str
    same: object = ...


class Call(NamedTuple):
    """Arguments by their places, and by their names."""

    args: tuple[object, ...]
    named: dict[str, object]

    def __str__(self) -> str:
        by_name = (f"{name}={_short(value)}" for name, value in self.named.items())
        return ", ".join([*map(_short, self.args), *by_name])


@dataclass(frozen=True)
class OtherNames:
    """What other libraries' classes take by name, and a family of classes here does not.

    Attributes
    ----------
    unneeded : mapping of str to Unneeded
        What may be left out, with a value that is the `same`; with another, results would change.
    renamed : mapping of str to str
        Their names of arguments that have another name here, in those classes that have them.
    elsewhere : mapping of str to str
        Why there is none of what is neither of these.
    first : (str, callable), optional
        What theirs take first and by which name, and whether a value is such a thing.
    """

    unneeded: Mapping[str, Unneeded] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    first: tuple[str, Callable[[object], bool]] | None = None

    def answered(self, kind: type[Kind]) -> type[Kind]:
        """Decorate a class so that it says what to do with a name that it does not have.

        Its signature stays as it is: behind a ``**named`` type checkers would find nothing wrong.
        """
        signature = inspect.signature(kind.__init__)
        if all(p.kind is not Parameter.VAR_KEYWORD for p in signature.parameters.values()):
            kind.__init__ = _checked(kind.__init__, signature, self)  # type: ignore[method-assign]
        return kind

    def by_name(self, call: Call) -> Call:
        """Return a call with what theirs take first by its name, if it is there."""
        if self.first is None or not call.args or not self.first[1](call.args[0]):
            return call
        return Call(call.args[1:], {self.first[0]: call.args[0], **call.named})

    def translated(self, call: Call, names: Collection[str]) -> Call | None:
        """Return a call by the `names` that there are; None if an argument has no counterpart."""
        right: dict[str, object] = {}
        for name, value in call.named.items():
            ours = name if name in names else self.renamed.get(name, name)
            if ours in names and ours not in right:
                right[ours] = value
            elif name not in self.unneeded or self.unneeded[name].same not in (..., value):
                return None  # a misspelled argument's value would be lost
        return Call(call.args, right)

    def reasons(self, unknown: Iterable[str], names: Collection[str]) -> str:
        """Say why there are no such arguments, behind a colon, as far as it is known."""
        found = (self._reason(name, names) for name in unknown)
        reasons = list(dict.fromkeys(filter(None, found)))
        return f": {'; '.join(reasons)}" if reasons else ""

    def _reason(self, name: str, names: Collection[str]) -> str | None:
        if (ours := self.renamed.get(name)) in names:
            return f"{name} is {ours} here"
        return self.unneeded[name].reason if name in self.unneeded else self.elsewhere.get(name)


def shown(value: object, family: type) -> str:
    """Show a value that is none of a family of classes; of one of the classes, say how to make one.

    ``the class StepLR; write StepLR(step_size)``
    """
    if not isinstance(value, type) or not issubclass(value, family) or value is family:
        return repr(value)
    parameters = inspect.signature(value).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    return f"the class {value.__name__}; write {value.__name__}({', '.join(needed)})"


def _checked(
    init: Callable[..., None], signature: inspect.Signature, others: OtherNames
) -> Callable[..., None]:
    """Wrap an ``__init__``."""
    _self, *parameters = signature.parameters.values()
    names = [p.name for p in parameters if p.kind is not Parameter.VAR_POSITIONAL]
    placed = [p.name for p in parameters if p.kind is Parameter.POSITIONAL_OR_KEYWORD]

    @functools.wraps(init)
    def checked(self: object, *args: object, **named: object) -> None:
        given, kind = Call(args, named), type(self)
        call = others.by_name(given)
        unknown = {name: value for name, value in call.named.items() if name not in names}
        if unknown:
            told = f"{kind.__name__} takes no {' and no '.join(unknown)}"
            advice = _advice(init, kind, given, others.translated(call, names))
            takes = f"; it takes {', '.join(names) or 'no arguments'}, got {Call((), unknown)}"
            raise TypeError(told + others.reasons(unknown, names) + (advice or takes))
        if twice := [name for name in placed[: len(call.args)] if name in call.named]:
            told = f"{kind.__name__} got {' and '.join(twice)} by place and by name"
            # In torch the first may be the input's size.
            size = others.unneeded.get("in_" + placed[0].removeprefix("out_"))
            advice = _advice(init, kind, given, Call(call.args[1:], call.named))
            raise TypeError(f"{told}: {size.reason}{advice}" if size and advice else told)
        init(self, *call.args, **call.named)

    return checked


def _advice(init: Callable[..., None], kind: type, given: Call, right: Call | None) -> str:
    """Say what to write instead of a call; nothing if that does not go through."""
    if right is None:
        return ""
    try:
        init(object.__new__(kind), *right.args, **right.named)
    except (TypeError, ValueError):
        return ""
    return f". Instead of {kind.__name__}({given}) write {kind.__name__}({right})"


def _short(value: object) -> str:
    """Write a value as code, if that is short."""
    text = repr(value)
    is_code = len(text) <= LONGEST and "\n" not in text and not text.startswith("<")
    return text if is_code else "…"
