"""``cnnsetup`` and the definition of a net: what they give and what they refuse."""

import re

import numpy as np
import pytest

from cnnbp.toolbox import Layer, Net, cnnsetup

EXAMPLE = [
    {"type": "i"},
    {"type": "c", "outputmaps": 6, "kernelsize": 5},
    {"type": "s", "scale": 2},
    {"type": "c", "outputmaps": 12, "kernelsize": 5},
    {"type": "s", "scale": 2},
]
X, Y = np.zeros((28, 28, 3)), np.zeros((10, 3))


def test_the_arrays_have_the_toolboxs_shapes():
    net = cnnsetup(Net(EXAMPLE), X, Y)
    first, pooled, second = net.layers[1:4]
    assert first.k.shape == (1, 6, 5, 5)
    assert second.k.shape == (6, 12, 5, 5)
    assert second.k[5][11].shape == (5, 5)
    assert [len(layer.b) for layer in (first, pooled, second)] == [6, 6, 12]
    assert net.ffW.shape == (10, 12 * 4 * 4)
    assert net.ffb.shape == (10, 1)


def test_weights_are_uniform_within_the_toolboxs_bounds():
    """Bounds ±√(6 / (fan_in + fan_out)); a uniform variable's square has the mean bound² / 3."""
    net = cnnsetup(Net(EXAMPLE), X, Y, seed=0)
    for weights, fans in (
        (net.layers[1].k, (1 + 6) * 25),
        (net.layers[3].k, (6 + 12) * 25),
        (net.ffW, 10 + 192),
    ):
        scaled = weights / np.sqrt(6 / fans)
        assert 0.95 < np.abs(scaled).max() <= 1
        standard_error = np.sqrt((1 / 5 - 1 / 9) / scaled.size)
        assert abs(np.mean(scaled**2) - 1 / 3) < 4 * standard_error


def test_biases_start_at_zero():
    net = cnnsetup(Net(EXAMPLE), X, Y)
    assert not any(layer.b.any() for layer in net.layers[1:])
    assert not net.ffb.any()


def test_a_seed_or_generator_repeats_the_weights():
    first, second, other, drawn = (
        cnnsetup(Net(EXAMPLE), X, Y, seed=seed).layers[1].k
        for seed in (1, 1, 2, np.random.default_rng(1))
    )
    assert np.array_equal(first, second)
    assert np.array_equal(first, drawn)
    assert not np.array_equal(first, other)


def test_the_layers_alone_are_a_definition():
    layers = [Layer("i"), Layer("s", scale=4), Layer("c", outputmaps=2, kernelsize=3)]
    net = cnnsetup(layers, X, Y)
    assert str(net) == "Net(i-4s-2c3)"
    assert net.ffW.shape == (10, 2 * 5 * 5)


def test_the_input_alone_is_a_net_of_one_output_layer():
    assert cnnsetup([{"type": "i"}], X, Y).ffW.shape == (10, 28 * 28)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "must begin with the only one of type 'i', got types []"),
        (EXAMPLE[1:], "must begin with the only one of type 'i'"),
        ([EXAMPLE[0], EXAMPLE[0]], "must begin with the only one of type 'i'"),
        ([EXAMPLE[0], EXAMPLE[1], EXAMPLE[1]], "layers[1] and layers[2] are both of type 'c'"),
        ([EXAMPLE[0], {"type": "x"}], "layers[1]: type must be one of"),
        ([EXAMPLE[0], {"type": "s"}], "layers[1]: scale must be at least 1, got 0"),
        ([EXAMPLE[0], {"type": "s", "scale": -2}], "layers[1]: scale must be at least 1, got -2"),
        ([EXAMPLE[0], {**EXAMPLE[1], "scale": 2}], "layers[1]: type 'c' has no scale, got 2"),
    ],
    ids=str,
)
def test_a_definition_the_toolbox_could_not_run_is_refused(layers, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Net(layers)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ({"type": "s", "scale": 2.0}, "layers[1]: scale must be an integer, got 2.0"),
        (
            {"type": "s", "xscale": 2},
            "layers[1]: expected a type and options among type, outputmaps, kernelsize, scale, "
            "got {'type': 's', 'xscale': 2}",
        ),
        ({"scale": 2}, "layers[1]: expected a type"),
        ("2s", "layers[1] must be a Layer or a mapping, got '2s'"),
    ],
    ids=str,
)
def test_a_layer_of_another_form_is_a_type_error(layer, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        Net([{"type": "i"}, layer])


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (27, 28, "maps of 23x24 do not divide by scale 2. Actual: 11.5x12"),
        (28, 27, "maps of 24x23 do not divide by scale 2. Actual: 12x11.5"),
    ],
)
def test_maps_that_do_not_divide_are_refused_with_both_sizes(rows, columns, message):
    with pytest.raises(ValueError, match=r"layers\[2\] size must be integer") as error:
        cnnsetup(Net(EXAMPLE), np.zeros((rows, columns, 3)), Y)
    assert message in str(error.value)


def test_a_kernel_larger_than_its_maps_is_refused():
    with pytest.raises(ValueError, match=r"layers\[3\] has kernels of 5x5, larger .* of 4x12"):
        cnnsetup(Net(EXAMPLE), np.zeros((12, 28, 3)), Y)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X[:, :, 0], Y, "x must have the shape (rows, columns, samples)"),
        (X, Y[:, 0], "y must have the shape (classes, samples)"),
        (X[:, :, :0], Y[:, :0], "got (28, 28, 0)"),
        (X, Y[:, :2], "got x of shape (28, 28, 3) and y of shape (10, 2)"),
    ],
    ids=["one image", "one target", "no samples", "different samples"],
)
def test_samples_of_another_shape_are_refused(x, y, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        cnnsetup(Net(EXAMPLE), x, y)
