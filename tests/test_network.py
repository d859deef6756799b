"""``cnnbp.Network``: what it accepts and refuses, computes, hands out and shows."""

import numpy as np
import pytest

from cnnbp import Network, functional, losses
from cnnbp.initializers import He
from cnnbp.layers import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    Sigmoid,
    Tanh,
)
from cnnbp.optim import SGD

#: One of everything, for images of 2 x 9 x 8 and 4 classes.
LAYERS = [
    Conv2d(3, 3, padding="same", activation="relu"),
    MaxPool2d(2),
    Conv2d(4, 2, groups=1, bias=False),
    Tanh(),
    AvgPool2d((1, 2)),
    Flatten(),
    Linear(5),
    Sigmoid(),
    Linear(4),
]
SHAPES = {
    "0.weight": (3, 2, 3, 3),
    "0.bias": (3,),
    "2.weight": (4, 3, 2, 2),
    "6.weight": (5, 12),
    "6.bias": (5,),
    "8.weight": (4, 5),
    "8.bias": (4,),
}


def make(**options):
    return Network(LAYERS, **({"input_shape": (2, 9, 8), "loss": "cross_entropy"} | options))


@pytest.fixture
def net():
    return make()


@pytest.fixture
def x(rng):
    return rng.standard_normal((7, 2, 9, 8)).astype(np.float32)


@pytest.fixture
def y(rng):
    return rng.integers(0, 4, 7)


def equal(state, other):
    return state.keys() == other.keys() and all(np.array_equal(state[k], other[k]) for k in state)


# Making a network


def test_parameters_have_the_names_and_shapes_of_torch(net):
    assert {name: array.shape for name, array in net.state_dict().items()} == SHAPES
    assert net.output_shape == (4,)


def test_first_weights_are_uniform_within_the_bound_of_glorot_and_biases_are_zero():
    """The bound is √(6 / (fan_in + fan_out)); 3,000 draws come closer than 1 % to it."""
    net = Network([Conv2d(30, 5), Linear(10)], input_shape=(4, 9, 9))
    state = net.state_dict()
    for name, fans in (("0.weight", (4 + 30) * 25), ("1.weight", 30 * 25 + 10)):
        bound = np.sqrt(6 / fans)
        assert 0.99 * bound < np.abs(state[name]).max() <= bound
        assert abs(state[name].mean()) < 0.05 * bound
    assert not state["0.bias"].any()
    assert not state["1.bias"].any()


def test_the_seed_decides_the_first_weights(net):
    assert equal(net.state_dict(), make(seed=0).state_dict())
    assert not equal(net.state_dict(), make(seed=1).state_dict())


def test_an_activation_and_its_own_layer_mean_the_same(x, y):
    fused = Network([Conv2d(3, 3, activation="tanh"), Linear(4)], input_shape=(2, 9, 8))
    apart = Network([Conv2d(3, 3), Tanh(), Linear(4)], input_shape=(2, 9, 8))
    state = dict(zip(apart.state_dict(), fused.state_dict().values(), strict=True))
    apart.load_state_dict(state)
    assert fused.train_step(x, y) == apart.train_step(x, y)
    assert np.array_equal(fused.predict(x), apart.predict(x))


def test_the_shorthand_makes_the_same_network_as_the_layers():
    layers = [
        Conv2d(6, 5, activation="sigmoid"),
        AvgPool2d(2),
        Linear(10, activation="sigmoid"),
    ]
    written = Network.from_spec("6c5-2s-10o", input_shape=(1, 12, 12), seed=3)
    assert written.definition == Network(layers, input_shape=(1, 12, 12), seed=3).definition


def test_dtypes_may_be_spelled_as_numpy_does(net):
    assert make(dtype=np.float64).state_dict()["0.weight"].dtype == np.float64
    assert make(dtype=np.dtype("float32")).definition == net.definition


