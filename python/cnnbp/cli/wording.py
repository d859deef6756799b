"""Sentences that every view shows, in ASCII."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnbp.cli.evaluation import Evaluation, loss_name
from cnnbp.cli.plan import Plan
from cnnbp.cli.report import Report
from cnnbp.cli.session import Environment
from cnnbp.data import Dataset
from cnnbp.data.dataset import Images
from cnnbp.network import Network
from cnnbp.training import Epoch

CONFUSIONS_SHOWN = 3


def environment_line(environment: Environment) -> str:
    """Version, instruction set and threads."""
    threads = _count(environment.threads, "thread")
    return f"cnnbp {environment.version}, {environment.instruction_set}, {threads}"


def data_line(data: Dataset) -> str:
    """Say what there is to train on and to test on."""
    shape = "x".join(map(str, data.x_train.shape[1:]))
    if data.x_test is None:
        parts = f"{len(data.x_train):,} images, a fifth of them set aside to test on"
    else:
        parts = f"{len(data.x_train):,} to train, {len(data.x_test):,} to test"
    classes = _count(data.classes, "class", "classes")
    return f"{data.name}: {parts}, {shape} {_pixels(data.x_train)}, {classes}"


def evaluated_line(data: Dataset) -> str:
    """Say what a network is evaluated on."""
    shape = "x".join(map(str, data.x_train.shape[1:]))
    if data.x_test is None:
        part = f"all {_count(len(data.x_train), 'image')}, as there is no test part"
    else:
        part = f"the test part, {_count(len(data.x_test), 'image')}"
    return f"{data.name}: {part}, {shape} {data.x_train.dtype}"


def plan_line(plan: Plan, network: Network) -> str:
    """How a network is trained."""
    optimizer = network.optimizer
    origin = plan.origin
    if network.epochs_trained:
        origin += f" after {_count(network.epochs_trained, 'epoch')}"
    parts = [origin, loss_name(network), f"rate {optimizer.lr:g}"]
    if plan.schedule is not None:
        (last,) = plan.schedule.rates(optimizer.lr, [plan.epochs - 1])
        parts[-1] += f" falling to {last:g}"
    if momentum := optimizer.options().get("momentum"):
        parts.append(f"momentum {momentum:g}")
    return ", ".join([*parts, f"batches of {plan.batch_size}"])


def network_line(path: Path, network: Network) -> str:
    """Say where a network is, and how it was trained."""
    learned = f"after {_count(network.epochs_trained, 'epoch')} of training"
    return f"{path}, {loss_name(network)}, {learned}"


def epoch_line(epoch: Epoch, last: int) -> str:
    """One epoch's record, in columns."""
    number = f"{epoch.number}/{last}".rjust(2 * len(str(last)) + 1)
    return f"epoch {number}  {epoch_figures(epoch)}"


def epoch_figures(epoch: Epoch) -> str:
    """Loss, test accuracy and speed of an epoch."""
    right = percent(epoch.val_accuracy or 0)
    return f"loss {figure(epoch.loss)}  test {right}  {epoch.images_per_second:,.0f} images/s"


def result_line(report: Report) -> str:
    """Test accuracy, and what it took."""
    return f"{accuracy(report)}, after {epochs(report)} in {report.seconds:.1f} s"


def accuracy(evaluation: Evaluation) -> str:
    """Share of right classes, and how many were wrong."""
    mistakes = f"{len(evaluation.misread):,} of {len(evaluation.outputs):,} misread"
    if evaluation.unread:
        mistakes += f", {evaluation.unread:,} not read"
    return f"{percent(evaluation.accuracy)}, {mistakes}"


def worst_confusions(evaluation: Evaluation) -> list[str]:
    """Which classes were most often taken for which."""
    confusions = evaluation.confusions()[:CONFUSIONS_SHOWN]
    told = [f"{c.truth} read as {c.read}: {_count(c.times, 'time')}" for c in confusions]
    return told or ["none" if evaluation.unread < len(evaluation.outputs) else "nothing was read"]


def epochs(report: Report) -> str:
    """How many epochs were trained, and of a network that goes on, how many in its life."""
    done, life = len(report.network.history.epochs), report.network.epochs_trained
    if life <= done:
        return _count(done, "epoch")
    return f"{_count(done, 'more epoch')} ({life:,} in all)"


def warnings(report: Report) -> list[str]:
    """Say what is wrong with a report, and what to do about it."""
    found = []
    if report.interrupted:
        done = epochs(report)
        found.append(f"Stopped by Ctrl-C after {done}; what was learned until then is kept.")
    if report.diverged:
        found.append(f"The training diverged, to a loss that is not finite; {advice(report)}.")
    if report.growth is not None:
        before, after = map(figure, report.growth)
        found.append(f"The loss grew from {before} to {after}; {advice(report)}.")
    if report.unread:
        tested = _count(len(report.outputs), "test image")
        found.append(f"No class was read on {report.unread:,} of {tested}: outputs are not finite.")
    return found


def advice(report: Report) -> str:
    """Say what to do when the loss grows."""
    return f"try a lower rate, such as --lr {report.network.optimizer.lr / 10:g}"


def percent(share: float) -> str:
    """Write 0 to 1 as a percentage."""
    return f"{100 * share:.1f} %"


def _pixels(images: Images) -> str:
    """Type and, of floats, which are taken as they are, the range; bytes as floats get a hint."""
    if images.dtype == np.uint8:
        return "uint8"
    low, high = images.min(), images.max()
    told = f"{images.dtype} from {low:g} to {high:g}"
    are_bytes = low >= 0 and 1 < high <= 255 and (images == np.trunc(images)).all()
    return told + " (not scaled; uint8 would be)" if are_bytes else told


def figure(loss: float) -> str:
    """Write a loss, which may be a large one."""
    return f"{loss:.4f}" if loss < 1000 else f"{loss:.1e}"


def _count(number: int, singular: str, plural: str | None = None) -> str:
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
