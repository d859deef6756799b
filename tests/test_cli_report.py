"""What a report of a training makes of outputs and losses: in words, in JSON and in its picture."""

from dataclasses import replace

import numpy as np
import pytest

import cnnbp
from cnnbp import data
from cnnbp.cli import wording
from cnnbp.cli.illustration import make_overview
from cnnbp.cli.plan import Beginning
from cnnbp.cli.report import Report


def report_of(outputs, truth, loss):
    """Of a network that was trained on nothing and gave `outputs` for images of these classes."""
    outputs, truth = np.array(outputs), np.array(truth)
    images = np.zeros((len(truth), 1, 5, 5), np.uint8)
    dataset = data.Dataset.from_arrays(images, truth, images, truth, name="few", source="")
    plan = Beginning(name="few", title="Few", spec="", epochs=1, batch_size=1, loss=loss)
    layers = [cnnbp.layers.Linear(outputs.shape[1])]
    rule = cnnbp.optim.SGD(lr=1.0)
    network = cnnbp.Network(layers, input_shape=(1, 5, 5), loss=loss, optimizer=rule)
    figures = {"truth": truth, "outputs": outputs, "loss": 1.0, "accuracy": 0.0}
    return Report(
        plan=plan, network=network, data=dataset, seconds=0.0, interrupted=False, **figures
    )


def history(batches, *epochs):
    """Of a training whose first batches and epochs had these losses."""
    figures = {"seconds": 1, "images_per_second": 3, "lr": 1, "last_lr": 1}
    made = [cnnbp.training.Epoch(i + 1, loss=loss, **figures) for i, loss in enumerate(epochs)]
    return cnnbp.training.History(made, batches)


def test_the_surest_mistakes_are_those_of_the_highest_probability():
    # The second leads its true class by more, but shares its probability with a third class.
    outputs = [[3.0, 1.0, 0.0], [5.0, 0.0, 4.9], [1.0, 2.0, 0.0], [0.0, 9.0, 0.0]]
    report = report_of(outputs, [1, 1, 0, 1], "cross_entropy")
    assert report.misread.tolist() == [0, 2, 1]
    assert (np.diff(report.confidence[report.misread]) < 0).all()


