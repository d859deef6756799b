"""Options that the network's dtype cannot hold: infinite there, or 0 where they are not."""

import numpy as np
import pytest

from claims import assert_refused, assert_same_bits
from cnnbp import Network, losses, optim, summarize
from cnnbp import layers as L  # noqa: N812
from cnnbp.initializers import Constant, Orthogonal

REFUSED = [
    ({"optimizer": optim.SGD(1e39)}, ("lr is 1e+39",)),
    ({"optimizer": optim.Adam(weight_decay=1e300)}, ("weight_decay is 1e+300",)),
    ({"optimizer": optim.RMSprop(eps=1e-50)}, ("eps is 1e-50", "apart from 0")),
    ({"optimizer": optim.SGD(1e30, lr_scales={"0": 1e10})}, ("lr_scales['0']", "1e+40")),
    ({"initializer": Constant(1e300)}, ("value is 1e+300",)),
    ({"initializer": Orthogonal(-1e39)}, ("gain is -1e+39",)),
    ({"loss": losses.CrossEntropy(class_weights=[1e50, 1, 1])}, ("class_weights is 1e+50",)),
    ({"loss": losses.CrossEntropy(class_weights=[1, 1, 1e-50])}, ("class_weights is 1e-50",)),
    ({"loss": losses.CrossEntropy(class_weights=[1, 1, 1e-40])}, ("class_weights is 1e-40",)),
    ({"loss": losses.BCEWithLogits(pos_weight=[1e39, 1, 1])}, ("pos_weight is 1e+39",)),
    ({"loss": losses.Hinge(1e300)}, ("margin is 1e+300",)),
    ({"loss": losses.Huber(1e-50)}, ("delta is 1e-50", "apart from 0")),
    ({"layers": [L.Softplus(1e-50)]}, ("layer 0 (", "parameter is 1e-50", "apart from 0")),
    ({"layers": [L.Residual([L.Softplus(1e39)])]}, ("layer 0.body.0 (", "1e+39")),
    ({"layers": [L.Concat([[L.ReLU()], [L.LeakyReLU(1e39)]])]}, ("layer 0.branches.1.0", "1e+39")),
    ({"layers": [L.CombineConv2d(2, 1, sparsity=1e39)]}, ("layer 0 (", "sparsity is 1e+39")),
]


def arguments(options):
    """A network of three outputs that begins with the layers."""
    layers = [*options.get("layers", []), L.Linear(3)]
    return {"input_shape": (2, 1, 1)} | options | {"layers": layers}


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=str)
def test_what_float32_cannot_hold_is_refused_by_name_and_float64_takes_it(options, words):
    assert_refused(lambda: Network(**arguments(options)), (*words, "float32 holds"))
    Network(**arguments(options), dtype="float64")


@pytest.mark.parametrize(
    ("options", "words"), [case for case in REFUSED if "initializer" not in case[0]], ids=str
)
def test_a_summary_is_refused_for_the_same(options, words):
    assert_refused(lambda: summarize(**arguments(options)), (*words, "float32 holds"))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_class_that_counts_as_0_is_refused_in_either_type(kind):
    """Numbers this small are 0 in a step, and so would be the loss."""
    weights = [float(np.finfo(kind).smallest_subnormal)] * 3
    given = arguments({"loss": losses.CrossEntropy(class_weights=weights)})
    assert_refused(lambda: Network(**given, dtype=kind), ("class_weights", f"{kind} holds"))


def test_a_network_refuses_them_later_too_and_stays_as_it_was():
    net = Network([L.Linear(3)], input_shape=(2, 1, 1), optimizer=optim.SGD(0.1, momentum=0.9))
    twin = Network([L.Linear(3)], input_shape=(2, 1, 1), optimizer=optim.SGD(0.1, momentum=0.9))
    x, y = np.ones((4, 2, 1, 1), np.float32), np.zeros((4, 3), np.float32)
    for each in (net, twin):
        each.train_step(x, y)

    def assign():
        net.optimizer = optim.SGD(1e39)

    assert_refused(assign, ("lr is 1e+39", "float32 holds"))
    assert_refused(
        lambda: net.initialize("0.weight", Constant(1e39)), ("value is 1e+39", "float32 holds")
    )
    assert_refused(
        lambda: net.fit(x, y, schedule=optim.schedules.LambdaLR(lambda _: 1e40), progress=False),
        ("lr is 1.", "e+39", "float32 holds"),
    )
    assert net.optimizer == twin.optimizer
    for each in (net, twin):
        each.train_step(x, y)
    assert_same_bits(net.state_dict(), twin.state_dict())


@pytest.mark.parametrize(
    "options",
    [
        {"loss": losses.Huber(1e39)},
        {"loss": losses.BCEWithLogits(pos_weight=[1e-50, 0, 1])},
        {"loss": losses.CrossEntropy(class_weights=[0, 1, 1e38])},
        {"optimizer": optim.SGD(1e-50, clip_value=1e39)},
        {"optimizer": optim.RMSprop(eps=0)},
        {"initializer": Constant(1e-50)},
        {"layers": [L.LeakyReLU(1e-50)]},
    ],
    ids=str,
)
def test_what_is_as_good_as_infinity_or_0_is_taken(options):
    Network(**arguments(options))
