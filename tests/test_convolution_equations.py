"""What a trace prints of layers that convolve, computed as it is printed."""

import re

import numpy as np
import pytest

import cnnbp
from cnnbp import equations
from cnnbp import layers as L  # noqa: N812
from cnnbp.explain.by_hand import rot180

CHANNELS, SIZE = 4, (9, 8)
IMAGE = np.random.default_rng(3).random((CHANNELS, *SIZE))


class Map(np.ndarray):
    """A map with the operators of the equations: ``*`` is convolution, ``@`` stands for ∘."""

    def __mul__(self, kernel):
        return conv2(self, kernel, "valid")

    def __matmul__(self, other):
        return np.multiply(self, other)


class Share(float):
    """α, whose ``**`` stands for the space in ``α_ij x``."""

    def __pow__(self, values):
        return np.multiply(values, float(self)).view(Map)


def conv2(x, kernel, kind):
    """MATLAB's, by the definition."""
    (height, width), (rows, columns) = x.shape, kernel.shape
    full = np.zeros((height + rows - 1, width + columns - 1)).view(Map)
    for row, column in np.ndindex(rows, columns):
        full[row : row + height, column : column + width] += np.multiply(x, kernel[row, column])
    return full if kind == "full" else full[rows - 1 : height, columns - 1 : width]


def pair(amount):
    return amount if isinstance(amount, tuple) else (amount, amount)


def around(amount):
    rows, columns = pair(amount)
    return pair(rows), pair(columns)


def pad(x, amount):
    return np.pad(x, around(amount)).view(Map)


def crop(x, amount):
    (top, bottom), (left, right) = around(amount)
    return x[top : x.shape[0] - bottom, left : x.shape[1] - right]


def every(x, amount):
    rows, columns = pair(amount)
    return x[::rows, ::columns]


def apart(x, amount, more=(0, 0)):
    """Zeros between the elements, and `more` rows and columns of them at the end."""
    rows, columns = pair(amount)
    size = [(n - 1) * step + 1 for n, step in zip(x.shape, (rows, columns), strict=True)]
    spread = np.zeros(np.add(size, more)).view(Map)
    spread[: size[0] : rows, : size[1] : columns] = x
    return spread


def unstrided(layer):
    """How many rows and columns more `layer` without its stride has than zeros between give."""
    given = layer.options()
    plain = type(layer)(**(given | {"stride": 1}))
    strided, whole = (cnnbp.Network([one], input_shape=IMAGE.shape) for one in (layer, plain))
    steps = np.array(layer.stride)
    return np.array(whole.output_shape[1:]) - (np.array(strided.output_shape[1:]) - 1) * steps - 1


def as_python(text):
    """The right side of a printed equation, its sums as calls."""
    text = text.replace("^next", "").replace("∘", "@").replace("α_ij ", "α_ij ** ")
    text = re.sub(r"\b([xkαδb])_(ij|i|j)\b", lambda m: f"{m[1]}[{', '.join(m[2])}]", text)
    while (found := re.search(r"Σ_(?:([ij])|\{([ij]):i~j\}) ", text)) is not None:
        index, start = found[1] or found[2], found.end()
        depth, end = 0, start
        while end < len(text) and depth >= 0:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[end], 0)
            if depth < 0 or (depth == 0 and (text[end] == "," or text.startswith(" + ", end))):
                break
            end += 1
        summed = f"Σ({bool(found[2])}, {index!r}, lambda {index}: {text[start:end]}, i, j)"
        text = text[: found.start()] + summed + text[end:]
    return text


class Printed:
    """The names that the equations of layer 1 of a trace have, as arrays."""

    def __init__(self, layer):
        self.layer = layer
        net = cnnbp.Network(
            [L.Tanh(), layer, L.Tanh(), L.Linear(3)], input_shape=IMAGE.shape, dtype="float64"
        )
        rng = np.random.default_rng(1)
        net.load_state_dict({n: rng.normal(size=v.shape) for n, v in net.state_dict().items()})
        self.trace, self.state = net.trace(IMAGE[None], [1]), net.state_dict()
        self.outputs, self.groups = layer.out_channels, getattr(layer, "groups", 1)

    def one_group(self, i, j):
        """Whether map i is read for map j."""
        if getattr(self.layer, "connections", None) is not None:
            return CONNECTED[j, i]
        return i * self.groups // CHANNELS == j * self.groups // self.outputs

    def kernels(self, values):
        """Arrays of the weights' shape as the notes' kernels, by their maps."""
        inputs, outputs = CHANNELS // self.groups, self.outputs // self.groups
        if isinstance(self.layer, L.CombineConv2d):
            return {i: rot180(values[i, 0]).view(Map) for i in range(CHANNELS)}
        pairs = [(i, j) for i, j in np.ndindex(CHANNELS, self.outputs) if self.one_group(i, j)]
        if isinstance(self.layer, L.ConvTranspose2d):
            return {(i, j): rot180(values[i, j % outputs]).view(Map) for i, j in pairs}
        return {(i, j): rot180(values[j, i % inputs]).view(Map) for i, j in pairs}

    def compute(self, text, i=None, j=None):
        transposed = isinstance(self.layer, L.ConvTranspose2d)
        more = self.layer.output_padding if transposed else unstrided(self.layer)
        names = {
            "x": self.trace["1.input"][0].view(Map),
            "δ": self.trace["1.delta"][0].view(Map),
            "k": self.kernels(self.state["1.weight"]),
            "b": self.state["1.bias"],
            "α": {},
            "spread": lambda x, amount: apart(x, amount, more),
            "dilate": apart,
            "Σ": self.sum,
            **{f.__name__: f for f in (conv2, pad, crop, every)},
            "rot180": lambda x: rot180(x).view(Map),
        }
        if "1.alpha" in self.trace:
            names["α"] = {at: Share(v) for at, v in np.ndenumerate(self.trace["1.alpha"])}
        return np.asarray(eval(as_python(text), names | {"i": i, "j": j}))  # the text is ours

    def sum(self, grouped, index, term, i, j):
        if index == "i":
            maps = [at for at in range(CHANNELS) if not grouped or self.one_group(at, j)]
        else:
            maps = [at for at in range(self.outputs) if not grouped or self.one_group(i, at)]
        return sum((term(at) for at in maps[1:]), term(maps[0])).view(Map)


