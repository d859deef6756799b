"""An explanation in words and numbers, line by line."""

from __future__ import annotations

import textwrap
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnbp import equations
from cnnbp.equation import Equation
from cnnbp.explain import ByHand, Explanation, Update
from cnnbp.explain.explanation import Numbers, Step
from cnnbp.network import Network
from cnnbp.trace import Trace

Line: TypeAlias = tuple[Literal["heading", "layer", "equation", "numbers", "text"], str]

#: Letters that not every terminal can write, and how to spell them there.
SPELLED: dict[str, str | int | None] = {
    letter: word
    for word, letter in (
        *(("delta", "δ"), ("d", "∂"), ("sum", "Σ"), ("beta", "β"), ("alpha", "α"), ("gamma", "γ")),
        *(("^2", "²"), ("1/2", "½"), ("'", "ᵀ"), (".*", "∘"), ("*", "·"), ("x", "×"), ("-", "−")),
        *(
            ("<-", "←"),
            ("->", "→"),
            ("..", "…"),
            ("mu", "μ"),
            ("sigma", "σ"),
            ("eps", "ε"),
            ("sqrt", "√"),
            ("lambda", "λ"),
            ("Phi", "Φ"),
            ("pi", "π"),
            ("^3", "³"),
            ("<=", "≤"),
            (">=", "≥"),
            ("!=", "≠"),
            ("||", "‖"),
        ),
    )
}
#: What stands in an equation → what it means, for those who do not know the notes.
SIGNS = {
    "x": "what a layer reads, and what it gives: f(u), u its pre-activation",
    "δ": "a layer's delta, ∂E/∂u: how the loss E changes with u",
    "_j": "of output map j; i counts input maps, k_ij is the kernel from i to j",
    "^next": "of the layer that reads this one",
    "^whole": "of the layer that this one is a part of",
    " * ": "convolution: the kernel, flipped, wherever it fits whole on the map",
    "conv2(": "MATLAB's: 'valid' is *, 'full' goes as far as one pixel overlaps",
    "rot180(": "a flip of both axes",
    "∘": "product of elements in the same place",
    "down(": "sum of each block of the map, n × n pixels or what the layer says",
    "up(": "each value at all pixels of its block",
    "place(": "each value at one pixel of its window, 0 where there is none",
    "ᵀ": "transposed",
    "σ(": "the sigmoid, σ(o) = 1 / (1 + exp(−o))",
    "softmax(": "shares that add up to 1, softmax(o)_k = exp(o_k) / Σ exp(o)",
    "_uv": "at row u and column v of a map",
    " / N": "divided by the number of images, here 1",
}
#: Room for an equation, before its source.
EQUATION_WIDTH = 58
#: How many classes have their outputs in a line: 80 columns then.
IN_A_LINE = 10


def spell(text: str, encoding: str | None) -> str:
    """Write `text` in what `encoding` has: as it is, or with letters spelled out."""
    try:
        text.encode(encoding or "ascii")
        return text
    except UnicodeEncodeError:
        plain = text.translate(str.maketrans(SPELLED))
        return plain.encode("ascii", "replace").decode("ascii")


def fold(kind: str, text: str, width: int) -> list[str]:
    """Break a line that is longer than a terminal is wide; an equation's source comes below it."""
    parts = [text]
    if kind == "equation" and len(text) > width and "  " in text.strip():
        equation, _, source = text.rpartition("  ")
        parts = [equation.rstrip(), f"       {source}"]
    lines = []
    for part in parts:
        inwards = " " * (len(part) - len(part.lstrip()) + 4)
        lines += textwrap.wrap(part, width, subsequent_indent=inwards, break_on_hyphens=False) or [
            part
        ]
    return lines


def tell(told: Explanation, network: Network, origin: str) -> list[Line]:
    """Tell a whole pass.

    Parameters
    ----------
    told : Explanation
        What there is to tell.
    network : Network
        Whose pass it is.
    origin : str
        Which image it is.
    """
    epochs = network.epochs_trained
    learned = f"{epochs} epoch{'' if epochs == 1 else 's'} of training"
    note: list[Line] = [] if told.note is None else [("text", told.note)]
    return [
        ("heading", f"One backward pass: {origin}, class {told.truth}, after {learned}"),
        (
            "text",
            "Names such as 0.delta are those of net.trace(x, y); rms is the root mean square.",
        ),
        *_kernels(told.trace),
        *note,
        *_signs(told),
        *_direction("Forward", told.forward),
        *_loss(told),
        *_direction("Backward", told.backward),
        *([] if told.by_hand is None else _by_hand(told.by_hand)),
        *([] if told.update is None or told.by_hand is None else _update(told.update)),
    ]


