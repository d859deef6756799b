"""What may be assigned to a network, and what to do in place of assigning the rest."""

from __future__ import annotations

from dataclasses import fields
from typing import cast

from cnnbp.definition import Definition
from cnnbp.optim import Optimizer


class FixedAttributes:
    """Refuses to set what is no attribute: it would be kept, and change nothing.

    The attributes are the ``__slots__`` of the class below; a class that inherits from that one
    without any may have attributes of its own.
    """

    __slots__ = ("__weakref__",)

    def __setattr__(self, name: str, value: object) -> None:
        try:
            super().__setattr__(name, value)
        except AttributeError:
            if getattr(getattr(type(self), name, None), "fset", None) is not None:
                raise  # it may be assigned, and what failed is within
            raise AttributeError(
                f"cannot set {name!r} of a {type(self).__name__}: {self._advice(name)}"
            ) from None

    def __getstate__(self) -> object:
        """Return what a class that inherits from the one below adds: attributes, and slots."""
        added, slots = cast(tuple[object, dict[str, object]], super().__getstate__())
        below = next(kind for kind in type(self).__mro__ if FixedAttributes in kind.__bases__)
        own = {n: v for n, v in slots.items() if n not in vars(below)["__slots__"]}
        return (added, own) if own else added  # as `object` has it

    def _advice(self, name: str) -> str:
        optimizer = getattr(self, "optimizer", None)
        if isinstance(optimizer, Optimizer) and name in optimizer.options():
            return (
                "it belongs to the optimizer; write net.optimizer = "
                f"dataclasses.replace(net.optimizer, {name}=…)"
            )
        if name in {field.name for field in fields(Definition)}:
            return (
                f"it is fixed once the network is made; make another with {name}=… and give it the "
                "parameters, with load_state_dict(net.state_dict())"
            )
        return "what may be assigned is net.optimizer, to train in another way"
