"""Gradients checked against central differences of the loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.arguments import read_integer, read_positive
from cnnbp.samples import Weights, read_samples
from cnnbp.training import Samples

if TYPE_CHECKING:
    from cnnbp._core import Images
    from cnnbp.network import Network

Array = NDArray[np.float64]

#: Steps that are tried until one agrees, as parts of `epsilon`: a kink that lies within a step
#: spoils its difference, and a smaller step leaves it outside.
STEPS = (1.0, 0.1, 0.01)

#: How much smaller the error by curvature is at the next step: it goes with the step's square.
FALL = 100.0

#: The smallest `epsilon`: the last of its steps leaves a difference five digits, if losses are
#: about as large as gradients. Far below, nothing is left, and nothing would be found wrong.
SMALLEST_EPSILON = 1e-8

#: How far parameters are moved where all entries of an array are at kinks, in parts of `epsilon`:
#: many steps, so that what was at a kink, as a bias of 0 behind a black background, is off it.
SHIFT = 100.0

#: Rounding error of a difference of two losses, as a part of the loss.
ROUNDING = 10 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class ArrayCheck:
    """How the gradient of one array compares with differences.

    Attributes
    ----------
    name : str
        Name of the parameter, or ``"input"``.
    max_error : float
        Largest error of an entry, relative to the largest entry of the gradient.
    worst : tuple of int
        Index of that entry.
    entries : int
        Number of entries compared.
    kinks : int
        Number of further entries where the loss has a kink and thus no derivative.
    ok : bool
        Whether some entry was compared and none was off by more than the tolerance.
    moved : bool
        Whether that was done with all parameters moved a little, as every entry was at a kink.
    """

    name: str
    max_error: float
    worst: tuple[int, ...]
    entries: int
    kinks: int
    ok: bool
    moved: bool = False

    @property
    def wrong(self) -> bool:
        """Whether some entry was compared and is off by more than the tolerance."""
        return self.entries > 0 and not self.ok

    @property
    def verdict(self) -> str:
        """The result in words."""
        if self.entries == 0:
            return "NOT CHECKED: kinks of the loss everywhere (ReLU at 0, a tie); try other images"
        where = ", with parameters moved off the kinks" if self.moved else ""
        return f"WRONG, worst at {self.worst}{where}" if self.wrong else f"ok{where}"


@dataclass(frozen=True)
class GradientCheck:
    """Result of `check_gradients`; true if something was compared and nothing was wrong.

    An array with kinks alone is not held against the others; printed, the result names it.
    """

    arrays: tuple[ArrayCheck, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether some entries were compared, and none was off by more than the tolerance."""
        return any(array.ok for array in self.arrays) and not self._wrong

    @property
    def unchecked(self) -> tuple[str, ...]:
        """Names of the arrays of which nothing could be compared."""
        return tuple(array.name for array in self.arrays if array.entries == 0)

    @property
    def _wrong(self) -> bool:
        return any(array.wrong for array in self.arrays)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        width = max(len(array.name) for array in self.arrays)
        lines = [self._headline()]
        for array in self.arrays:
            kinks = f", {array.kinks} at kinks" if array.kinks else ""
            lines.append(
                f"  {array.name:<{width}}  error {array.max_error:.1e}  "
                f"{array.entries} entries{kinks}  {array.verdict}"
            )
        return "\n".join(lines)

    def _headline(self) -> str:
        """Return the result in a line; "DISAGREE" stands for an entry that does, nothing else."""
        if not self.ok and not self._wrong:
            return "gradients NOT CHECKED: there is a kink of the loss at every entry"
        line = f"gradients {'DISAGREE' if self._wrong else 'agree'} within {self.tolerance:g}"
        return f"{line}; NOT CHECKED: {', '.join(self.unchecked)}" if self.unchecked else line


