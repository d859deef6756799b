"""``cnnff`` and ``cnnbp``: what they take besides the toolbox's data, and what they refuse."""

import re

import numpy as np
import pytest

from cnnbp import Network, toolbox
from cnnbp.toolbox import Net, cnnbp, cnnff, cnnsetup
from toolbox_golden import assert_agree, golden


@pytest.fixture
def run():
    return golden("random_rect_3c3_3s_5c3")


def test_each_sample_is_read_as_it_is_alone(run):
    together = cnnff(run.net(), run.x).o
    alone = [cnnff(run.net(), run.x[:, :, [n]]).o for n in range(6)]
    assert_agree(together, np.hstack(alone))


def test_images_in_bytes_are_taken_as_numbers(run):
    x = np.arange(20 * 14 * 2, dtype=np.uint8).reshape(20, 14, 2)
    assert np.array_equal(cnnff(run.net(), x).o, cnnff(run.net(), x.astype(np.float64)).o)


def test_all_results_are_float64(run):
    net = cnnbp(cnnff(run.net(), run.x.astype(np.float32)), run.y.astype(np.uint8))
    arrays = [net.fv, net.o, net.e, net.od, net.fvd, net.dffW, net.dffb]
    arrays += [array for layer in net.layers[1:] for array in (layer.a, layer.d)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float64)}
    assert isinstance(net.L, float)


def test_memory_order_does_not_matter(run):
    column_major, strided = np.asfortranarray(run.x), np.repeat(run.x, 2, axis=1)[:, ::2]
    strided.flags.writeable = False
    want = cnnff(run.net(), np.ascontiguousarray(run.x)).o
    assert np.array_equal(cnnff(run.net(), column_major).o, want)
    assert np.array_equal(cnnff(run.net(), strided).o, want)


def test_a_net_of_the_output_layer_alone_follows_its_equations(rng):
    x, y = rng.standard_normal((3, 4, 5)), rng.random((2, 5))
    net = cnnff(cnnsetup(Net([{"type": "i"}]), x, y, seed=0), x)
    features = x.transpose(1, 0, 2).reshape(12, 5)
    assert_agree(net.o, 1 / (1 + np.exp(-net.ffW @ features)))
    net = cnnbp(net, y)
    od = (net.o - y) * net.o * (1 - net.o)
    assert_agree(net.dffW, od @ features.T / 5)
    assert_agree(net.layers[0].d[0], (net.ffW.T @ od).reshape(4, 3, 5).transpose(1, 0, 2))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda x: x[:, :, 0],
            ValueError,
            "(rows, columns, samples), none of them 0, got (20, 14)",
        ),
        (lambda x: x[:, :, :0], ValueError, "got (20, 14, 0)"),
        (lambda x: x[:19], ValueError, "layers[2] size must be integer"),
        (lambda x: x[:17], ValueError, "net.ffW must have the shape"),
        (lambda x: x[:2], ValueError, "layers[1] has kernels of 3x3, larger"),
        (lambda x: np.where(x == x[1, 2, 3], np.nan, x), ValueError, "x[(1, 2, 3)] is nan"),
        (lambda x: x * 1j, TypeError, "x must hold real numbers, got dtype complex128"),
        (lambda x: x.astype(object), TypeError, "x must hold real numbers, got dtype object"),
    ],
    ids=["rank", "empty", "divide", "size", "kernel", "nan", "complex", "object"],
)
def test_images_that_do_not_fit_are_refused(run, change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        cnnff(run.net(), change(run.x))


def test_weights_must_be_there(run):
    with pytest.raises(ValueError, match=r"net has no ffW, ffb, .* call net = cnnsetup"):
        cnnff(Net(run.layers), run.x)


def test_weights_of_another_shape_are_named(run):
    net = run.net()
    net.layers[3].k = net.layers[3].k[:, :, :2]
    with pytest.raises(
        ValueError, match=r"net.layers\[3\].k must .* \(3, 5, 3, 3\) .* \(3, 5, 2, 3\)"
    ):
        cnnff(net, run.x)


def test_weights_of_another_type_are_named(run):
    net = run.net()
    net.layers[1].b = net.layers[1].b.astype(np.float32)
    with pytest.raises(TypeError, match=r"net.layers\[1\].b must be a float64 array"):
        cnnff(net, run.x)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda y: y[:3], ValueError, "of the net's outputs, (4, 6), got (3, 6)"),
        (lambda y: y[:, :5], ValueError, "of the net's outputs, (4, 6), got (4, 5)"),
        (lambda y: y.argmax(axis=0), ValueError, "y must have the shape (classes, samples)"),
        (lambda y: y / 0, ValueError, "y must hold finite numbers"),
    ],
    ids=["classes", "samples", "class numbers", "nan"],
)
@pytest.mark.filterwarnings("ignore:.*encountered in divide")
def test_targets_that_do_not_fit_are_refused(run, change, error, message):
    with pytest.raises(error, match=re.escape(message)):
        cnnbp(cnnff(run.net(), run.x), change(run.y))


def test_the_forward_pass_comes_first(run):
    with pytest.raises(ValueError, match=r"net has no fv, o, .* call net = cnnff"):
        cnnbp(run.net(), run.y)


#: Function → its arguments after the net, for a run of the toolbox.
TAKE_A_NET = {
    "cnnff": lambda run: (run.x,),
    "cnnbp": lambda run: (run.y,),
    "cnnapplygrads": lambda run: ({"alpha": 1.0},),
    "cnntrain": lambda run: (run.x, run.y, {"batchsize": 2}),
    "cnntest": lambda run: (run.x, run.y),
    "cnnnumgradcheck": lambda run: (run.x, run.y),
    "cnnsetup": lambda run: (run.x, run.y),
}


def test_every_function_that_takes_a_net_is_listed():
    functions = {name for name in toolbox.__all__ if name.startswith("cnn")}
    assert set(TAKE_A_NET) == functions


@pytest.mark.parametrize("name", TAKE_A_NET)
def test_a_network_of_another_kind_is_refused(name, run):
    net = Network.from_spec("3c3-3s-5c3-4o", input_shape=(1, 20, 14))
    with pytest.raises(TypeError) as refused:
        getattr(toolbox, name)(net, *TAKE_A_NET[name](run))
    message = str(refused.value)
    for words in ("net must be a cnnbp.toolbox.Net", "got cnnbp.network.Network", "cnnsetup(Net("):
        assert words in message
