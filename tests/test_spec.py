"""The toolbox's shorthand for networks."""

import pytest

from cnnbp.layers import AvgPool2d, CombineConv2d, Conv2d, Linear, MaxPool2d, Subsample2d
from cnnbp.spec import parse_spec


def test_every_piece_of_the_grammar_becomes_its_layer():
    assert parse_spec("6c5-2s-12c3-3m-8l3-2t-120-10o") == [
        Conv2d(6, 5, activation="sigmoid"),
        AvgPool2d(2),
        Conv2d(12, 3, activation="sigmoid"),
        MaxPool2d(3),
        CombineConv2d(8, 3, activation="sigmoid"),
        Subsample2d(2, activation="sigmoid"),
        Linear(120, activation="sigmoid"),
        Linear(10, activation="sigmoid"),
    ]


def test_with_cross_entropy_units_are_relu_and_the_outputs_are_logits():
    hidden, output = parse_spec("500-10o", loss="cross_entropy")
    assert hidden == Linear(500, activation="relu")
    assert output == Linear(10)


def test_an_activation_that_is_given_is_that_of_the_hidden_layers():
    hidden, output = parse_spec("500-10o", activation="tanh")
    assert hidden == Linear(500, activation="tanh")
    assert output == Linear(10, activation="sigmoid")


def test_the_toolboxs_own_spelling_gets_its_output_layer_from_the_classes():
    assert parse_spec("6c5-2s", classes=10) == parse_spec("6c5-2s-10o")
    assert parse_spec("6c5-2s-10o", classes=10) == parse_spec("6c5-2s-10o")


@pytest.mark.parametrize(
    ("spec", "piece", "position"),
    [
        ("6c5-2x-10o", "2x", 5),
        ("", "", 1),
        ("6c5--10o", "", 5),
        ("6c5-2s-", "", 8),
        ("6c-10o", "6c", 1),
        ("6l-10o", "6l", 1),
        ("c5-10o", "c5", 1),
        ("6c5-0s-10o", "0s", 5),
        ("6C5-10o", "6C5", 1),
        ("6c5 -10o", "6c5 ", 1),
        ("٦c5-10o", "٦c5", 1),
        ("9999999999c5-10o", "9999999999c5", 1),
        ("10o-6c5-10o", "10o", 1),
        ("6c5-2s", "2s", 5),
        ("6c5-2x", "2x", 5),
    ],
)
def test_an_error_points_at_the_piece(spec, piece, position):
    with pytest.raises(ValueError, match="NcK") as raised:
        parse_spec(spec)
    message = str(raised.value)
    assert f"{piece!r} at position {position}:" in message
    written, pointer = message.splitlines()[1:3]
    assert written[pointer.index("^") :].startswith(piece)


def test_an_output_layer_must_agree_with_the_classes():
    with pytest.raises(ValueError, match=r"'9o'.*10 classes"):
        parse_spec("6c5-9o", classes=10)


@pytest.mark.parametrize("spec", [None, 5, ["6c5", "10o"], b"6c5-10o"])
def test_only_a_string_can_be_read(spec):
    with pytest.raises(TypeError, match="spec"):
        parse_spec(spec)


@pytest.mark.parametrize(("classes", "error"), [(0, ValueError), (2.0, TypeError)])
def test_the_number_of_classes_is_checked(classes, error):
    for spec in ("6c5", "6c5-10o"):
        with pytest.raises(error, match="classes"):
            parse_spec(spec, classes=classes)
