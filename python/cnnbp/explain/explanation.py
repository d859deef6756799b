"""What there is to tell about one backward pass."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp import equations
from cnnbp.equation import Equation
from cnnbp.explain.by_hand import ByHand, compute_by_hand
from cnnbp.layers import BatchNorm2d, Dropout
from cnnbp.losses import BCEWithLogits
from cnnbp.optim import SGD

if TYPE_CHECKING:
    from cnnbp.layers import Layer
    from cnnbp.losses import Loss
    from cnnbp.network import Network
    from cnnbp.trace import Trace


@dataclass(frozen=True)
class Numbers:
    """An array in a few numbers: its shape without the batch, extremes and root mean square."""

    name: str
    shape: tuple[int, ...]
    low: float
    high: float
    rms: float

    @classmethod
    def of(cls, name: str, values: NDArray[np.floating], *, batched: bool = True) -> Numbers:
        """Describe `values`, whose first axis counts images if they are `batched`."""
        exact = values.astype(np.float64)
        return cls(
            name=name,
            shape=values.shape[1:] if batched else values.shape,
            low=float(exact.min()),
            high=float(exact.max()),
            rms=float(np.sqrt(np.mean(exact**2))),
        )


@dataclass(frozen=True)
class Step:
    """One layer in one direction: what it computes, and the arrays that it reads and writes."""

    place: str
    layer: str
    equations: tuple[Equation, ...]
    arrays: tuple[Numbers, ...]


@dataclass(frozen=True)
class Update:
    """What the optimizer makes of the gradient of one weight.

    Attributes
    ----------
    rule : str
        The optimizer.
    equation : Equation
        Its formula.
    before, after : float
        The weight.
    by_hand : float or None
        The new weight computed from the gradient; None where the rule is not plain descent.
    loss_before, loss_after : float
        What `Network.evaluate` gives for the image, before and after all weights were updated.
    """

    rule: str
    equation: Equation
    before: float
    after: float
    by_hand: float | None
    loss_before: float
    loss_after: float


@dataclass(frozen=True)
class Explanation:
    """One forward pass, one backward pass and one update on one image.

    Attributes
    ----------
    trace : Trace
        Every array of it, a training pass.
    truth : int
        The image's class.
    read : int or None
        The class with the largest of `outputs`, or of one output 0 or 1, as `Network.evaluate`
        counts; None where they are not finite.
    outputs : ndarray, shape (K,)
        What `Network.predict` gives.
    note : str or None
        What the pass does that predictions do not; None where nothing.
    loss : Equation
        What is minimised; its value is ``trace["loss"]``.
    forward, backward : tuple of Step
        The layers in the order of each pass.
    by_hand : ByHand or None
        A worked gradient; None where no convolution trains.
    update : Update or None
        The update of the same weight.
    """

    trace: Trace
    truth: int
    read: int | None
    outputs: NDArray[np.floating]
    note: str | None
    loss: Equation
    forward: tuple[Step, ...]
    backward: tuple[Step, ...]
    by_hand: ByHand | None
    update: Update | None

    @property
    def reading(self) -> str:
        """What the image was read as, in words."""
        return f"read as {'no class (outputs not finite)' if self.read is None else self.read}"

    @property
    def pass_outputs(self) -> NDArray[np.floating]:
        """The outputs of the pass itself, from which its loss is computed."""
        values: NDArray[np.floating] = self.trace[f"{self.trace.places()[-1]}.output"][0].ravel()
        return values

    def to_dict(self) -> dict[str, Any]:
        """Return plain data without the arrays."""
        return {
            "truth": self.truth,
            "read": self.read,
            "outputs": self.outputs.astype(float).tolist(),
            "note": self.note,
            "loss": {"value": self.trace["loss"], **asdict(self.loss)},
            "forward": [asdict(step) for step in self.forward],
            "backward": [asdict(step) for step in self.backward],
            "by_hand": None if self.by_hand is None else asdict(self.by_hand),
            "update": None if self.update is None else asdict(self.update),
        }


def explain(network: Network, image: ArrayLike, truth: int) -> Explanation:
    """Trace one image through `network`, which stays as it is.

    Parameters
    ----------
    network : Network
        Trained or not.
    image : array_like, shape (C, H, W)
        uint8 or float.
    truth : int
        The image's class.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError, ValueError
        If the image or its class does not fit the network.
    """
    x, y = np.asarray(image)[None], np.array([truth])
    trace, state = network.trace(x, y), network.state_dict()
    places = trace.places()
    outputs = network.predict(x)[0].ravel()
    by_hand = compute_by_hand(trace, state)
    backward = tuple(_backward(trace, place) for place in reversed(places))
    return Explanation(
        trace=trace,
        truth=int(truth),
        read=_read(outputs, network.definition.loss),
        outputs=outputs,
        note=_note([trace.layer(place) for place in places]),
        loss=trace.equation("loss"),
        forward=tuple(_forward(trace, place, state) for place in places),
        backward=(*backward, _input(trace)),
        by_hand=by_hand,
        update=None if by_hand is None else _update(network, by_hand, x, y),
    )


def _read(outputs: NDArray[np.floating], loss: Loss) -> int | None:
    if not np.isfinite(outputs).all():  # argmax would name the first NaN
        return None
    if outputs.size == 1:
        return int(outputs[0] > (0 if isinstance(loss, BCEWithLogits) else 0.5))
    return int(outputs.argmax())


def _note(layers: list[Layer]) -> str | None:
    done = []
    if any(isinstance(layer, Dropout) and layer.p > 0 for layer in layers):
        done.append("Dropout draws masks")
    if any(isinstance(layer, BatchNorm2d) and layer.trainable for layer in layers):
        done.append("BatchNorm2d takes this image's own mean and variance")
    if not done:
        return None
    return f"This is a training pass: {' and '.join(done)}; predictions do not."


def _forward(trace: Trace, place: str, state: dict[str, NDArray[np.floating]]) -> Step:
    before, after = f"{place}.pre_activation", f"{place}.output"
    parameters = [name for name in state if name.rpartition(".")[0] == place]
    layer = trace.layer(place)
    names = [f"{place}.{name}" for name in equations.made(layer)]
    computed = [after] if np.array_equal(trace[before], trace[after]) else [before, after]
    return Step(
        place=place,
        layer=str(layer),
        equations=tuple(map(trace.equation, (before, *names, after))),
        arrays=(
            Numbers.of(f"{place}.input", trace[f"{place}.input"]),
            *(Numbers.of(name, state[name], batched=False) for name in parameters),
            *(Numbers.of(name, trace[name], batched=False) for name in names),
            *(Numbers.of(name, trace[name]) for name in computed),
        ),
    )


def _backward(trace: Trace, place: str) -> Step:
    gradients = [name for name in trace if name.startswith(f"{place}.gradient.")]
    delta = f"{place}.delta"
    return Step(
        place=place,
        layer=str(trace.layer(place)),
        equations=tuple(trace.equation(name) for name in (delta, *gradients)),
        arrays=(
            Numbers.of(delta, trace[delta]),
            *(Numbers.of(name, trace[name], batched=False) for name in gradients),
        ),
    )


def _input(trace: Trace) -> Step:
    name = "input.delta"
    return Step("", "input", (trace.equation(name),), (Numbers.of(name, trace[name]),))


def _update(network: Network, weight: ByHand, x: NDArray[Any], y: NDArray[np.integer]) -> Update:
    rule, trained = network.optimizer, copy.deepcopy(network)
    loss_before = trained.evaluate(x, y)["loss"]
    trained.train_step(x, y)
    return Update(
        rule=repr(rule),
        equation=equations.update(rule),
        before=weight.value,
        after=float(trained.state_dict()[weight.parameter][weight.index]),
        by_hand=weight.value - rule.lr * weight.core if rule == SGD(lr=rule.lr) else None,
        loss_before=loss_before,
        loss_after=trained.evaluate(x, y)["loss"],
    )
