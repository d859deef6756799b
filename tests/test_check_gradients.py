"""``cnnbp.check_gradients``: it passes right gradients, finds wrong ones and steps over kinks."""

import numpy as np
import pytest

from cnnbp import Network, check_gradients, data
from cnnbp.definition import Definition
from cnnbp.gradients import Probe
from cnnbp.layers import (
    AvgPool2d,
    BatchNorm2d,
    CombineConv2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Softmax,
    Subsample2d,
    Tanh,
)

NETWORKS = {
    "sigmoid and mean pooling": [
        Conv2d(3, 3, activation="sigmoid"),
        AvgPool2d(2),
        Linear(5, activation="sigmoid"),
        Linear(4),
    ],
    "every option of a convolution": [
        Conv2d(4, (3, 2), stride=(1, 2), padding=((2, 1), (0, 3)), dilation=(2, 1), groups=2),
        Tanh(),
        Conv2d(2, 3, padding="same", bias=False, activation="softmax"),
        Linear(4),
    ],
    "overlapping windows": [
        AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        Conv2d(3, 2, activation="tanh"),
        MaxPool2d(3, stride=1, padding=1),
        Linear(4),
    ],
    "trainable subsampling": [
        Subsample2d((1, 2), activation="sigmoid"),
        Subsample2d((3, 1)),
        Subsample2d((1, 2), activation="tanh"),
        Linear(4),
    ],
    "learned combinations": [
        CombineConv2d(4, (3, 2), padding=1, activation="tanh", sparsity=0.5),
        CombineConv2d(3, 3, stride=2, bias=False, activation="sigmoid"),
        Linear(4),
    ],
    "transposed": [
        Conv2d(4, 3, stride=2, activation="tanh"),
        ConvTranspose2d(2, (3, 2), stride=(2, 1), padding=(0, 1), output_padding=1, dilation=2),
        ConvTranspose2d(2, 2, groups=2, bias=False, activation="sigmoid"),
        Linear(4),
    ],
    "kinks": [
        Conv2d(3, 3, activation="relu"),
        MaxPool2d(2),
        Flatten(),
        Linear(6),
        ReLU(),
        Linear(4),
    ],
}


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_gradients_of_every_layer_agree_with_differences(layers, loss, rng):
    net = Network(layers, input_shape=(2, 9, 8), loss=loss)
    result = check_gradients(net, rng.standard_normal((3, 2, 9, 8)), [0, 3, 1])
    assert result.ok, result
    assert [array.name for array in result.arrays] == [*net.state_dict(), "input"]
    sizes = [array.size for array in net.state_dict().values()]
    assert [array.entries + array.kinks for array in result.arrays] == [*sizes, 3 * 2 * 9 * 8]


def test_softmax_as_the_output_agrees_with_differences(rng):
    net = Network([Linear(4), Softmax()], input_shape=(1, 3, 3))
    result = check_gradients(net, rng.standard_normal((3, 3, 3)), rng.random((3, 4)))
    assert result.ok, result


def test_the_network_is_not_changed(rng):
    net = Network(NETWORKS["kinks"], input_shape=(2, 9, 8))
    before = net.state_dict()
    check_gradients(net, rng.random((2, 2, 9, 8)), [0, 1], entries=3)
    assert all(np.array_equal(before[name], array) for name, array in net.state_dict().items())
    assert not any(array.any() for array in net.gradient_dict().values())


def test_bytes_are_checked_on_the_scale_they_are_trained_on(rng):
    net = Network(NETWORKS["sigmoid and mean pooling"], input_shape=(2, 9, 8))
    images = rng.integers(0, 256, (2, 2, 9, 8), dtype=np.uint8)
    assert check_gradients(net, images, [0, 1], entries=20).ok


def test_some_entries_are_enough_if_asked(rng):
    net = Network(NETWORKS["kinks"], input_shape=(2, 9, 8))
    result = check_gradients(net, rng.random((2, 2, 9, 8)), [0, 1], entries=5)
    sizes = [array.entries + array.kinks for array in result.arrays]
    assert sizes == [5, 3, 5, 5, 5, 4, 5]


def new_relu_network():
    """A network whose first biases, 0, are all at kinks behind images of black background."""
    layers = [Conv2d(6, 5, activation="relu"), MaxPool2d(2), Linear(10)]
    net = Network(layers, input_shape=(1, 28, 28), loss="cross_entropy")
    digits = data.digits()
    return net, digits.x_test[:2], digits.y_test[:2]