def test_without_probabilities_they_are_those_furthest_ahead_of_the_truth():
    report = report_of([[0.9, 0.6], [0.7, 0.1], [0.1, 0.9]], [1, 1, 1], "mse")
    assert report.misread.tolist() == [1, 0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_outputs_that_are_not_finite_are_read_as_no_class(loss, value):
    """Not as that of the first NaN, by which images of class 0 would be read right."""
    report = report_of(np.full((3, 2), value), [1, 0, 1], loss)
    assert report.to_dict()["test"] | {"loss": 0} == {
        "loss": 0,
        "accuracy": 0.0,
        "misread": 0,
        "unread": 3,
        "confusions": [],
    }
    assert wording.result_line(report).startswith("0.0 %, 0 of 3 misread, 3 not read, after")
    assert wording.worst_confusions(report) == ["nothing was read"]
    (warning,) = wording.warnings(report)
    assert warning == "No class was read on 3 of 3 test images: outputs are not finite."


def test_an_image_whose_outputs_are_not_finite_hides_no_other():
    outputs = [[np.nan, 1.0], [2.0, 1.0], [0.0, 4.0], [1.0, np.nan]]
    report = report_of(outputs, [1, 1, 1, 0], "cross_entropy")
    assert (report.read.tolist(), report.misread.tolist()) == ([-1, 0, 1, -1], [1])
    assert wording.worst_confusions(report) == ["1 read as 0: 1 time"]
    title = "All 1 misread of 4 test images; 2 not read, as outputs are not finite"
    assert make_overview(report).misread.title == title


def test_what_is_read_as_its_class_is_what_the_accuracy_counts():
    logits = np.array([[0.0, np.inf], [0.0, 1.0], [-np.inf, 1.0], [0.0, np.nan], [1.0, 0.0]])
    net = cnnbp.Network([cnnbp.layers.Linear(2)], input_shape=(1, 1, 1), loss="cross_entropy")
    right = []
    for bias in logits:
        net.load_state_dict({"0.weight": np.zeros((2, 1)), "0.bias": bias})
        right.append(net.evaluate(np.zeros((1, 1, 1, 1), np.uint8), [1])["accuracy"])
    report = report_of(logits, [1] * 5, "cross_entropy")
    assert (report.read == 1).tolist() == right == [0, 1, 0, 0, 0]


def test_the_picture_of_a_training_that_diverged_says_so_and_what_to_try():
    report = report_of(np.full((3, 2), np.nan), [1, 0, 1], "cross_entropy")
    shown = make_overview(replace(report, loss=np.nan))
    assert shown.title == "Few diverged; try a lower rate, such as --lr 0.1"
    assert shown.misread.title == "None of 3 test images was read: the outputs are not finite"
    sound = replace(report, outputs=np.eye(2)[[1, 0, 0]], accuracy=2 / 3)
    assert make_overview(sound).title == "Few reads 66.7 % of the test images right"
    assert make_overview(sound).misread.title == "All 1 misread of 3 test images"
    sound.network.history = history([2.3], 5e9)
    assert make_overview(sound).title == "Few's loss grew; try a lower rate, such as --lr 0.1"


@pytest.mark.parametrize("loss", ["mse", "bce_with_logits"])
def test_one_output_is_read_as_evaluate_counts_it(loss):
    """As class 1 above ½, of logits above 0: the largest of one output is always the first."""
    values, truth = np.array([[0.7], [0.3], [-0.2], [5.0]]), [1, 0, 1, 0]
    net = cnnbp.Network([cnnbp.layers.Linear(1)], input_shape=(1, 1, 1), loss=loss)
    right = []
    for value, class_ in zip(values, truth, strict=True):
        net.load_state_dict({"0.weight": np.zeros((1, 1)), "0.bias": value})
        right.append(net.evaluate(np.zeros((1, 1, 1, 1), np.uint8), [class_])["accuracy"])
    report = report_of(values, truth, loss)
    assert (report.read == truth).tolist() == right
    assert report.misread[0] == 3  # the furthest on the wrong side


def test_the_probability_of_a_logit_is_its_sigmoid():
    """Of one output, of the side that was read."""
    sigmoid = 1 / (1 + np.exp(-np.array([3.0, 0.5])))
    report = report_of([[3.0], [-0.5]], [1, 0], "bce_with_logits")
    np.testing.assert_allclose(report.confidence, sigmoid)
    report = report_of([[-9.0, 3.0], [0.5, -9.0]], [1, 0], "bce_with_logits")
    np.testing.assert_allclose(report.confidence, sigmoid)


# How the training went


@pytest.mark.parametrize(
    ("batches", "epochs", "expected"),
    [
        ([2.3], [2.86], "The loss grew from 2.3000 to 2.8600;"),
        ([2.3, 9.0], [5e9, 4e9], "The loss grew from 2.3000 to 4.0e+09;"),
        ([2.3, 2.0], [0.4, 0.2, 1.9], "The loss grew from 0.4000 to 1.9000;"),
        ([2.3], [np.nan, 1200.0], "The loss grew from 2.3000 to 1.2e+03;"),
        ([2.3], [np.inf], "The training diverged, to a loss that is not finite;"),
        ([np.nan], [np.nan], "The training diverged, to a loss that is not finite;"),
    ],
)
def test_a_loss_that_grew_or_diverged_is_told_with_what_to_try(batches, epochs, expected):
    report = report_of(np.eye(2), [0, 1], "cross_entropy")
    report.network.history = history(batches, *epochs)
    assert wording.warnings(report) == [f"{expected} try a lower rate, such as --lr 0.1."]
    assert report.to_dict()["diverged"] == ("diverged" in expected)


@pytest.mark.parametrize(
    ("batches", "epochs"),
    [
        ([2.29], [2.3]),  # a rate too low for one epoch: to lower it would be the wrong advice
        ([2.29], [2.3, 2.31]),
        ([2.3], [2.0, 1.0, 1.05]),
        ([], []),
    ],
)
def test_a_loss_that_has_hardly_moved_did_not_grow(batches, epochs):
    report = report_of(np.eye(2), [0, 1], "cross_entropy")
    report.network.history = history(batches, *epochs)
    assert wording.warnings(report) == []
    assert not report.to_dict()["diverged"]


def test_a_training_that_was_stopped_in_its_first_epoch_may_have_diverged():
    report = replace(report_of(np.eye(2), [0, 1], "mse"), loss=np.nan)
    assert report.to_dict()["diverged"]
