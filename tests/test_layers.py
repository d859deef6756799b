"""``cnnbp.layers``: what a layer accepts, refuses and says."""

import copy
import pickle

import numpy as np
import pytest

from cnnbp import layers
from cnnbp.layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    CombineConv2d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    GroupNorm,
    Linear,
    MaxPool2d,
    ReLU,
    Sigmoid,
    Softmax,
    Subsample2d,
    Tanh,
    Upsample,
    ZeroPad2d,
)

EVERY_LAYER = [
    Conv2d(6, 5),
    Conv2d(6, (5, 3), stride=2, padding=((1, 0), (2, 0)), groups=2, bias=False, activation="relu"),
    Conv2d(6, 5, padding="same", dilation=(2, 1)),
    Conv2d(6, 5, padding=((1, 0), (1, 0))),
    Conv2d(6, 5, padding=((2, 2), (1, 0))),
    Conv2d(2, 3, connections=[[True, False], [True, True]]),
    CombineConv2d(6, (5, 3), stride=2, padding=((1, 0), (2, 0)), bias=False, sparsity=0.1),
    CombineConv2d(6, 5, padding="same", activation="relu", trainable=False),
    ConvTranspose2d(6, 5),
    ConvTranspose2d(6, (5, 3), stride=2, padding=1, output_padding=(1, 0), dilation=3, groups=2),
    AvgPool2d(2),
    AvgPool2d((2, 3), stride=1, padding=1, count_include_pad=False, divisor_override=3),
    MaxPool2d(3, stride=2, ceil_mode=True, dilation=2, activation="tanh"),
    Subsample2d((2, 3), activation="sigmoid"),
    Linear(10, bias=False, activation="softmax"),
    GroupNorm(3, eps=1e-3, affine=False, activation="relu", trainable=False),
    Dropout(0.25),
    AdaptiveAvgPool2d((3, 4)),
    GlobalAvgPool2d(),
    ZeroPad2d(2),
    ZeroPad2d(((1, 0), (2, 3))),
    Upsample(2),
    Upsample((2, 3), mode="bilinear", align_corners=True),
    Flatten(),
    Sigmoid(),
    Tanh(),
    ReLU(),
    Softmax(),
]
every_layer = pytest.mark.parametrize("layer", EVERY_LAYER, ids=repr)


def test_a_number_and_a_pair_of_it_are_the_same_layer():
    assert Conv2d(6, 5, stride=2, padding=1) == Conv2d(6, (5, 5), stride=(2, 2), padding=(1, 1))
    assert Conv2d(6, 5, padding=(1, 2)) == Conv2d(6, 5, padding=((1, 1), (2, 2)))
    assert Conv2d(6, 5, padding="valid") == Conv2d(6, 5)
    assert Conv2d(np.int64(6), np.array([5, 5])) == Conv2d(6, 5)


def test_layers_with_other_options_or_of_other_types_differ():
    assert Conv2d(6, 5) != Conv2d(6, 5, bias=False)
    assert AvgPool2d(2) != MaxPool2d(2)
    assert Sigmoid() != Tanh()
    assert len({*EVERY_LAYER, *EVERY_LAYER}) == len(EVERY_LAYER)


def test_pooling_steps_by_its_window_unless_told_otherwise():
    assert AvgPool2d((2, 3)).stride == (2, 3)
    assert MaxPool2d(3, stride=1).stride == (1, 1)


@every_layer
def test_a_layer_is_what_its_repr_says(layer):
    assert eval(repr(layer), vars(layers)) == layer


def test_a_repr_shows_only_what_was_asked_for():
    assert repr(Conv2d(6, 5, activation="sigmoid")) == "Conv2d(6, 5, activation='sigmoid')"
    assert repr(AvgPool2d(2, stride=2)) == "AvgPool2d(2)"
    assert repr(MaxPool2d(3, 2, 1)) == "MaxPool2d(3, stride=2, padding=1)"
    assert repr(Conv2d(1, (3, 5), padding=((1, 1), (2, 2)))) == "Conv2d(1, (3, 5), padding=(1, 2))"


@every_layer
def test_a_layer_survives_copies(layer):
    assert pickle.loads(pickle.dumps(layer)) == copy.deepcopy(layer) == layer
    assert type(layer)(**layer.options()) == layer


@every_layer
def test_a_layer_is_known_to_the_core(layer):
    assert type(layer.definition()).__name__ in (type(layer).__name__, "Activation")


def test_a_layer_cannot_be_changed():
    layer = Conv2d(6, 5)
    with pytest.raises(AttributeError):
        layer.out_channels = 7


def test_input_channels_are_a_clear_error():
    with pytest.raises(TypeError, match=r"inferred.*write Conv2d\(6, 5\)"):
        Conv2d(1, 6, 5)
    with pytest.raises(TypeError, match=r"inferred.*write ConvTranspose2d\(6, 5\)"):
        ConvTranspose2d(1, 6, 5)
    with pytest.raises(TypeError, match=r"inferred.*write CombineConv2d\(6, 5\)"):
        CombineConv2d(1, 6, 5)
    with pytest.raises(TypeError, match=r"inferred.*write Linear\(10\)"):
        Linear(192, 10)


def test_three_numbers_may_have_the_stride_as_their_last():
    """Only the caller knows whether the first or the last is one too many: both are said."""
    both = r"write Conv2d\(5, 2\) if 20 is .* channels, or Conv2d\(20, 5, stride=2\) if 2 is"
    with pytest.raises(TypeError, match=both):
        Conv2d(20, 5, 2)
    with pytest.raises(TypeError, match=r"write Conv2d\(6, 5, stride=2, padding=1, …\) if"):
        Conv2d(3, 6, 5, 2, 1, 1)