def off_by(amount, name, monkeypatch):
    """Make every network that is built from now on add ``amount`` to the gradient of ``name``."""

    class Off:
        def __init__(self, core):
            self._core = core

        def __getattr__(self, attribute):
            return getattr(self._core, attribute)

        def gradients(self):
            gradients = self._core.gradients()
            gradients[name] += amount
            return gradients

    build = Definition.build
    monkeypatch.setattr(Definition, "build", lambda *arguments: Off(build(*arguments)))


def test_biases_at_kinks_are_checked_with_parameters_moved_off_them():
    result = check_gradients(*new_relu_network(), entries=30)
    assert result.ok, result
    bias = result.arrays[1]
    assert (bias.name, bias.moved, bias.entries, bias.kinks) == ("0.bias", True, 6, 0)
    assert [array.moved for array in result.arrays] == [False, True, False, False, False]
    assert result.unchecked == ()
    lines = str(result).splitlines()
    assert lines[0] == "gradients agree within 1e-06"
    assert lines[2].endswith("6 entries  ok, with parameters moved off the kinks")


@pytest.mark.parametrize("name", ["0.weight", "0.bias", "2.weight", "2.bias"])
def test_a_wrong_gradient_disagrees_at_kinks_too(name, monkeypatch):
    samples = new_relu_network()
    off_by(1e-3, name, monkeypatch)
    result = check_gradients(*samples, entries=30)
    assert not result
    assert [array.name for array in result.arrays if array.wrong] == [name]
    assert str(result).startswith("gradients DISAGREE within 1e-06\n")
    assert str(result).count("WRONG") == 1


#: Every window of pooling is a tie, wherever the parameters are.
TIES = np.zeros((2, 1, 4, 4))


def test_what_cannot_be_checked_is_named_and_not_held_against_the_rest(monkeypatch):
    net = Network([MaxPool2d(2), Linear(3)], input_shape=(1, 4, 4))
    result = check_gradients(net, TIES, [0, 1])
    assert result.ok
    assert result.unchecked == ("input",)
    assert str(result).startswith("gradients agree within 1e-06; NOT CHECKED: input\n")
    assert "NOT CHECKED: kinks of the loss everywhere" in str(result).splitlines()[-1]
    off_by(1e-3, "1.bias", monkeypatch)
    result = check_gradients(net, TIES, [0, 1])
    assert not result.ok
    assert str(result).startswith("gradients DISAGREE within 1e-06; NOT CHECKED: input\n")


def test_nothing_checked_is_no_pass_and_no_disagreement():
    net = Network([MaxPool2d(2), Flatten()], input_shape=(1, 4, 4))
    result = check_gradients(net, TIES, np.ones((2, 4)))
    assert not result.ok
    assert str(result).startswith("gradients NOT CHECKED: there is a kink of the loss at every")
    assert "DISAGREE" not in str(result)


def checked(values, gradient, loss_with, **options):
    """The result for a function whose gradient is claimed to be ``gradient``."""
    values, gradient = np.array(values, np.float64), np.array(gradient, np.float64)
    probe = Probe("p", values, gradient, float(loss_with(values)), loss_with)
    return probe.check(**({"epsilon": 1e-4, "tolerance": 1e-6, "entries": None} | options))


def cubes(values):
    return (values**3).sum()


def test_one_wrong_entry_is_found_and_named():
    """The gradient of Σ p³ is 3 p²; the step and the curvature leave an error of ε² = 10⁻⁸."""
    values = np.array([[1.0, 2.0], [0.5, -1.0]])
    gradient = 3 * values**2
    assert checked(values, gradient, cubes).ok
    gradient[1, 0] += 1e-4
    result = checked(values, gradient, cubes)
    assert not result.ok
    assert result.worst == (1, 0)
    assert result.kinks == 0
    assert result.max_error == pytest.approx(1e-4 / 12, rel=1e-2)
    assert "WRONG" in result.verdict


def test_a_gradient_that_is_missing_is_found():
    assert not checked([1.0, 2.0], [0.0, 0.0], cubes).ok


def test_a_gradient_of_zero_is_right_where_nothing_changes():
    result = checked([1.0, 2.0], [0.0, 0.0], lambda values: 0.7)
    assert result.ok
    assert result.max_error == 0


@pytest.mark.parametrize("place", [0.0, 3e-5, -9e-5, 2e-6, 9.5e-7, -1e-12])
def test_a_kink_is_not_taken_for_an_error(place):
    """|p| at or near 0, beside a smooth entry: it is left out, or resolved by a smaller step."""
    values = np.array([place, 2.0])
    right = np.array([np.sign(place), 12.0])
    result = checked(values, right, lambda v: abs(v[0]) + v[1] ** 3)
    assert result.ok, result