OPTIONS = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (2, 3)},
    {"padding": (1, 2)},
    {"dilation": 2},
    {"groups": 2},
    {"stride": 2, "padding": (2, 1), "dilation": (1, 2), "groups": 4},
]
CONV_ONLY = [{"padding": "same", "dilation": (1, 2)}, {"padding": ((1, 0), (2, 1)), "stride": 3}]
TRANSPOSED_ONLY = [
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"stride": (2, 1), "dilation": 3, "output_padding": (2, 1), "padding": (0, 2)},
]
CONNECTED = np.array([[1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 1, 1]], bool)
LAYERS = [
    *(L.Conv2d(4, (3, 2), **options) for options in OPTIONS + CONV_ONLY),
    L.Conv2d(3, (3, 2), padding=1, connections=CONNECTED),
    *(L.ConvTranspose2d(4, (3, 2), **options) for options in OPTIONS + TRANSPOSED_ONLY),
    *(
        L.CombineConv2d(3, (3, 2), **options)
        for options in [
            *OPTIONS[:4],
            {"padding": "same"},
            {"padding": ((1, 0), (2, 1)), "stride": 3},
        ]
    ),
]


def right_side(equation, start):
    left, _, right = equation.text.partition(" = ")
    assert left == start
    return right.removesuffix(",  i~j")


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_printed_equation_gives_the_traces_array(layer):
    """In float64, sums of some dozen products."""
    printed = Printed(layer)
    trace = printed.trace
    forward = right_side(trace.equation("1.pre_activation"), "u_j")
    for j, u in enumerate(trace["1.pre_activation"][0]):
        np.testing.assert_allclose(printed.compute(forward, j=j), u, rtol=1e-12, atol=1e-13)
    delta = right_side(trace.equation("0.delta"), "δ_i").replace("f'(u_i) ∘ ", "")
    derivative = 1 - trace["0.output"][0] ** 2
    for i, expected in enumerate(trace["0.delta"][0]):
        computed = printed.compute(delta, i=i)
        if "up to the size of x_i" in trace.equation("0.delta").where:
            computed = computed[: SIZE[0], : SIZE[1]]
        np.testing.assert_allclose(computed * derivative[i], expected, rtol=1e-12, atol=1e-13)
    of = "i" if isinstance(layer, L.CombineConv2d) else "ij"
    gradient = right_side(trace.equation("1.gradient.weight"), f"∂E/∂k_{of}")
    for at, expected in printed.kernels(trace["1.gradient.weight"]).items():
        maps = dict(zip(of, np.atleast_1d(at), strict=True))
        computed = printed.compute(gradient, **maps)
        np.testing.assert_allclose(computed, expected, rtol=1e-12, atol=1e-13)
    if of == "i":
        check_combination(printed)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_the_notes_kernels_lie_in_the_weights_where_it_is_said(layer):
    """They are those with which the printed equations give the trace's arrays."""
    printed = Printed(layer)
    weight = printed.state["1.weight"]
    of, right, within = re.fullmatch(
        r"k_(ij|i) = (rot180\(weight\[.*\]\))(?:, ([ij]) counted within its group)?",
        equations.kernel(layer),
    ).groups()
    for at, expected in printed.kernels(weight).items():
        maps = dict(zip(of, np.atleast_1d(at), strict=True))
        if within:
            maps[within] %= weight.shape[1]
        told = eval(right, {"rot180": rot180, "weight": weight} | maps)  # the text is ours
        np.testing.assert_array_equal(told, expected)


def check_combination(printed):
    """The gradient of the shares, from the second of its two equations."""
    text = printed.trace.equation("1.gradient.combination").text
    of_share = re.fullmatch(r".*,  ∂E/∂α_ij = Σ_uv (.*)_uv", text)[1]
    alpha = printed.trace["1.alpha"]
    of_alpha = np.zeros_like(alpha)
    for i, j in np.ndindex(alpha.shape):
        of_alpha[i, j] = printed.compute(of_share, i=i, j=j).sum()
    expected = printed.trace["1.gradient.combination"]
    computed = alpha * (of_alpha - (alpha * of_alpha).sum(axis=0))
    np.testing.assert_allclose(computed, expected, rtol=1e-12, atol=1e-13)