def _heading(text: str) -> list[Line]:
    return [("text", ""), ("heading", text)]


def _kernels(trace: Trace) -> list[Line]:
    """Tell, once for each kind of layer that convolves, where the notes' kernels are."""
    layers = map(trace.layer, trace.places())
    stored = dict.fromkeys((type(layer).__name__, equations.kernel(layer)) for layer in layers)
    return [
        ("text", f"{kind} stores the notes' kernels turned: {kernel}.")
        for kind, kernel in stored
        if kernel
    ]


def _signs(told: Explanation) -> list[Line]:
    """Tell what stands in the equations that are told, but for what they tell themselves."""
    steps = [equation for step in (*told.forward, *told.backward) for equation in step.equations]
    each = (told.loss, *steps)
    return [
        *_heading("In the equations"),
        *(
            ("text", f"   {sign.strip(' ('):<8}{meaning}")
            for sign, meaning in SIGNS.items()
            if any(sign in it.text and not it.where.startswith(f"{sign[-1]}:") for it in each)
        ),
    ]


def _direction(title: str, steps: tuple[Step, ...]) -> list[Line]:
    lines = _heading(title)
    width = max(len(array.name) for step in steps for array in step.arrays)
    for step in steps:
        lines.append(("layer", f"{step.place}  {step.layer}".strip()))
        lines += [line for equation in step.equations for line in _equation(equation)]
        lines += [_numbers(array, width) for array in step.arrays]
    return lines


def _loss(told: Explanation) -> list[Line]:
    count = len(told.outputs)
    return [
        *_heading("Loss"),
        *_equation(told.loss),
        *(line for first in range(0, count, IN_A_LINE) for line in _classes(told, first)),
        ("text", f"   E = {told.trace['loss']:.6g}; {told.reading}, is {told.truth}"),
    ]


def _by_hand(worked: ByHand) -> list[Line]:
    name = f"{worked.parameter}[{', '.join(map(str, worked.index))}]"
    return [
        *_heading(f"The gradient of one weight by hand, {name} = {worked.value:.6g}"),
        (
            "text",
            f"   by patches      {worked.by_patches: .9e}   "
            f"Σ_uv (δ_j)_uv (p_i)_uv, {worked.products} products",
        ),
        (
            "text",
            f"   by convolution  {worked.by_convolution: .9e}   {worked.form}",
        ),
        (
            "text",
            f"   by the core     {worked.core: .9e}   "
            f"largest relative difference {worked.largest_difference:.0e}",
        ),
    ]


def _update(update: Update) -> list[Line]:
    lines = [
        *_heading(f"Its update by {update.rule}"),
        *_equation(update.equation),
        ("text", f"   weight          {update.before: .9f} → {update.after:.9f}"),
    ]
    if update.by_hand is not None:
        lines.append(("text", f"   by hand         {update.by_hand: .9f}"))
    change = f"{update.loss_before:.6g} → {update.loss_after:.6g}"
    return [*lines, ("text", f"   E of this image  {change}, all weights updated")]


def _classes(told: Explanation, first: int) -> list[Line]:
    """Tell what is wanted and what comes of it for `IN_A_LINE` classes."""
    some = slice(first, first + IN_A_LINE)
    classes = range(len(told.outputs))[some]
    heads: list[Line] = [("numbers", "  class   " + "".join(f"{place:>7}" for place in classes))]
    target = [int(place == told.truth) for place in classes]
    if len(told.outputs) == 1:  # it stands for class 1 against 0
        heads, target = [], [told.truth]
    return [
        *heads,
        ("numbers", "  target y" + "".join(f"{value:>7}" for value in target)),
        _outputs("output o", told.pass_outputs[some]),
        *([] if told.note is None else [_outputs("predict", told.outputs[some])]),
    ]


def _outputs(name: str, values: NDArray[np.floating]) -> Line:
    return ("numbers", f"  {name:<8}" + "".join(f" {value:>6.3f}" for value in values))


def _equation(equation: Equation) -> list[Line]:
    line: Line = ("equation", f"   {equation.text:<{EQUATION_WIDTH}}  {equation.source}")
    return [line, ("equation", f"     {equation.where}")] if equation.where else [line]


def _numbers(array: Numbers, width: int) -> Line:
    shape = " × ".join(map(str, array.shape))
    span = f"{array.low:>10.3g} … {array.high:<10.3g}"
    return ("numbers", f"     {array.name:<{width}}  {shape:<16}{span} rms {array.rms:.3g}")
