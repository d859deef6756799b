"""``ConvTranspose2d``: a convolution's delta as a forward pass."""

from dataclasses import replace

import numpy as np
import pytest

import geometries
import oracle_convolutions
from claims import assert_refused, assert_same_bits, integers
from cnnbp import Network
from cnnbp.layers import Conv2d, ConvTranspose2d, Flatten, Linear


def symmetric(geometry, batch):
    """The same convolution with the upper and left padding at both sides."""
    (top, _), (left, _) = geometry.padding
    return replace(geometry, batch=batch, padding=((top, top), (left, left)))


#: Convolutions to transpose, in batches of powers of two: means over them are exact.
CONVOLUTIONS = [
    made
    for place, drawn in enumerate(geometries.LANE_EDGES[:1] + geometries.DRAWN)
    if min((made := symmetric(drawn, 2 ** (place % 6))).output_size) > 0
]
every_geometry = pytest.mark.parametrize("geometry", CONVOLUTIONS, ids=str)


def options_of(geometry) -> dict:
    """The options with which a transposed convolution gives maps of the convolution's input."""
    padding = tuple(side for side, _ in geometry.padding)
    sizes = {"stride": geometry.stride, "padding": padding, "dilation": geometry.dilation}
    least = oracle_convolutions.transposed_size(
        geometry.output_size, geometry.kernel_size, output_padding=(0, 0), **sizes
    )
    extra = tuple(n - m for n, m in zip(geometry.size, least, strict=True))
    return {**sizes, "output_padding": extra, "groups": geometry.groups}


def alone(geometry, dtype, *, bias=True) -> Network:
    """A network whose maps are its outputs."""
    made = ConvTranspose2d(
        geometry.in_channels, geometry.kernel_size, bias=bias, **options_of(geometry)
    )
    input_shape = (geometry.out_channels, *geometry.output_size)
    return Network([made], input_shape=input_shape, dtype=np.dtype(dtype).name)


def arrays(rng, geometry, dtype):
    """Input, weight, bias and target; small enough for float32 to hold all sums exactly."""
    shapes = (
        geometry.output_shape,
        geometry.weight_shape,
        (geometry.in_channels,),
        geometry.input_shape,
    )
    return [integers(rng, shape, dtype, largest=1) for shape in shapes]


@every_geometry
def test_a_step_is_exact_on_integers(geometry, dtype, rng):
    x, weight, bias, target = arrays(rng, geometry, dtype)
    options, net = options_of(geometry), alone(geometry, dtype)
    net.load_state_dict({"0.weight": weight, "0.bias": bias})
    output = oracle_convolutions.conv_transpose2d(x, weight, bias, **options)
    assert np.array_equal(net.predict(x), output)
    delta = (output - target) / len(x)
    trace = net.trace(x, target)
    below = oracle_convolutions.conv_transpose2d_delta(
        delta, weight, input_size=x.shape[2:], **options
    )
    assert np.array_equal(trace["input.delta"], below)
    of_weight, of_bias = oracle_convolutions.conv_transpose2d_gradients(
        x, delta, kernel_size=geometry.kernel_size, **options
    )
    assert np.array_equal(trace["0.gradient.weight"], of_weight)
    assert np.array_equal(trace["0.gradient.bias"], of_bias)


@every_geometry
def test_forward_delta_and_gradient_are_adjoint(geometry, rng):
    """``⟨forward(x), δ⟩ = ⟨x, delta(δ)⟩ = ⟨w, gradient(x, δ)⟩``, without the oracle."""
    x, weight, _, target = arrays(rng, geometry, np.float64)
    net = alone(geometry, np.float64, bias=False)
    net.load_state_dict({"0.weight": weight})
    trace = net.trace(x, target)
    product = np.vdot(trace["0.output"], trace["0.delta"])
    assert product == np.vdot(x, trace["input.delta"])
    assert product == np.vdot(weight, trace["0.gradient.weight"])


def test_a_pixel_is_spread_as_its_kernel_is():
    """One pixel of 2 with stride 3: the kernel, twice, with the rows and columns asked for."""
    layer = ConvTranspose2d(1, 2, stride=3, output_padding=(1, 2), bias=False)
    net = Network([layer], input_shape=(1, 1, 2), dtype="float64")
    net.load_state_dict({"0.weight": np.array([[[[1, 2], [3, 4]]]])})
    output = net.predict(np.array([[[[2.0, -1.0]]]]))
    rows = [[2, 4, 0, -1, -2, 0, 0], [6, 8, 0, -3, -4, 0, 0], [0] * 7]
    assert output.shape == (1, 1, 3, 7)
    assert output[0, 0].tolist() == rows


def test_it_brings_back_the_size_that_a_strided_convolution_had():
    layers = [Conv2d(4, 3, stride=2, padding=1), ConvTranspose2d(2, 3, stride=2, padding=1)]
    sizes = [line.output_shape for line in Network(layers, input_shape=(2, 9, 7)).summary().layers]
    assert sizes == [(4, 5, 4), (2, 9, 7)]


def test_its_cost_is_every_weight_at_every_pixel_of_the_input():
    layer = ConvTranspose2d(6, (3, 2), stride=2, groups=2)
    (line,) = Network([layer], input_shape=(4, 5, 7)).summary().layers
    assert line.parameters == 4 * 3 * 6 + 6
    assert line.multiply_adds == 4 * 3 * 6 * 35


def test_a_saved_network_goes_on_with_the_same_bits(tmp_path, rng):
    layers = [ConvTranspose2d(3, 3, stride=2, output_padding=1, activation="tanh"), Linear(4)]
    net = Network(layers, input_shape=(2, 4, 5))
    x, y = rng.random((5, 2, 4, 5)), [0, 1, 2, 3, 0]
    net.train_step(x, y)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.layers == net.layers
    assert again.train_step(x, y) == net.train_step(x, y)
    assert_same_bits(again.state_dict(), net.state_dict())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (ConvTranspose2d(4, 3, output_padding=1), ("output_padding", "(1, 1)", "stride (1, 1)")),
        (ConvTranspose2d(4, 3, stride=(2, 1), output_padding=1), ("output_padding", "(2, 1)")),
        (ConvTranspose2d(4, 1, padding=2), ("padding (2, 2)", "(0, 1)", "(4, 4, 5)")),
        (ConvTranspose2d(4, 3, groups=3), ("groups is 3", "4 channels")),
        (ConvTranspose2d(6, 3, groups=4), ("groups is 4", "out_channels 6")),
        (ConvTranspose2d(4, 3, stride=2**30), ("output", "too large")),
    ],
)
def test_what_has_no_output_is_refused(layer, words):
    assert_refused(
        lambda: Network([layer], input_shape=(4, 4, 5)), ("layer 0 (ConvTranspose2d)", *words)
    )


def test_a_vector_is_refused():
    assert_refused(
        lambda: Network([Flatten(), ConvTranspose2d(4, 1)], input_shape=(4, 4, 5)),
        ("layer 1 (ConvTranspose2d)", "80", "maps"),
    )