@pytest.mark.parametrize(
    ("layers", "place", "kind"),
    [
        ([Conv2d(3, 10)], 0, "Conv2d"),
        ([Conv2d(3, 3, groups=3)], 0, "Conv2d"),
        ([MaxPool2d(2), Conv2d(3, 3, dilation=4)], 1, "Conv2d"),
        ([Conv2d(3, 3), Conv2d(4, 3), AvgPool2d(6)], 2, "AvgPool2d"),
        ([MaxPool2d(2, padding=2)], 0, "MaxPool2d"),
        ([Linear(4), Conv2d(3, 3)], 1, "Conv2d"),
        ([Flatten(), MaxPool2d(2)], 1, "MaxPool2d"),
        ([Linear(2**31 - 1), Linear(2**31 - 1)], 1, "Linear"),
    ],
)
def test_a_layer_that_does_not_fit_is_named_with_its_place(layers, place, kind):
    with pytest.raises(ValueError, match=rf"layer {place} \({kind}\)"):
        Network(layers, input_shape=(2, 9, 8))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"layers": []}, ValueError),
        ({"layers": "6c5-10o"}, TypeError),
        ({"layers": Linear(3)}, TypeError),
        ({"layers": [Linear(3), "relu"]}, TypeError),
        ({"layers": [Linear]}, TypeError),
        ({"layers": None}, TypeError),
        ({"input_shape": (9, 8)}, ValueError),
        ({"input_shape": (0, 9, 8)}, ValueError),
        ({"input_shape": 9}, TypeError),
        ({"input_shape": (2, 9.0, 8)}, TypeError),
        ({"input_shape": "298"}, TypeError),
        ({"input_shape": {2, 9, 8}}, TypeError),
        ({"loss": "entropy"}, ValueError),
        ({"loss": None}, TypeError),
        ({"optimizer": 0.1}, TypeError),
        ({"optimizer": SGD}, TypeError),
        ({"dtype": "float16"}, ValueError),
        ({"dtype": "bfloat"}, ValueError),
        ({"dtype": int}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**63}, ValueError),
        ({"seed": 0.5}, TypeError),
    ],
)
def test_a_wrong_argument_is_refused_by_name(options, error):
    with pytest.raises(error, match=next(iter(options))):
        Network(**({"layers": LAYERS, "input_shape": (2, 9, 8)} | options))


def test_the_largest_seed_is_not_too_large():
    assert make(seed=2**63 - 1).definition.seed == 2**63 - 1


# Asking


def test_evaluation_agrees_with_the_outputs(net, x, y):
    """Cross entropy from its definition, ``-log softmax(o)[y]``, and the share of right classes."""
    outputs = net.predict(x).astype(np.float64)
    of_labels = functional.softmax(outputs, dim=1)[np.arange(7), y]
    result = net.evaluate(x, y)
    assert result["loss"] == pytest.approx(-np.log(of_labels).mean(), rel=1e-6)
    assert result["accuracy"] == (outputs.argmax(axis=1) == y).mean()


def test_the_loss_mse_is_half_the_squared_error_of_a_sample(x, y):
    net = make(loss="mse")
    errors = net.predict(x).astype(np.float64) - np.eye(4)[y]
    assert net.evaluate(x, y)["loss"] == pytest.approx((errors**2).sum() / 2 / 7, rel=1e-6)


def test_predictions_do_not_depend_on_what_else_is_in_the_batch(net, rng):
    images = rng.standard_normal((37, 2, 9, 8)).astype(np.float32)
    together = net.predict(images)
    assert np.array_equal(together, np.concatenate([net.predict(image[None]) for image in images]))


def test_asking_changes_nothing(net, x, y):
    net.accumulate_gradients(x, y)
    state, gradients = net.state_dict(), net.gradient_dict()
    net.predict(x)
    net.evaluate(x, y)
    net.trace(x, y)
    assert equal(net.state_dict(), state)
    assert equal(net.gradient_dict(), gradients)


def test_arrays_that_are_handed_out_are_copies(net, x):
    before = net.predict(x)
    for array in net.state_dict().values():
        array[...] = 0
    assert np.array_equal(net.predict(x), before)


