"""Samples and states that a network refuses: the error names them, and nothing is changed."""

import dataclasses
import weakref
from collections.abc import Callable

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp import layers as L  # noqa: N812


def spoiled(x: np.ndarray, value: float = np.nan) -> np.ndarray:
    """The value in the middle of the sample of index 7."""
    x = x.copy()
    x[7].reshape(-1)[x[7].size // 2] = value
    return x


IMAGES = np.linspace(0, 1, 19 * 144, dtype=np.float32).reshape(19, 1, 12, 12)
LABELS = np.arange(19) % 4
TARGETS = np.eye(4)[LABELS]

#: What ``Network.train_step(x, y)`` and its kin must refuse, and the words of the error.
SAMPLES = {
    "images-of-another-size": (IMAGES[..., :11], LABELS, "x", "(19, 1, 12, 11)", "12, 12"),
    "images-of-other-channels": (
        IMAGES.repeat(3, axis=1), LABELS, "x", "(19, 3, 12, 12)", "1, 12, 12"
    ),
    "images-of-rank-2": (IMAGES[0, 0], LABELS, "x", "(12, 12)"),
    "images-of-objects": (IMAGES.astype(object), LABELS, "x", "object"),
    "images-of-integers": (IMAGES.astype(np.int64), LABELS, "x", "int64"),
    "images-of-text": (IMAGES.astype(str), LABELS, "x"),
    "no-samples": (IMAGES[:0], LABELS[:0], "x", "(0, 1, 12, 12)"),
    "nan-in-the-images": (spoiled(IMAGES), LABELS, "x", "NaN", "7"),
    "infinity-in-the-images": (spoiled(IMAGES, np.inf), LABELS, "x", "7"),
    "an-image-past-float32": (
        spoiled(IMAGES.astype(np.float64), 1e300), LABELS, "x", "1e+300", "7", "float32"
    ),
    "an-image-that-rounds-to-infinity": (
        spoiled(IMAGES.astype(np.float64), 3.4028236e38), LABELS, "x", "3.4028236e+38", "float32"
    ),
    "one-label-too-few": (IMAGES, LABELS[:-1], "y", "19", "18"),
    "label-past-the-classes": (IMAGES, LABELS + (np.arange(19) == 11), "y", "4"),
    "negative-label": (IMAGES, LABELS - (np.arange(19) == 11) * 10, "y", "-"),
    "label-past-counting": (IMAGES, np.full(19, 2**62), "y", str(2**62)),
    "labels-as-fractions": (IMAGES, LABELS + 0.5, "y", "float64"),
    "labels-of-objects": (IMAGES, LABELS.astype(object), "y", "object"),
    "targets-of-other-classes": (IMAGES, TARGETS[:, :3], "y", "(19, 3)", "4"),
    "targets-of-rank-3": (IMAGES, TARGETS[:, :, None, None, None], "y", "(19, 4, 1, 1, 1)"),
    "nan-in-the-targets": (IMAGES, spoiled(TARGETS), "y", "NaN", "7"),
    "infinity-in-the-targets": (IMAGES, spoiled(TARGETS, -np.inf), "y", "7"),
    "a-target-past-float32": (IMAGES, spoiled(TARGETS, 1e39), "y", "1e+39", "7", "float32"),
    "a-negative-target": (IMAGES, spoiled(TARGETS, -0.25), "y holds -0.25", "7", "cross_entropy"),
}  # fmt: skip


def half_trained() -> cnnbp.Network:
    """A network with velocities and accumulated gradients, the same bits at every call."""
    net = cnnbp.Network(
        [L.Conv2d(3, 5, activation="tanh"), L.MaxPool2d(2), L.Linear(4)],
        input_shape=(1, 12, 12),
        loss="cross_entropy",
        optimizer=cnnbp.optim.SGD(lr=0.1, momentum=0.9),
    )
    net.train_step(IMAGES, LABELS)
    net.accumulate_gradients(IMAGES, LABELS)
    return net


@pytest.fixture
def network() -> cnnbp.Network:
    return half_trained()


def assert_refused_unchanged(network: cnnbp.Network, call: Callable, words) -> None:
    """Parameters and gradients are those of an untouched twin; so are they after an update."""
    assert_refused(call, words)
    twin = half_trained()
    assert_same_bits(network.gradient_dict(), twin.gradient_dict())
    assert_same_bits(network.state_dict(), twin.state_dict())
    network.apply_gradients()
    twin.apply_gradients()
    assert_same_bits(network.state_dict(), twin.state_dict())


@pytest.mark.parametrize(
    "method", ["train_step", "accumulate_gradients", "evaluate", "trace", "fit"]
)
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_samples_are_refused_and_nothing_is_changed(network, method, sample):
    x, y, *words = sample
    options = {"progress": False, "batch_size": 4, "shuffle": False} if method == "fit" else {}
    call = getattr(network, method)
    assert_refused_unchanged(network, lambda: call(x, y, **options), words)


IMAGE_FAULTS = {name: (x, *words) for name, (x, _, *words) in SAMPLES.items() if "x" in words}


@pytest.mark.parametrize("fault", IMAGE_FAULTS.values(), ids=IMAGE_FAULTS.keys())
def test_predict_refuses_images(network, fault):
    x, *words = fault
    assert_refused_unchanged(network, lambda: network.predict(x), words)


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [
        ("float32", 3.4028234e38),
        ("float32", 3.4028235e38),  # as NumPy writes the largest; above it as float64
        ("float64", 1e308),
    ],
)
def test_the_largest_numbers_of_the_type_are_taken(dtype, largest):
    net = cnnbp.Network([L.Linear(1)], input_shape=(1, 1, 1), loss="mse", dtype=dtype)
    assert np.isfinite(net.predict(np.full((3, 1, 1, 1), largest))).all()
    assert net.evaluate(np.zeros((1, 1, 1, 1)), np.array([[largest]]))["loss"] > largest