def check_gradients(
    net: Network,
    x: ArrayLike,
    y: ArrayLike,
    *,
    epsilon: float = 1e-4,
    tolerance: float = 1e-6,
    entries: int | None = None,
    sample_weight: Weights = None,
) -> GradientCheck:
    """Compare all gradients with central differences, ``(E(p + ε) - E(p - ε)) / 2ε``.

    Works on a float64 copy; the network is not changed. Where a difference disagrees, ε / 10 and
    ε / 100 are tried; then, where these three fall with the step's square, as curvature has it,
    what they lead to (Richardson's extrapolation). Where all of it disagrees while the slopes on
    both sides differ by a jump, the loss has a kink (ReLU at 0, a tie in max pooling): such an
    entry is counted, not judged, as in Caffe's gradient checker. An array with
    nothing but kinks, as the biases of a new convolution with a ReLU behind images of black
    background, is checked with all parameters moved by small fixed amounts, on the gradients there.

    Parameters
    ----------
    net : Network
        The network whose layers are checked.
    x, y : array_like
        A few samples, with their class numbers or targets.
    epsilon : float
        Step of the differences, at least 10⁻⁸: those of smaller ones are rounding. Steps that are
        large for the parameters, such as 1, leave curvature in them, and right gradients disagree:
        try a smaller one before believing that a gradient of large curvature is wrong.
    tolerance : float
        Largest error allowed, relative to the largest entry of an array's gradient.
    entries : int, optional
        Compare only so many entries of each array, evenly spread; all when left out. An entry
        costs two forward passes.
    sample_weight : array_like, optional
        What each sample weighs, ``(N,)``.

    Returns
    -------
    GradientCheck
        The largest error of each parameter and of the input; ``ok``, its truth value: something
        was compared and nothing was wrong; and ``unchecked``, what could not be compared.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or shape, or out of range.
    """
    epsilon, tolerance = read_positive(epsilon, "epsilon"), read_positive(tolerance, "tolerance")
    if epsilon < SMALLEST_EPSILON:
        raise ValueError(f"epsilon must be at least {SMALLEST_EPSILON}, got {epsilon}")
    entries = None if entries is None else read_integer(entries, "entries")
    samples = read_samples(x, y, sample_weight, net.input_shape, net.output_shape)

    def check(shift: float, names: Container[str] | None = None) -> dict[str, ArrayCheck]:
        return {
            probe.name: probe.check(epsilon=epsilon, tolerance=tolerance, entries=entries)
            for probe in _Float64Copy(net, samples, shift).probes()
            if names is None or probe.name in names
        }

    checks = check(0.0)
    at_kinks = [name for name, array in checks.items() if array.entries == 0]
    if at_kinks:
        for name, array in check(SHIFT * epsilon, at_kinks).items():
            checks[name] = dataclasses.replace(array, moved=True)
    return GradientCheck(tuple(checks.values()), tolerance)


class _Float64Copy:
    """A network in float64, with the loss and the gradients of some samples."""

    def __init__(self, net: Network, samples: Samples, shift: float = 0.0) -> None:
        self._core = dataclasses.replace(net.definition, dtype="float64").build(net.optimizer)
        self._core.load_parameters(
            {name: array.astype(np.float64) for name, array in net.state_dict().items()}
        )
        if shift:
            self._move_parameters(shift)
        self._state = self._core.parameters()
        scale = 255 if samples.x.dtype == np.uint8 else 1
        self._samples = samples._replace(x=samples.x.astype(np.float64) / scale)
        self.loss = self._core.accumulate_gradients(*self._samples)
        self._gradients = self._core.gradients()

    def _move_parameters(self, shift: float) -> None:
        """Move each trained parameter up or down by ½ to 1 times `shift`, always the same way."""
        rng, state = np.random.default_rng(0), self._core.parameters()
        for name, gradient in self._core.gradients().items():  # running statistics have none
            amount = shift * rng.uniform(0.5, 1.0, gradient.shape)
            state[name] = state[name] + rng.choice((-1.0, 1.0), gradient.shape) * amount
        self._core.load_parameters(state)

    def probes(self) -> Iterator[Probe]:
        """Every parameter, and the input."""
        for name, gradient in self._gradients.items():

            def loss_with(moved: Array, name: str = name) -> float:
                return self._loss_of(self._samples.x, self._state | {name: moved})

            yield Probe(name, self._state[name], gradient, self.loss, loss_with)
        self._loss_of(self._samples.x, self._state)
        self._core.set_training_passes(0)
        delta = self._core.trace(*self._samples)["input.delta"]
        yield Probe(
            "input", self._samples.x, delta, self.loss, lambda x: self._loss_of(x, self._state)
        )

    def _loss_of(self, x: Images, state: dict[str, Any]) -> float:
        """Return the loss of a first training pass: statistics of the batch, masks of that pass."""
        self._core.load_parameters(state)
        self._core.set_training_passes(0)
        return self._core.accumulate_gradients(*self._samples._replace(x=x))