def test_a_trace_holds_every_layers_part(net, x, y):
    trace = net.trace(x, y)
    assert trace["loss"] == pytest.approx(net.evaluate(x, y)["loss"], rel=1e-6)
    assert trace["input.delta"].shape == x.shape
    assert np.array_equal(trace["0.input"], x)
    assert np.array_equal(trace["8.output"], net.predict(x))
    assert np.array_equal(trace["0.output"], np.maximum(trace["0.pre_activation"], 0))
    assert trace["3.delta"].shape == trace["3.output"].shape
    gradients = {name.replace(".", ".gradient.") for name in SHAPES}
    assert {name for name in trace if "gradient" in name} == gradients


# Loops of one's own


def test_a_step_is_gradients_that_are_accumulated_and_applied(x, y):
    step, own = make(), make()
    for _ in range(3):
        own.zero_gradients()
        assert step.train_step(x, y) == own.accumulate_gradients(x, y)
        own.apply_gradients()
    assert equal(step.state_dict(), own.state_dict())


def test_gradients_accumulate_until_they_are_zeroed(net, x, y):
    net.accumulate_gradients(x, y)
    once = net.gradient_dict()
    net.accumulate_gradients(x, y)
    twice = net.gradient_dict()
    assert any(array.any() for array in once.values())
    assert equal(twice, {name: 2 * array for name, array in once.items()})
    net.zero_gradients()
    assert not any(array.any() for array in net.gradient_dict().values())


@pytest.mark.parametrize("train", ["train_step", "fit"])
def test_training_leaves_the_gradients_of_its_last_batch_alone(train, x, y):
    """What was accumulated before is forgotten; what is accumulated next is added to them."""
    net, other = make(optimizer=SGD(lr=0.0, clip_norm=1e-3)), make()
    net.accumulate_gradients(x[:1], y[:1])
    options = {"fit": {"progress": False, "shuffle": False}, "train_step": {}}
    getattr(net, train)(x, y, **options[train])
    other.accumulate_gradients(x, y)
    assert equal(net.gradient_dict(), other.gradient_dict())
    net.accumulate_gradients(x, y)
    twice = {name: 2 * array for name, array in other.gradient_dict().items()}
    assert equal(net.gradient_dict(), twice)


def test_momentum_is_that_of_torch(x, y):
    """``v ← momentum · v + g``, ``p ← p - lr · v``, from the gradients alone."""
    net = make(dtype="float64", optimizer=SGD(lr=0.1, momentum=0.5))
    expected, velocity = net.state_dict(), 0
    for _ in range(3):
        net.zero_gradients()
        net.accumulate_gradients(x, y)
        velocity = 0.5 * velocity + net.gradient_dict()["0.weight"]
        expected["0.weight"] -= 0.1 * velocity
        net.apply_gradients()
    assert np.allclose(net.state_dict()["0.weight"], expected["0.weight"], rtol=1e-12, atol=1e-15)


def test_a_new_optimizer_takes_over_the_velocities(x, y):
    """With a gradient of zero and a rate of 1, a parameter moves by momentum · velocity."""
    net = make(dtype="float64", optimizer=SGD(lr=0.0, momentum=0.5))
    net.train_step(x, y)
    before, gradients = net.state_dict(), net.trace(x, y)["8.gradient.bias"]
    net.optimizer = SGD(lr=1.0, momentum=0.5)
    net.zero_gradients()
    net.apply_gradients()
    moved = before["8.bias"] - net.state_dict()["8.bias"]
    assert np.allclose(moved, 0.5 * gradients, rtol=1e-12, atol=1e-15)


def test_an_optimizer_of_another_kind_is_refused(net):
    with pytest.raises(TypeError, match="optimizer"):
        net.optimizer = 0.5
    assert net.optimizer == SGD(lr=0.02, momentum=0.9)


# Keeping


def test_a_state_goes_from_network_to_network(net, x):
    other = make(seed=1)
    other.load_state_dict(net.state_dict())
    assert np.array_equal(other.predict(x), net.predict(x))


