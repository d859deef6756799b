"""Names of torch's arguments, and misspelled ones: what layers answer that do not have them."""

import inspect

import pytest

from cnnbp import layers
from cnnbp.layers import (
    ELU,
    BatchNorm2d,
    Concat,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    GroupNorm,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Softmax,
    Softplus,
)
from cnnbp.layers.names import UNNEEDED

KINDS = [
    kind
    for kind in map(vars(layers).get, layers.__all__)
    if isinstance(kind, type) and kind is not layers.Layer
]
every_kind = pytest.mark.parametrize("kind", KINDS)


def arguments(kind):
    """Names as type checkers and help() have them."""
    parameters = inspect.signature(kind).parameters.values()
    return [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@pytest.mark.parametrize(
    ("make", "hint"),
    [
        (lambda: BatchNorm2d(6), "inferred. Instead of BatchNorm2d(6) write BatchNorm2d()"),
        (lambda: GroupNorm(2, 8), "inferred. Instead of GroupNorm(2, 8) write GroupNorm(2)"),
        (lambda: Flatten(1), "Instead of Flatten(1) write Flatten()"),
        (lambda: Flatten(start_dim=1), "Instead of Flatten(start_dim=1) write Flatten()"),
        (lambda: GlobalAvgPool2d(1), "Instead of GlobalAvgPool2d(1) write GlobalAvgPool2d()"),
        (lambda: ReLU(inplace=True), "Instead of ReLU(inplace=True) write ReLU()"),
        (lambda: ReLU(True), "Instead of ReLU(True) write ReLU()"),
        (lambda: Softmax(dim=1), "Instead of Softmax(dim=1) write Softmax()"),
        (
            lambda: LeakyReLU(0.2, inplace=True),
            "Instead of LeakyReLU(0.2, inplace=True) write LeakyReLU(0.2)",
        ),
        (lambda: LeakyReLU(0.2, True), "Instead of LeakyReLU(0.2, True) write LeakyReLU(0.2)"),
        (lambda: ELU(inplace=True), "Instead of ELU(inplace=True) write ELU()"),
        (lambda: Dropout(p=0.1, inplace=False), "inplace=False) write Dropout(p=0.1)"),
        (
            lambda: Conv2d(in_channels=1, out_channels=6, kernel_size=5),
            "infers the sizes of its layers' inputs. Instead of Conv2d(in_channels=1, "
            "out_channels=6, kernel_size=5) write Conv2d(out_channels=6, kernel_size=5)",
        ),
        (
            lambda: ConvTranspose2d(6, 5, in_channels=3, padding_mode="zeros"),
            "takes no in_channels and no padding_mode: a network infers the sizes of its layers' "
            "inputs; the padding is zeros. Instead of",
        ),
        (lambda: Linear(10, in_features=192), "in_features=192) write Linear(10)"),
        (
            lambda: Conv2d(3, 64, kernel_size=3, padding=1),
            "Conv2d got kernel_size by place and by name: a network infers the sizes of its "
            "layers' inputs. Instead of Conv2d(3, 64, kernel_size=3, padding=1) write "
            "Conv2d(64, kernel_size=3, padding=1)",
        ),
        (
            lambda: ConvTranspose2d(3, out_channels=6, kernel_size=5),
            "write ConvTranspose2d(out_channels=6, kernel_size=5)",
        ),
        (lambda: Linear(192, out_features=10), "out_features=10) write Linear(out_features=10)"),
        (lambda: BatchNorm2d(num_features=6), "num_features=6) write BatchNorm2d()"),
        (
            lambda: GroupNorm(num_groups=2, num_channels=8),
            "num_channels=8) write GroupNorm(num_groups=2)",
        ),
        (
            lambda: Softplus(threshold=20),
            "it is log(1 + exp(beta u)) / beta at every u. Instead of Softplus(threshold=20) write "
            "Softplus()",
        ),
        (lambda: Softplus(2.0, 20), "Instead of Softplus(2.0, 20) write Softplus(2.0)"),
        (lambda: Concat([[], [ReLU()]], dim=1), "dim=1) write Concat([[], [ReLU()]])"),
    ],
)
def test_what_torch_is_told_and_these_layers_are_not_is_a_clear_error(make, hint):
    with pytest.raises(TypeError) as refused:
        make()
    assert hint in str(refused.value)


@pytest.mark.parametrize(
    ("make", "answer"),
    [
        (
            lambda: LeakyReLU(slope=0.2),
            "LeakyReLU takes no slope; it takes negative_slope, got slope=0.2",
        ),
        (
            lambda: Linear(num_features=10),
            "Linear takes no num_features: a network infers the sizes of its layers' inputs; "
            "it takes out_features, bias, activation, trainable, got num_features=10",
        ),
        (
            lambda: Softplus(threshold=5),
            "Softplus takes no threshold: it is log(1 + exp(beta u)) / beta at every u; "
            "it takes beta, got threshold=5",
        ),
        (
            lambda: Conv2d(6, 5, kernel_size=5, out_channels=6),
            "Conv2d got out_channels and kernel_size by place and by name",
        ),
        (lambda: Dropout(0.5, p=0.5), "Dropout got p by place and by name"),
        (
            lambda: MaxPool2d(2, return_indices=True),
            "MaxPool2d takes no return_indices: it gives the largest values alone; it takes kernel_"
            "size, stride, padding, dilation, ceil_mode, activation, got return_indices=True",
        ),
    ],
)
def test_what_may_be_meant_is_not_advised_away(make, answer):
    """An argument misspelled, or one of torch's that would make a difference."""
    with pytest.raises(TypeError) as refused:
        make()
    assert str(refused.value) == answer


@every_kind
def test_every_layer_answers_a_name_that_it_does_not_have(kind):
    takes = ", ".join(arguments(kind)) or "no arguments"
    with pytest.raises(TypeError) as refused:
        kind(colour="red")
    answer = f"{kind.__name__} takes no colour; it takes {takes}, got colour='red'"
    assert str(refused.value) == answer


@every_kind
def test_type_checkers_see_what_names_there_are(kind):
    parameters = inspect.signature(kind).parameters.values()
    assert not any(p.kind is p.VAR_KEYWORD for p in parameters)


def test_what_torchs_layers_are_told_that_ours_are_not_is_named_with_torchs_default():
    nn = pytest.importorskip("torch", reason="PyTorch is not installed").nn
    theirs = [getattr(nn, kind.__name__) for kind in KINDS if hasattr(nn, kind.__name__)]
    given = [p for layer in theirs for p in inspect.signature(layer).parameters.values()]
    defaults = {p.name: p.default for p in given}
    assert defaults.keys() >= UNNEEDED.keys()
    for name, unneeded in UNNEEDED.items():
        if name != "dim":  # torch has none for maps
            assert unneeded.same in (..., defaults[name])


def test_a_layer_of_ones_own_may_pass_names_on():
    class Same(Conv2d):
        def __init__(self, out_channels, **named):
            super().__init__(out_channels, 3, padding="same", **named)

    assert Same(6, bias=False).bias is False
    with pytest.raises(TypeError, match="Same takes no in_channels"):
        Same(6, in_channels=3)