@dataclass(frozen=True)
class Probe:
    """An array, the gradient to check, and the loss as a function of the array."""

    name: str
    values: Any
    gradient: Any
    loss: float
    loss_with: Callable[[Array], float]

    def check(self, *, epsilon: float, tolerance: float, entries: int | None) -> ArrayCheck:
        """Check the gradient of all entries, or of some."""
        size = self.values.size
        scale = float(np.abs(self.gradient).max())
        kinks, worst, max_error = 0, 0, 0.0
        chosen = np.linspace(0, size - 1, min(entries or size, size)).astype(int).tolist()
        for place in chosen:
            error = self._error(place, epsilon, tolerance * scale)
            if error is None:
                kinks += 1
            elif error > max_error:
                worst, max_error = place, error
        return ArrayCheck(
            name=self.name,
            max_error=max_error / scale if scale else max_error,
            worst=tuple(map(int, np.unravel_index(worst, self.values.shape))),
            entries=len(chosen) - kinks,
            kinks=kinks,
            ok=max_error <= tolerance * scale and kinks < len(chosen),
        )

    def _error(self, place: int, epsilon: float, allowed: float) -> float | None:
        """Error of one entry beyond the rounding of its difference; None at a kink."""
        claimed, differences = float(self.gradient.flat[place]), list[float]()
        smallest, gap_before, is_kink, was_kink = np.inf, np.inf, False, False
        for step in (part * epsilon for part in STEPS):
            rounding = ROUNDING * abs(self.loss) / step
            left, right = self._slopes(place, step)
            differences.append((left + right) / 2)
            error = abs(differences[-1] - claimed) - rounding
            smallest = min(smallest, max(error, 0.0))
            if smallest <= allowed:
                return smallest
            # Curvature parts the two slopes in proportion to the step, a kink by its jump.
            gap = abs(right - left) - rounding
            was_kink, is_kink = was_kink or is_kink, gap > max(allowed, gap_before / 2)
            gap_before = gap
        smallest = min(smallest, max(abs(_limit(*differences) - claimed) - rounding, 0.0))
        if smallest <= allowed:
            return smallest
        # One that is just within the last step parts them by less, and explains no larger error.
        return None if is_kink or (was_kink and error <= gap) else smallest

    def _slopes(self, place: int, step: float) -> tuple[float, float]:
        """Slopes of the loss to the left and to the right of one entry."""
        moved = self.values.copy()
        here = moved.flat[place]
        moved.flat[place] = here - step
        below = self.loss_with(moved)
        moved.flat[place] = here + step
        above = self.loss_with(moved)
        return (self.loss - below) / step, (above - self.loss) / step


def _limit(first: float, second: float, third: float) -> float:
    """Where differences at steps that shrink tenfold lead to, or the last of them.

    Richardson's extrapolation takes off what curvature left. What a kink within a step adds does
    not fall with the step's square, and would lead astray: then nothing is taken off.
    """
    before, last = first - second, second - third
    falls = abs(before - FALL * last) <= abs(before) / 10
    return third - last / (FALL - 1) if falls else third
