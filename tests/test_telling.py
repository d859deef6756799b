"""The words of ``cnnbp explain``: what they mean, and where there is little room for them."""

import numpy as np

import architectures
import cnnbp
from cnnbp import layers as L  # noqa: N812
from cnnbp.cli.telling import SIGNS, fold, spell, tell
from cnnbp.explain import explain

IMAGE = np.random.default_rng(3).random((2, 9, 8))


def network(layers):
    return cnnbp.Network(layers, input_shape=(2, 9, 8), loss="mse", dtype="float64")


def test_what_stands_in_the_equations_is_told_and_nothing_else():
    def signs(net):
        lines = [text for _, text in tell(explain(net, IMAGE, 1), net, "an image")]
        start, end = lines.index("In the equations"), lines.index("Forward")
        return [line.split()[0] for line in lines[start + 1 : end - 1]]

    plain = signs(network([L.Linear(3)]))
    assert plain == ["x", "δ", "ᵀ", "/"]
    pooled = signs(network([L.Conv2d(2, 3, activation="tanh"), L.AvgPool2d(2), L.Linear(3)]))
    for sign in ("_j", "^next", "*", "conv2", "rot180", "∘", "down", "up", "_uv"):
        assert sign in pooled
    assert "place" not in pooled
    net = network([L.Conv2d(2, 3), L.MaxPool2d(2), L.Residual([L.Tanh()]), L.Linear(3)])
    assert {"place", "^whole"} < set(signs(net))
    for loss, sign in (("bce_with_logits", "σ"), ("cross_entropy", "softmax")):
        net = cnnbp.Network([L.BatchNorm2d(), L.Linear(3)], input_shape=(2, 9, 8), loss=loss)
        assert {"σ", "softmax"} & set(signs(net)) == {sign}
    ignoring = cnnbp.losses.CrossEntropy(ignore_index=1)  # its N counts none, which is told with it
    assert "/" not in signs(cnnbp.Network([L.Linear(3)], input_shape=(2, 9, 8), loss=ignoring))
    assert max(len(f"   {sign:<8}{meaning}") for sign, meaning in SIGNS.items()) <= 80


def test_a_loss_and_an_update_with_options_are_told_with_what_their_words_mean():
    loss = cnnbp.losses.CrossEntropy(0.1, class_weights=[1, 2, 3])
    rule = cnnbp.optim.AdamW(clip_norm=1)
    net = cnnbp.Network(
        [L.Conv2d(2, 3), L.Linear(3)], input_shape=(2, 9, 8), loss=loss, optimizer=rule
    )
    told = explain(net, IMAGE, 1)
    lines = [text.strip() for _, text in tell(told, net, "an image")]
    for equation in (told.loss, told.backward[0].equations[0], told.update.equation):
        (place,) = (at for at, line in enumerate(lines) if line.startswith(f"{equation.text}  "))
        assert lines[place].endswith(equation.source)
        assert lines[place + 1] == equation.where


def test_a_line_that_is_longer_than_the_terminal_has_its_source_below():
    net = network([L.Conv2d(2, 3, stride=2), L.Linear(3)])
    lines = tell(explain(net, IMAGE, 1), net, "an image")
    for width in (60, 80):
        for kind, text in lines:
            folded = fold(kind, text, width)
            assert max(map(len, folded)) <= width
            assert " ".join(folded).split() == text.split()
    assert [fold(kind, text, 200) for kind, text in lines] == [[text] for _, text in lines]
    equation = next(text for _, text in lines if text.startswith("   u = W x + b"))
    assert fold("equation", equation, 80) == [
        "   u = W x + b",
        "       Bouvrie 2006, feedforward pass",
    ]


def test_where_letters_cannot_be_written_they_are_spelled():
    told = "δ_j = f'(u_j) ∘ up(δ_j^next) / n²  → 6 × 24"
    assert spell(told, "utf-8") == told
    assert spell(told, "ascii") == "delta_j = f'(u_j) .* up(delta_j^next) / n^2  -> 6 x 24"
    for architecture in architectures.ALL.values():
        trace = architecture.build().trace(*architecture.samples(np.random.default_rng(0), 3))
        for name in trace:
            equation = str(trace.equation(name))
            assert "?" not in spell(equation, "ascii"), equation


def test_many_classes_are_told_ten_to_a_line():
    net = network([L.Conv2d(2, 3), L.Linear(23)])
    lines = [text for _, text in tell(explain(net, IMAGE, 21), net, "an image")]
    heads = [line.split()[1:] for line in lines if line.startswith("  class")]
    assert [len(head) for head in heads] == [10, 10, 3]
    assert max(len(line) for line in lines if line.startswith(("  class", "  output o"))) == 80

    def row(start):
        parts = [line.removeprefix(start) for line in lines if line.startswith(start)]
        return " ".join(parts).split()

    assert row("  class") == [str(place) for place in range(23)]
    assert row("  target y").index("1") == 21
    assert row("  output o") == [f"{value:.3f}" for value in net.predict(IMAGE[None])[0]]


def test_large_outputs_are_told_apart():
    net = network([L.Linear(3)])
    net.load_state_dict({"0.weight": np.zeros((3, 144)), "0.bias": np.full(3, -123456.75)})
    lines = [text for _, text in tell(explain(net, IMAGE, 1), net, "an image")]
    (outputs,) = (line for line in lines if line.startswith("  output o"))
    assert outputs.split()[2:] == ["-123456.750"] * 3


def test_how_far_the_sums_are_apart_is_told_as_a_relative_difference():
    net = network([L.Conv2d(2, 3), L.Linear(3)])
    told = explain(net, IMAGE, 1)
    lines = [text for _, text in tell(told, net, "an image")]
    (core,) = (line for line in lines if line.startswith("   by the core"))
    apart = f"{told.by_hand.largest_difference:.0e}"
    assert core.endswith(f"largest relative difference {apart}")
