"""``cnntrain``, ``cnnapplygrads`` and ``cnntest`` beyond the toolbox's numbers: order, options."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from cnnbp.toolbox import Options, cnnapplygrads, cnnbp, cnnff, cnntest, cnntrain
from toolbox_golden import golden


@pytest.fixture
def run():
    return golden("random_rect_3c3_3s_5c3")


def weights(net) -> list[np.ndarray]:
    parts = [array for layer in net.layers if layer.type == "c" for array in (layer.k, layer.b)]
    return [*parts, net.ffW, net.ffb]


def same(first, second) -> bool:
    return all(map(np.array_equal, weights(first), weights(second)))


def test_each_epoch_visits_the_samples_in_an_order_of_its_own(run):
    options = Options(alpha=1, batchsize=2, numepochs=2)
    rng = np.random.default_rng(7)
    batches = [batch for _ in range(2) for batch in rng.permutation(6).reshape(3, 2)]
    shuffled = cnntrain(run.net(), run.x, run.y, options, seed=7)
    assert same(shuffled, cnntrain(run.net(), run.x, run.y, options, batches=batches))
    assert not same(shuffled, cnntrain(run.net(), run.x, run.y, options, seed=8))


def test_the_smoothed_loss_begins_with_the_first_batchs_loss(run):
    net = cnntrain(run.net(), run.x, run.y, Options(batchsize=2, numepochs=2), seed=0)
    assert net.rL.shape == (1 + 2 * 3,)
    assert net.rL[1] == pytest.approx(net.rL[0], rel=1e-15)


def test_options_may_be_a_mapping_or_a_namespace(run):
    trained = [
        cnntrain(run.net(), run.x, run.y, options, seed=0)
        for options in (
            Options(alpha=0.5, batchsize=3),
            {"alpha": 0.5, "batchsize": 3},
            SimpleNamespace(alpha=0.5, batchsize=3),
        )
    ]
    assert same(trained[0], trained[1])
    assert same(trained[0], trained[2])


def test_no_function_changes_the_net_it_is_given(run):
    net = run.first_pass()
    before = [array.copy() for array in (*weights(net), net.o, net.dffW, net.layers[1].a)]
    cnnff(net, run.x)
    cnnbp(net, run.y[:, run.batches[0]])
    cnnapplygrads(net, Options())
    cnntrain(net, run.x, run.y, Options(batchsize=3))
    after = [*weights(net), net.o, net.dffW, net.layers[1].a]
    assert all(map(np.array_equal, before, after))


def test_more_samples_than_one_chunk_are_all_tested(run):
    """1,003 samples: the six of the run over and over, each read as before."""
    net, repeats = run.net(run.after), np.arange(1003) % 6
    er, bad = cnntest(net, run.x[:, :, repeats], run.y[:, repeats])
    assert np.array_equal(bad, np.flatnonzero(np.isin(repeats, run.bad)))
    assert er == bad.size / 1003


def test_a_batch_size_that_does_not_divide_the_samples_is_refused(run):
    with pytest.raises(ValueError, match=r"got 6 samples in batches of 4, which is 1\.5 batches"):
        cnntrain(run.net(), run.x, run.y, Options(batchsize=4))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"alpha": np.nan}, ValueError, "opts.alpha must be a finite real number, got nan"),
        ({"alpha": "1"}, TypeError, "opts.alpha must be a number, got '1'"),
        ({"batchsize": 0}, ValueError, "opts.batchsize must be at least 1, got 0"),
        ({"batchsize": 2.0}, TypeError, "opts.batchsize must be an integer, got 2.0"),
        ({"numepochs": -1}, ValueError, "opts.numepochs must be at least 1, got -1"),
        ({"epochs": 1}, TypeError, "epochs"),
        (3, TypeError, "opts must be Options, a mapping or a SimpleNamespace, got 3"),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(run, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        cnntrain(run.net(), run.x, run.y, options)


@pytest.mark.parametrize(
    ("batches", "error", "message"),
    [
        ([], ValueError, "batches must hold at least one batch"),
        ([[0, 1], [5, 6]], ValueError, "batches[1] must be a row of sample numbers from 0 to 5"),
        ([[-1]], ValueError, "batches[0] must be a row of sample numbers from 0 to 5"),
        ([[[0]]], ValueError, "batches[0] must be a row"),
        ([[0.5]], TypeError, "batches[0] must hold integers, got dtype float64"),
        ([[True]], TypeError, "batches[0] must hold integers, got dtype bool"),
    ],
    ids=str,
)
def test_batches_that_name_no_samples_are_refused(run, batches, error, message):
    with pytest.raises(error, match=re.escape(message)):
        cnntrain(run.net(), run.x, run.y, Options(), batches=batches)


@pytest.mark.parametrize("function", [cnntest, lambda *given: cnntrain(*given, Options())])
def test_images_and_targets_of_different_numbers_are_refused(run, function):
    with pytest.raises(ValueError, match=r"got x of shape \(20, 14, 6\) and y of shape \(\d, 5\)"):
        function(run.net(), run.x, run.y[:, :5])


def test_targets_of_other_classes_are_refused(run):
    with pytest.raises(ValueError, match=r"a row for each of the net's 4 classes, got \(3, 6\)"):
        cnntest(run.net(), run.x, run.y[:3])


def test_gradients_must_be_there_to_be_applied(run):
    with pytest.raises(ValueError, match=r"net has no dffW, dffb, .* call net = cnnbp"):
        cnnapplygrads(run.net(), Options())
