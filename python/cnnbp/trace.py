"""Everything that one forward and backward pass computes, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnbp import equations
from cnnbp.equation import Equation
from cnnbp.layers import Layer
from cnnbp.loss_equations import Mean
from cnnbp.losses import Loss

if TYPE_CHECKING:
    from cnnbp.training import Samples


class Trace(dict[str, Any]):
    """A dict from names to arrays, that also knows the equation behind each of them.

    Parameters
    ----------
    values : mapping of str
        The arrays by name; see `Network.trace`.
    layers : sequence of Layer
        The network's layers.
    loss : Loss
        The network's loss.
    samples : Samples
        What the pass was made of; not kept.
    """

    def __init__(
        self, values: Mapping[str, Any], layers: Sequence[Layer], loss: Loss, samples: Samples
    ) -> None:
        super().__init__(values)
        self.loss = loss
        self._mean = Mean.of(loss, samples.y, samples.sample_weight)
        self._named = dict(_as_computed(layers))

    def equation(self, name: str) -> Equation:
        """Return how the array `name` is computed, and where that comes from.

        Equations are those of one sample; a gradient is the sum of its samples' gradients. That of
        the loss is a mean over samples, 0 where none of them weighs anything.

        Returns
        -------
        Equation
            Its ``text``, its ``source`` and, ``where`` options, weights or ignored classes bring in
            words, what these mean; `str` gives all in a line.

        Raises
        ------
        KeyError
            If the trace holds no such array.

        Examples
        --------
        >>> print(trace.equation("1.delta"))
        δ_i = Σ_j conv2(δ_j^next, rot180(k_ij), 'full')  (Bouvrie 2006, sub-sampling layers)
        """
        if name not in self:
            raise KeyError(f"the trace holds no {name!r}, only {', '.join(self)}")
        if name == "loss":
            return equations.loss(self.loss, self._named, self._mean)
        if name == "input.delta":
            return equations.input_delta(self.layer("0"))
        place, _, parameter = name.partition(".gradient.")
        if parameter:
            return equations.gradient(self.layer(place), parameter)
        place, _, part = name.rpartition(".")
        layer = self.layer(place)
        if part == "delta":
            return self._delta(place, layer)
        if part == "input":
            return Equation("x", "what the layer reads")
        if part in (made := equations.made(layer)):
            return made[part]
        return equations.forward(layer) if part == "pre_activation" else equations.activation(layer)

    def places(self) -> list[str]:
        """Return the names of all layers, ``"0"``, ``"1.body.0"`` …, in the order of computing.

        A layer that is made of others comes after them.
        """
        return list(self._named)

    def layer(self, place: str) -> Layer:
        """Return the layer whose arrays' names start with `place`.

        Raises
        ------
        KeyError
            If the network has no such layer.
        """
        if place not in self._named:
            raise KeyError(f"the network has no layer {place!r}, only {', '.join(self._named)}")
        return self._named[place]

    def _delta(self, place: str, layer: Layer) -> Equation:
        """Find who reads the layer: the next in its list, what the list is part of, or the loss."""
        start, _, number = place.rpartition(".")
        above = self._named.get(f"{start}.{int(number) + 1}" if start else str(int(number) + 1))
        if above is not None or not start:
            return equations.delta(layer, above, self.loss, self._mean)
        whole = max((name for name in self._named if start.startswith(f"{name}.")), key=len)
        return equations.delta_inside(layer, self._named[whole])


def _as_computed(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    for place, layer in enumerate(layers):
        name = f"{prefix}{place}"
        for part, inner in layer.parts():
            yield from _as_computed(inner, f"{name}.{part}.")
        yield name, layer