def test_pooling_takes_stride_and_padding_in_torchs_order():
    for kind in (MaxPool2d, AvgPool2d):
        assert kind(3, 2) == kind(3, stride=2)
        assert kind(3, 2, 1) == kind(3, stride=2, padding=1)
        with pytest.raises(TypeError):
            kind(3, 2, 1, 1)  # dilation in one, ceil_mode in the other


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Conv2d(6.0, 5), "out_channels"),
        (lambda: Conv2d(True, 5), "out_channels"),
        (lambda: Conv2d(6, "5"), "kernel_size"),
        (lambda: Conv2d(6, None), "kernel_size"),
        (lambda: Conv2d(6, (5, 5.0)), "kernel_size"),
        (lambda: Conv2d(6, {3, 5}), "kernel_size"),
        (lambda: Conv2d(6, np.array(5.0)), "kernel_size"),
        (lambda: Conv2d(6, 5, stride=1.5), "stride"),
        (lambda: Conv2d(6, 5, padding=0.5), "padding"),
        (lambda: Conv2d(6, 5, padding=None), "padding"),
        (lambda: Conv2d(6, 5, groups=(1, 1)), "groups"),
        (lambda: Conv2d(6, 5, bias=1), "bias"),
        (lambda: Conv2d(6, 5, activation=np.tanh), "activation"),
        (lambda: CombineConv2d(6, 5, sparsity="0.1"), "sparsity"),
        (lambda: CombineConv2d(6.0, 5), "CombineConv2d out_channels"),
        (lambda: ConvTranspose2d(6, 5, output_padding=0.5), "output_padding"),
        (lambda: ConvTranspose2d(6, 5, padding="same"), "ConvTranspose2d padding"),
        (lambda: AvgPool2d(2, divisor_override=2.0), "divisor_override"),
        (lambda: AvgPool2d(2, ceil_mode="yes"), "ceil_mode"),
        (lambda: MaxPool2d(2, dilation=True), "dilation"),
        (lambda: Subsample2d(2.0), "kernel_size"),
        (lambda: Linear(10.0), "out_features"),
        (lambda: GroupNorm(2.0), "num_groups"),
        (lambda: Dropout("half"), "p must"),
        (lambda: AdaptiveAvgPool2d(None), "output_size"),
        (lambda: ZeroPad2d("same"), "padding"),
        (lambda: ZeroPad2d(0.5), "padding"),
        (lambda: Upsample(1.5), "scale_factor"),
        (lambda: Upsample(2, mode=2), "mode"),
        (lambda: Upsample(2, mode="bilinear", align_corners=1), "align_corners"),
    ],
)
def test_a_wrong_type_is_a_type_error_that_names_the_argument(make, name):
    with pytest.raises(TypeError, match=name):
        make()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Conv2d(0, 5), "out_channels"),
        (lambda: Conv2d(2**31, 5), "out_channels"),
        (lambda: Conv2d(6, 0), "kernel_size"),
        (lambda: Conv2d(6, (5, -1)), "kernel_size"),
        (lambda: Conv2d(6, (5, 5, 5)), "kernel_size"),
        (lambda: Conv2d(6, 5, stride=0), "stride"),
        (lambda: Conv2d(6, 5, dilation=-1), "dilation"),
        (lambda: Conv2d(6, 5, padding=-1), "padding"),
        (lambda: Conv2d(6, 5, padding=(1, 2, 3)), "padding"),
        (lambda: Conv2d(6, 5, padding=((1, 2), (3, -4))), "padding"),
        (lambda: Conv2d(6, 5, padding="full"), "padding"),
        (lambda: Conv2d(6, 5, padding="same", stride=2), "padding.*stride"),
        (lambda: Conv2d(6, 5, groups=0), "groups"),
        (lambda: Conv2d(6, 5, activation="swish"), "activation"),
        (lambda: CombineConv2d(0, 5), "out_channels"),
        (lambda: CombineConv2d(6, 5, sparsity=-0.1), "sparsity"),
        (lambda: CombineConv2d(6, 5, sparsity=float("nan")), "sparsity"),
        (lambda: CombineConv2d(6, 5, padding="same", stride=2), "padding.*stride"),
        (lambda: ConvTranspose2d(6, 5, output_padding=-1), "output_padding"),
        (lambda: ConvTranspose2d(6, 0), "kernel_size"),
        (lambda: AvgPool2d(2, stride=(0, 1)), "stride"),
        (lambda: AvgPool2d(2, divisor_override=0), "divisor_override"),
        (lambda: MaxPool2d(2, padding=-1), "padding"),
        (lambda: Subsample2d(0), "kernel_size"),
        (lambda: Linear(0), "out_features"),
        (lambda: GroupNorm(0), "num_groups"),
        (lambda: GroupNorm(2, eps=0.0), "eps"),
        (lambda: Dropout(1), "p must"),
        (lambda: Dropout(-0.1), "p must"),
        (lambda: Dropout(float("nan")), "p must"),
        (lambda: AdaptiveAvgPool2d(0), "output_size"),
        (lambda: ZeroPad2d(-1), "padding"),
        (lambda: ZeroPad2d((1, 2, 3, 4)), "padding"),
        (lambda: ZeroPad2d(((1, 2), (3, -4))), "padding"),
        (lambda: Upsample((2, 0)), "scale_factor"),
        (lambda: Upsample(2, mode="cubic"), "mode"),
        (lambda: Upsample(2, align_corners=True), "align_corners"),
    ],
)
def test_a_wrong_value_is_a_value_error_that_names_the_argument(make, name):
    with pytest.raises(ValueError, match=name):
        make()
