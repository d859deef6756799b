"""Initializers: how weights are drawn before training.

Biases and the like start at constants, whatever the initializer. Draws come from a counter: the
same seed gives the same bits on every machine. ``fan_in`` and ``fan_out`` are those of
``torch.nn.init``: of a weight ``(out, in / groups, kh, kw)`` they are ``in / groups · kh · kw`` and
``out · kh · kw``; kernels that a table of connections leaves out do not count.

The weight of `ConvTranspose2d` is ``(in, out / groups, kh, kw)``, and its fans are taken from the
same places, as in torch. So they mean the opposite there: ``fan_in``, ``out / groups · kh · kw``,
counts the outputs that an input goes to, and ``fan_out``, ``in · kh · kw``, without groups and
stride the inputs that an output is made of.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from cnnbp import _core
from cnnbp.arguments import read_choice, read_number

__all__ = ["Constant", "Glorot", "He", "Initializer", "LeCun", "Orthogonal", "Toolbox"]

Distribution: TypeAlias = Literal["uniform", "normal"]
Mode: TypeAlias = Literal["fan_in", "fan_out"]

_READERS: dict[str, Callable[[object, str], object]] = {
    "distribution": lambda value, name: read_choice(value, name, ("uniform", "normal")),
    "mode": lambda value, name: read_choice(value, name, ("fan_in", "fan_out")),
    "gain": read_number,
    "negative_slope": read_number,
    "value": read_number,
}


@dataclass(frozen=True)
class Initializer(ABC):
    """How an array of weights starts: immutable, and equal to another with the same options.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range; the message names it.
    """

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, _READERS[name](value, name))

    @abstractmethod
    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""

    def options(self) -> dict[str, Any]:
        """Return all arguments; ``type(init)(**init.options())`` equals the initializer."""
        return dict(vars(self))


@dataclass(frozen=True)
class Toolbox(Initializer):
    """Uniform in ``±√(6 / (fan_in + fan_out))``, as the DeepLearnToolbox has it.

    Its fans count the weights to one output and from one input; with groups the second is not
    torch's, which `Glorot` takes. Everything else starts at its layer's constant.
    """

    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""
        return _core.ToolboxUniform()


@dataclass(frozen=True)
class Glorot(Initializer):
    """Variance ``gain² · 2 / (fan_in + fan_out)`` (Glorot and Bengio 2010, equations 12 and 16).

    Keeps the variance of signals and deltas alike, where activations are close to linear.

    Parameters
    ----------
    distribution : {"uniform", "normal"}
        What is drawn, with mean 0.
    gain : float
        Factor of the weights, with a square that a float holds.
    """

    distribution: Distribution = "uniform"
    gain: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.gain, "gain")

    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""
        return _core.VarianceScaling(
            scale=self.gain**2, fan="fan_avg", distribution=self.distribution
        )


@dataclass(frozen=True)
class He(Initializer):
    """Variance ``2 / ((1 + a²) · fan)`` for ReLUs (He et al. 2015, equations 10, 14 and 15).

    Parameters
    ----------
    distribution : {"normal", "uniform"}
        What is drawn, with mean 0.
    mode : {"fan_in", "fan_out"}
        Whether signals keep their variance, or deltas; of a `ConvTranspose2d` it is the opposite:
        "fan_out" is for signals there.
    negative_slope : float
        Slope a below 0 of a leaky ReLU, with a square that a float holds.
    """

    distribution: Distribution = "normal"
    mode: Mode = "fan_in"
    negative_slope: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_square(self.negative_slope, "negative_slope")

    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""
        scale = 2 / (1 + self.negative_slope**2)
        return _core.VarianceScaling(scale=scale, fan=self.mode, distribution=self.distribution)


@dataclass(frozen=True)
class LeCun(Initializer):
    """Variance ``1 / fan_in`` (LeCun et al. 1998, "Efficient BackProp", equation 16).

    It keeps the variance of signals, but of a `ConvTranspose2d`, whose ``fan_in`` counts outputs,
    that of deltas.

    Parameters
    ----------
    distribution : {"normal", "uniform"}
        What is drawn, with mean 0.
    """

    distribution: Distribution = "normal"

    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""
        return _core.VarianceScaling(scale=1.0, fan="fan_in", distribution=self.distribution)


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """`gain` times a matrix with orthonormal rows or columns (Saxe et al. 2014).

    The matrix is ``(out, in / groups · kh · kw)``; where it has more rows than columns, its columns
    are orthonormal. All such matrices are equally likely. Of a `ConvTranspose2d` the matrix is
    ``(in, out / groups · kh · kw)``, as its weight lies. With a Conv2d's ``connections`` it is
    orthonormal before the kernels that are absent are set to 0, and no longer afterwards.

    Parameters
    ----------
    gain : float
        Factor of the matrix, such as ``√2`` before ReLUs.
    """

    gain: float = 1.0

    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""
        return _core.Orthogonal(gain=self.gain)


@dataclass(frozen=True)
class Constant(Initializer):
    """One number for all.

    Parameters
    ----------
    value : float
        The number.
    """

    value: float

    def definition(self) -> _core.Initializer:
        """Return the same initializer for the compiled core."""
        return _core.Constant(value=self.value)


def _check_square(value: float, name: str) -> None:
    if math.isinf(value * value):
        raise ValueError(f"{name} must have a square that a float holds, got {value}; give less")


#: What a name stands for.
NAMED: dict[str, Initializer] = {
    "toolbox": Toolbox(),
    "glorot_uniform": Glorot("uniform"),
    "glorot_normal": Glorot("normal"),
    "he_uniform": He("uniform"),
    "he_normal": He("normal"),
    "lecun_uniform": LeCun("uniform"),
    "lecun_normal": LeCun("normal"),
    "orthogonal": Orthogonal(),
}


def read_initializer(value: object, name: str) -> Initializer:
    """Read an initializer or the name of one."""
    if isinstance(value, Initializer):
        return value
    if not isinstance(value, str):
        raise TypeError(
            f'{name} must be one of cnnbp.initializers or a name such as "he_normal", got {value!r}'
        )
    return NAMED[read_choice(value, name, NAMED)]


def initializer_from_dict(options: dict[str, Any]) -> Initializer:
    """Make an initializer from its ``"type"`` and its options."""
    kinds = {kind.__name__: kind for kind in Initializer.__subclasses__()}
    kind = kinds[read_choice(options["type"], "the initializer's type", kinds)]
    return kind(**{name: value for name, value in options.items() if name != "type"})
