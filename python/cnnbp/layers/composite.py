"""Layers made of layers: where a network parts and comes together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cnnbp import _core
from cnnbp.layers.base import Layer, Layers, read_activation, read_layers


@dataclass(frozen=True, init=False, repr=False)
class Residual(Layer):
    """What the body makes of its input, plus the input: ``u = body(x) + shortcut(x)``.

    He, Zhang, Ren and Sun 2015, *Deep Residual Learning for Image Recognition*. The delta goes
    down both ways and is added where they part. Parameters are named ``"2.body.0.weight"`` and
    ``"2.shortcut.0.weight"``.

    Parameters
    ----------
    body : iterable of Layer
        At least one layer.
    shortcut : iterable of Layer, optional
        The other way, such as ``[Conv2d(32, 1, stride=2)]``; the identity when left out.
    activation : str, optional
        Function of the sum, one of `ACTIVATIONS`; the identity when left out.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or the body is empty. Ways whose shapes differ are
        refused by `Network`.
    """

    body: Layers
    shortcut: Layers
    activation: str | None

    def __init__(
        self,
        body: Iterable[Layer],
        shortcut: Iterable[Layer] | None = None,
        *,
        activation: str | None = None,
    ) -> None:
        self._assign(
            body=read_layers(body, "Residual body"),
            shortcut=() if shortcut is None else read_layers(shortcut, "Residual shortcut"),
            activation=read_activation(activation, "Residual activation"),
        )
        if not self.body:
            raise ValueError("Residual body must hold at least one layer")

    def parts(self) -> Iterator[tuple[str, Layers]]:
        """Yield the two ways, by name."""
        yield "body", self.body
        yield "shortcut", self.shortcut

    def definition(self) -> _core.Residual:
        """Return the same layer for the compiled core."""
        return _core.Residual(
            body=[layer.definition() for layer in self.body],
            shortcut=[layer.definition() for layer in self.shortcut],
            activation=self.activation or "identity",
        )


@dataclass(frozen=True, init=False, repr=False)
class Concat(Layer):
    """The channels of several branches, one after the other, as ``torch.cat(…, dim=1)``.

    Every branch sees the same input. Parameters are named ``"2.branches.0.1.weight"``.

    Parameters
    ----------
    branches : iterable of iterable of Layer
        At least two; an empty one passes the input on.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type, or there is one branch. Branches whose heights or
        widths differ are refused by `Network`.
    """

    branches: tuple[Layers, ...]
    activation: str | None

    def __init__(
        self, branches: Iterable[Iterable[Layer]], *, activation: str | None = None
    ) -> None:
        if isinstance(branches, str | Layer) or not isinstance(branches, Iterable):
            raise TypeError(f"Concat branches must be a list of lists of layers, got {branches!r}")
        self._assign(
            branches=tuple(
                read_layers(branch, f"Concat branches[{place}]")
                for place, branch in enumerate(branches)
            ),
            activation=read_activation(activation, "Concat activation"),
        )
        if len(self.branches) < 2:
            raise ValueError(f"Concat branches must be at least 2, got {len(self.branches)}")

    def parts(self) -> Iterator[tuple[str, Layers]]:
        """Yield the branches, by name."""
        for place, branch in enumerate(self.branches):
            yield f"branches.{place}", branch

    def definition(self) -> _core.Concat:
        """Return the same layer for the compiled core."""
        return _core.Concat(
            branches=[[layer.definition() for layer in branch] for branch in self.branches],
            activation=self.activation or "identity",
        )
