"""What an equation is: a text, a source, and what its words mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

CHAIN_RULE = "chain rule"
FORWARD = "Bouvrie 2006, feedforward pass"
BACKWARD = "Bouvrie 2006, backpropagation pass"
COMBINATION = "Bouvrie 2006, learning combinations of feature maps"
CONVOLUTION = "Bouvrie 2006, convolution layers"
SUBSAMPLING = "Bouvrie 2006, sub-sampling layers"
BATCH_NORM = "Ioffe and Szegedy 2015"
GROUP_NORM = "Wu and He 2018"
DROPOUT = "Srivastava et al. 2014"
GELU = "Hendrycks and Gimpel 2016"
SOFTMAX = "Bishop 2006, multiclass logistic regression"
DOCUMENTED = "its documentation"


@dataclass(frozen=True)
class Equation:
    """An equation, and where it comes from; `str` gives all in a line.

    Attributes
    ----------
    text : str
        The equation.
    source : str
        Where it comes from.
    where : str
        What the words in it mean that the notes do not have; empty where there are none.
    """

    text: str
    source: str
    where: str = ""

    def __str__(self) -> str:
        where = f",  {self.where}" if self.where else ""
        return f"{self.text}{where}  ({self.source})"


class Sensitivity(NamedTuple):
    """What a layer hands down to the one below, whose maps are ``of``: ``""``, ``_i`` or ``_j``.

    ``where`` is that of `Equation`; ``added`` says that the text is a sum, which takes brackets
    within a product.
    """

    of: str
    text: str
    source: str
    where: str = ""
    added: bool = False


INSIDE = Sensitivity("", "(∂u^whole/∂x)ᵀ δ^whole", CHAIN_RULE)


@dataclass(frozen=True)
class LayerEquations:
    """What a type of layer computes.

    Attributes
    ----------
    forward : Equation
        The pre-activation u, from the input x.
    below : Sensitivity
        ``∂E/∂x``, from the layer's own delta, which is the next one for the layer below.
    gradients : mapping of str to Equation
        The gradient of each parameter.
    made : mapping of str to Equation
        What else a trace shows: arrays that are made of the parameters.
    inside : Sensitivity
        ``∂E/∂x`` of the last layers that a composite one is made of.
    kernel : str
        Where the notes' kernels lie in the weights; empty for a layer that does not convolve.
    """

    forward: Equation
    below: Sensitivity
    gradients: Mapping[str, Equation] = field(default_factory=dict)
    made: Mapping[str, Equation] = field(default_factory=dict)
    inside: Sensitivity = INSIDE
    kernel: str = ""


def number(value: float) -> str:
    """Write an option's value, in as few digits as tell it from all others."""
    return repr(value).removesuffix(".0").replace("-", "−")
