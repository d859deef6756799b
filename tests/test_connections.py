"""``Conv2d(connections=…)``: output maps that see some of the input maps."""

import json
from dataclasses import replace

import numpy as np
import pytest

from claims import assert_refused, assert_same_bits, integers
from cnnbp import Network, check_gradients, set_num_threads
from cnnbp.definition import Definition
from cnnbp.layers import LENET5_CONNECTIONS, Conv2d, Linear, Subsample2d
from trajectories import KINDS

#: Maps 0 to 3 see one, two, three and all of five inputs; input 4 is seen by the last alone.
TABLE = np.array([[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [1, 0, 1, 1, 0], [1, 1, 1, 1, 1]], bool)


def connected(dtype, connections=TABLE, **options) -> Network:
    layers = [
        Conv2d(5, 3, activation="tanh"),
        Conv2d(4, 2, connections=connections, activation="tanh"),
        Linear(3),
    ]
    return Network(layers, input_shape=(2, 7, 8), dtype=np.dtype(dtype).name, **options)


def samples(rng, count=19):
    return rng.standard_normal((count, 2, 7, 8)), rng.integers(0, 3, count)


def test_the_table_of_lenet_5_is_that_of_the_paper():
    """Columns of table I: six maps see three neighbours, nine see four, one sees all."""
    table = LENET5_CONNECTIONS.array()
    assert table.shape == (16, 6)
    assert table.sum(axis=1).tolist() == [3] * 6 + [4] * 9 + [6]
    assert table.sum(axis=0).tolist() == [10] * 6
    assert len({row.tobytes() for row in table}) == 16


def test_lenet_5_has_the_papers_parameters_layer_by_layer():
    """Section II.B: 156 to 10,164 of C1 to F6, 60,000 together; C3 has 60 kernels of 25."""
    layers = [
        *(Conv2d(6, 5), Subsample2d(2)),
        *(Conv2d(16, 5, connections=LENET5_CONNECTIONS), Subsample2d(2)),
        *(Conv2d(120, 5), Linear(84)),
    ]
    summary = Network(layers, input_shape=(1, 32, 32)).summary()
    c3 = summary.layers[2]
    parameters = [line.parameters for line in summary.layers]
    assert parameters == [156, 12, 1_516, 32, 48_120, 10_164]
    assert c3.multiply_adds == 60 * 25 * 10 * 10
    assert c3.layer == "Conv2d(16, 5, connections=60 of 96)"


def test_a_step_is_that_of_all_connections_with_weights_of_zero(dtype, rng):
    net, full = connected(dtype), connected(dtype, None)
    full.load_state_dict(net.state_dict())
    x, y = samples(rng)
    trace, expected = net.trace(x, y), full.trace(x, y)
    assert trace.pop("loss") == expected.pop("loss")
    gradient = expected["1.gradient.weight"]
    expected["1.gradient.weight"] = np.where(
        TABLE[:, :, None, None], gradient, gradient.dtype.type(0)
    )
    assert_same_bits(trace, expected)


def test_each_map_is_the_sum_over_its_own_inputs_exactly(dtype, rng):
    """On integers, with kernels of one pixel: ``u_j`` is a matrix product."""
    layer = Conv2d(4, 1, connections=TABLE, bias=False)
    net = Network([layer], input_shape=(5, 3, 4), dtype=dtype.name)
    weight = integers(rng, (4, 5, 1, 1), dtype)
    net.load_state_dict({"0.weight": weight})
    x = integers(rng, (19, 5, 3, 4), dtype)
    masked = np.where(TABLE, weight[:, :, 0, 0], 0)
    assert np.array_equal(net.predict(x), np.einsum("oi,niyx->noyx", masked, x))


def test_weights_that_are_not_there_stay_at_zero(dtype, rng):
    net = connected(dtype)
    for _ in range(5):
        net.train_step(*samples(rng))
    net.load_state_dict({name: array + 1 for name, array in net.state_dict().items()})
    weight = net.state_dict()["1.weight"]
    assert not weight[~TABLE].any()
    assert weight[TABLE].all()


@pytest.mark.parametrize("rule", [replace(r, ema_decay=0.9) for r in KINDS], ids=str)
def test_no_state_from_a_file_moves_weights_that_are_not_there(rule, dtype, tmp_path, rng):
    """A file may hold velocities and means for them, though training gives them none."""
    net, path = connected(dtype, optimizer=rule), tmp_path / "net.npz"
    net.train_step(*samples(rng))
    net.save(path)
    with np.load(path) as members:
        arrays = {
            name: array + 1 if name.startswith("optimizer/") else array
            for name, array in members.items()
        }
    np.savez(path, **arrays)
    again = Network.load(path)
    for _ in range(3):
        again.train_step(*samples(rng))
    assert not again.state_dict()["1.weight"][~TABLE].any()
    assert not again.averaged().state_dict()["1.weight"][~TABLE].any()


def test_gradients_agree_with_differences(rng):
    result = check_gradients(connected("float64"), *samples(rng, 3))
    assert result.ok, result


def test_the_bits_are_the_same_for_any_number_of_threads(dtype, rng):
    data, states = samples(rng, 37), []
    for threads in (1, 2, 3, 4):
        set_num_threads(threads)
        net = connected(dtype, loss="cross_entropy")
        for _ in range(3):
            net.train_step(*data)
        states.append(net.state_dict())
    for state in states[1:]:
        assert_same_bits(state, states[0])


def test_a_saved_network_keeps_its_table(tmp_path, rng):
    net = connected("float32")
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    assert again.layers == net.layers
    x, y = samples(rng)
    assert again.train_step(x, y) == net.train_step(x, y)
    assert_same_bits(again.state_dict(), net.state_dict())


def test_the_definition_is_plain_data():
    definition = connected("float32").definition
    assert Definition.from_dict(json.loads(json.dumps(definition.to_dict()))) == definition


@pytest.mark.parametrize(
    ("connections", "words"),
    [
        (TABLE.astype(int), ("connections", "bool", "int64")),
        (TABLE[:3], ("connections", "(4, in_channels)", "(3, 5)")),
        (TABLE[0], ("connections", "(4, in_channels)", "(5,)")),
        (TABLE & (np.arange(4) != 2)[:, None], ("connections", "output channel 2")),
        ([[True, False], [True]], ("connections", "array")),
    ],
    ids=["integers", "too-few-rows", "one-row", "a-map-without-inputs", "unequal-rows"],
)
def test_a_table_that_cannot_be_is_refused_at_once(connections, words):
    assert_refused(lambda: Conv2d(4, 2, connections=connections), words)


def test_a_table_of_other_inputs_is_refused_by_the_layers_name():
    assert_refused(
        lambda: connected("float32", TABLE[:, [0, 1, 2, 4]] | True),
        ("layer 1 (Conv2d)", "connections", "(4, 4)", "(4, 5)"),
    )


def test_a_table_and_groups_are_refused_together():
    layer = Conv2d(4, 2, groups=2, connections=np.ones((4, 4), bool))
    assert_refused(
        lambda: Network([layer], input_shape=(4, 5, 5)), ("layer 0 (Conv2d)", "groups 2")
    )