#: What is done to a good state, and the words of the error.
STATES = {
    "a-weight-of-another-shape": (
        lambda state: state | {"0.weight": np.ones((3, 1, 5, 4))},
        "0.weight",
        "(3, 1, 5, 4)",
        "(3, 1, 5, 5)",
    ),
    "a-missing-weight": (
        lambda state: {name: state[name] for name in state if name != "2.bias"},
        "2.bias",
    ),
    "an-unknown-weight": (lambda state: state | {"3.weight": np.ones(1)}, "3.weight"),
    "a-weight-of-objects": (lambda state: state | {"2.bias": np.array([None] * 4)}, "2.bias"),
    "a-complex-weight": (lambda state: state | {"2.bias": np.ones(4, complex)}, "2.bias"),
    "no-mapping": (list, "list"),
}


@pytest.mark.parametrize("fault", STATES.values(), ids=STATES.keys())
def test_states_are_refused_whole(network, fault):
    change, *words = fault
    state = change(network.state_dict())
    assert_refused_unchanged(network, lambda: network.load_state_dict(state), words)


@pytest.mark.parametrize("scale", [np.nan, -np.inf, "1", None, True, 1e39], ids=repr)
def test_a_scale_of_gradients_that_is_none_is_refused(network, scale):
    """float32, the network's type, does not hold 1e39."""

    def call():
        network.accumulate_gradients(IMAGES, LABELS, scale=scale)

    assert_refused_unchanged(network, call, ("scale",))


@pytest.mark.parametrize("option", ["epochs", "batch_size"])
@pytest.mark.parametrize("value", [0, -1, 2**63, 1.5, "all", None], ids=repr)
def test_fit_refuses_counts_that_are_none(network, option, value):
    def call():
        network.fit(IMAGES, LABELS, progress=False, **{option: value})

    assert_refused_unchanged(network, call, (option,))


@pytest.mark.parametrize(
    "data",
    [(IMAGES,), (IMAGES, LABELS[:3]), (IMAGES[:, :, :5], LABELS), 3, (IMAGES, LABELS + 7)],
    ids=["no-labels", "too-few-labels", "another-size", "a-number", "labels-out-of-range"],
)
def test_fit_refuses_validation_data_before_it_trains(network, data):
    def call():
        network.fit(IMAGES, LABELS, validation_data=data, progress=False)

    assert_refused_unchanged(network, call, ("validation_data",))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (IMAGES, ("ndarray of shape (19, 1, 12, 12)",)),
        ((IMAGES,), ("tuple of length 1",)),
        ([IMAGES] * 4, ("list of length 4",)),
        ("both", ("str",)),
    ],
    ids=["an-array", "no-labels", "four", "text"],
)
def test_validation_data_that_are_no_pair_are_named_in_few_words(network, data, words):
    with pytest.raises(TypeError, match="must be a pair") as refused:
        network.fit(IMAGES, LABELS, validation_data=data, progress=False)
    assert all(word in str(refused.value) for word in words)
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lr", ("optimizer", "dataclasses.replace(net.optimizer, lr=…)")),
        ("momentum", ("dataclasses.replace(net.optimizer, momentum=…)",)),
        ("loss", ("make another with loss=…", "load_state_dict")),
        ("layers", ("make another with layers=…",)),
        ("optimiser", ("net.optimizer",)),
        ("output_shape", ("net.optimizer",)),
    ],
)
def test_what_is_no_attribute_cannot_be_set(network, name, words):
    with pytest.raises(AttributeError, match=f"cannot set '{name}' of a Network") as refused:
        setattr(network, name, 0.1)
    assert all(word in str(refused.value) for word in words)


def test_what_the_message_says_can_be_assigned(network):
    network.optimizer = dataclasses.replace(network.optimizer, lr=0.5)
    assert network.optimizer == cnnbp.optim.SGD(lr=0.5, momentum=0.9)
    with pytest.raises(TypeError, match="optimizer must be one of"):
        network.optimizer = 0.1


def test_a_class_that_inherits_may_have_attributes_of_its_own():
    class Named(cnnbp.Network):
        pass

    net = Named([L.Linear(2)], input_shape=(1, 2, 2))
    net.name = "mine"
    assert weakref.ref(net)().name == "mine"


def test_a_refused_network_trains_on(network):
    with pytest.raises(ValueError, match="NaN"):
        network.train_step(spoiled(IMAGES), LABELS)
    losses = [network.train_step(IMAGES, LABELS) for _ in range(20)]
    assert losses[-1] < losses[0]