def test_a_state_may_come_in_another_type_and_layout(net):
    other = make(seed=1)
    other.load_state_dict({k: np.asfortranarray(v, "f8") for k, v in net.state_dict().items()})
    assert equal(other.state_dict(), net.state_dict())


def test_all_that_does_not_fit_in_a_state_is_listed_and_nothing_is_changed(net):
    before = net.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    del state["8.bias"]
    state["9.bias"] = np.zeros(3)
    state["0.weight"] = np.zeros((3, 2, 3, 2))
    with pytest.raises(ValueError, match=r"does not fit") as raised:
        net.load_state_dict(state)
    for part in ("missing: 8.bias", "unexpected: 9.bias", "(3, 2, 3, 2), expected (3, 2, 3, 3)"):
        assert part in str(raised.value)
    assert equal(net.state_dict(), before)


def test_finite_numbers_that_float32_cannot_hold_are_named_and_nothing_is_changed(net):
    before = net.state_dict()
    state = {name: array.astype(np.float64) + 1 for name, array in before.items()}
    state["0.weight"][1, 0, 2, 1] = -1e39
    state["8.bias"][:] = 1e300
    with pytest.raises(ValueError, match=r"does not fit") as raised:
        net.load_state_dict(state)
    for part in ("0.weight: -1e+39 at (1, 0, 2, 1), but float32 ends at", "8.bias: 1e+300 at (0,)"):
        assert part in str(raised.value)
    assert equal(net.state_dict(), before)
    wide = make(dtype="float64")
    wide.load_state_dict(state)
    assert equal(wide.state_dict(), state)


@pytest.mark.parametrize("given", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.finfo(np.float32).max])
def test_parameters_of_a_diverged_network_are_taken_as_they_are(given, value, net):
    state = {name: array.astype(given) for name, array in net.state_dict().items()}
    state["0.weight"][1, 0, 2, 1] = value
    net.load_state_dict(state)
    assert np.array_equal(net.state_dict()["0.weight"], state["0.weight"], equal_nan=True)


def test_a_parameter_that_is_no_array_is_named(net):
    with pytest.raises(ValueError, match=r"0\.bias cannot be read as an array"):
        net.load_state_dict(net.state_dict() | {"0.bias": [[1.0], [1.0, 2.0]]})


@pytest.mark.parametrize("state", [None, [], {"0.bias": None}, {"0.bias": ["a"] * 3}])
def test_a_state_must_hold_numbers_by_name(net, state):
    with pytest.raises(TypeError):
        net.load_state_dict(state if not isinstance(state, dict) else net.state_dict() | state)


# Showing


def test_a_summary_counts_parameters_and_multiply_adds():
    """6 maps of 24 x 24 from kernels of 25, then 10 outputs from 6 maps of 12 x 12."""
    net = Network.from_spec("6c5-2s-10o", input_shape=(1, 28, 28))
    summary = net.summary()
    assert [layer.output_shape for layer in summary.layers] == [(6, 24, 24), (6, 12, 12), (10,)]
    assert [layer.parameters for layer in summary.layers] == [6 * 26, 0, 10 * (6 * 144 + 1)]
    assert [layer.multiply_adds for layer in summary.layers][::2] == [6 * 576 * 25, 10 * 864]
    assert summary.parameters == sum(array.size for array in net.state_dict().values())


def test_a_summary_prints_as_a_table():
    lines = str(Network.from_spec("6c5-2s-10o", input_shape=(1, 28, 28)).summary()).splitlines()
    assert lines[0].split() == ["layer", "output", "shape", "parameters", "multiply-adds"]
    assert lines[3].split()[-7:] == ["6", "x", "24", "x", "24", "156", "86,400"]
    assert lines[-2].split()[:2] == ["total", "8,806"]
    assert lines[-1].startswith("memory: 70.4 kB for parameters, ")
    assert max(map(len, lines)) <= 100


def test_a_repr_is_what_makes_the_network():
    net = make(optimizer=SGD(lr=0.5), seed=7, dtype="float64", initializer=He("uniform"))
    again = eval(repr(net), globals() | vars(losses))
    assert again.definition == net.definition
    assert again.optimizer == net.optimizer