def test_a_kink_that_the_last_step_leaves_outside_explains_no_error():
    result = checked([5e-6], [1.3], lambda values: abs(values[0]))
    assert (result.wrong, result.kinks) == (True, 0)


def test_only_kinks_are_not_a_pass():
    result = checked([0.0, 0.0], [0.0, 0.0], lambda values: np.maximum(values, 0).sum())
    assert (result.entries, result.kinks, result.ok) == (0, 2, False)
    assert "NOT CHECKED" in result.verdict


def test_strong_curvature_is_not_a_kink():
    """A wrong gradient must not hide behind slopes that differ because the function bends."""
    result = checked([0.0, 1.0], [0.3, 2.0], lambda v: 1e3 * v[0] ** 2 + v[1] ** 2)
    assert not result.ok
    assert result.kinks == 0


def bent(values):
    """A curve that bends within some steps: at 1e-6 the curvature's part is 1.9e-6 of its slope."""
    return 3e-4 * np.sin(values / 3e-4).sum()


@pytest.mark.parametrize("place", [0.0, 1e-4, -2e-4, 5e-4])
def test_large_curvature_makes_no_right_gradient_wrong(place):
    result = checked([place], [np.cos(place / 3e-4)], bent)
    assert (result.ok, result.kinks) == (True, 0)


@pytest.mark.parametrize("factor", [1.00001, 0.99999, 1.000003, 0.999997, -1.0, 0.0, 2.0])
@pytest.mark.parametrize("place", [0.0, 1e-4, -2e-4])
def test_large_curvature_hides_no_wrong_gradient(place, factor):
    result = checked([place], [factor * np.cos(place / 3e-4)], bent)
    assert (result.wrong, result.kinks) == (True, 0)


def test_large_curvature_hides_no_wrong_entry():
    values = np.array([0.0, 1e-4, -2e-4])
    gradient = np.cos(values / 3e-4)
    gradient[1] += 1e-5
    result = checked(values, gradient, bent)
    assert (result.wrong, result.worst) == (True, (1,))
    assert result.max_error == pytest.approx(1e-5, rel=0.01)


def test_a_kink_within_a_step_is_not_taken_for_curvature():
    """|p| at 5e-6: the differences are 0.05, 0.5 and 1, and lead nowhere."""
    claimed = 1 + (1 - 0.5) / 99
    assert checked([5e-6], [claimed], lambda values: abs(values[0])).wrong


def small_weight_before_batch_norm():
    """A network where the loss bends within 10⁻³ of a weight, and samples for it."""
    rng = np.random.default_rng(0)
    layers = [Conv2d(1, 1, bias=False), BatchNorm2d(), Linear(3)]
    net = Network(layers, input_shape=(1, 6, 6), loss="cross_entropy", dtype="float64")
    net.load_state_dict(net.state_dict() | {"0.weight": np.full((1, 1, 1, 1), 5e-4)})
    return net, rng.standard_normal((8, 1, 6, 6)), rng.integers(0, 3, 8)


@pytest.mark.parametrize("epsilon", [1e-4, 3e-5, 1e-5])
def test_a_small_weight_before_batch_norm_has_a_right_gradient(epsilon):
    result = check_gradients(*small_weight_before_batch_norm(), epsilon=epsilon, entries=4)
    assert result.ok, result


@pytest.mark.parametrize("error", [1e-5, -1e-5, -2.0, -1.0])
def test_a_small_weight_before_batch_norm_has_no_wrong_gradient(error, monkeypatch):
    samples = small_weight_before_batch_norm()
    exact = checked_gradient(*samples)
    off_by(error * exact, "0.weight", monkeypatch)
    result = check_gradients(*samples, entries=4)
    assert [array.name for array in result.arrays if array.wrong] == ["0.weight"]


def checked_gradient(net, x, y):
    """The gradient of the first weight, as the network has it."""
    net.accumulate_gradients(x, y)
    return net.gradient_dict()["0.weight"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"epsilon": 0}, ValueError),
        ({"epsilon": 1e-12}, ValueError),  # all differences are rounding, and none is wrong
        ({"epsilon": "small"}, TypeError),
        ({"tolerance": -1e-6}, ValueError),
        ({"entries": 0}, ValueError),
        ({"entries": 2.5}, TypeError),
    ],
)
def test_a_wrong_argument_is_refused_by_name(options, error):
    net = Network([Linear(2)], input_shape=(1, 2, 2))
    with pytest.raises(error, match=next(iter(options))):
        check_gradients(net, np.ones((1, 2, 2)), [0], **options)
