"""The pictures of a report and of an explanation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnbp.cli import wording
from cnnbp.cli.evaluation import loss_name
from cnnbp.cli.report import Report
from cnnbp.cli.session import Environment
from cnnbp.cli.test_part import test_part
from cnnbp.explain import Explanation
from cnnbp.network import Network
from cnnbp.pictures import (
    MISREAD_SHOWN,
    Misread,
    Overview,
    Row,
    Sheet,
    save_overview,
    save_sheet,
)
from cnnbp.trace import Trace


def save_picture(report: Report, folder: Path) -> Path:
    """Draw a report into `folder`, as a PNG with the plan's name; returns its path."""
    path = report.plan.picture(folder)
    save_overview(path, make_overview(report))
    return path


def make_overview(report: Report) -> Overview:
    """Choose what the picture of a report shows."""
    history = report.network.history
    return Overview(
        title=_title(report),
        subtitle=_subtitle(report),
        batch_losses=np.array(history.batch_losses),
        test_errors=np.array([1 - (epoch.val_accuracy or 0) for epoch in history.epochs]),
        kernels=first_kernels(report.network.state_dict()),
        misread=_misread(report),
    )


def save_sheet_of(explanation: Explanation, network: Network, path: Path) -> Path:
    """Draw all layers of an explanation, as a PNG; returns its path."""
    save_sheet(path, make_sheet(explanation, network))
    return path


def make_sheet(explanation: Explanation, network: Network) -> Sheet:
    """Choose what the picture of an explanation shows."""
    trace, state = explanation.trace, network.state_dict()
    rows = tuple(_row(trace, place, state) for place in trace.places())
    panels = [panel for row in rows for panel in row.panels if panel is not None]
    lost = "" if all(np.isfinite(panel).all() for panel in panels) else ", green not finite"
    note = "" if explanation.note is None else f"\n{explanation.note}"
    minimised, comma, words = explanation.loss.text.partition(",  ")
    return Sheet(
        title=f"One backward pass: class {explanation.truth}, {explanation.reading}",
        subtitle=f"{_shortened(minimised)} = {trace['loss']:.3g}{comma}{_shortened(words)}\n"
        f"Orange is negative, white zero, purple positive{lost}; what lies within 0 to 1 goes from "
        f"white to black. Each panel has its own scale.{note}",
        image=trace[f"{trace.places()[0]}.input"][0],
        headings=("pre-activation u", "output f(u)", "delta δ = ∂E/∂u", "weights", "gradient"),
        rows=rows,
    )


def _shortened(text: str) -> str:
    """Write numbers with three digits, and of a long list of them the first nine and the last."""
    text = re.sub(r"\d+\.\d{3,}(e[-+]?\d+)?", lambda number: f"{float(number[0]):.3g}", text)
    number = r"-?\d[\d.]*(?:e[-+]?\d+)?"
    return re.sub(rf"((?:{number}, ){{9}})(?:{number}, )+(?={number})", r"\1…, ", text)


def _row(trace: Trace, place: str, state: dict[str, NDArray[np.floating]]) -> Row:
    before, after = trace[f"{place}.pre_activation"][0], trace[f"{place}.output"][0]
    learned = [n for n in trace if n.startswith(f"{place}.gradient.")]
    largest = max(learned, key=lambda name: int(trace[name].size), default=None)
    delta = trace.equation(f"{place}.delta")
    return Row(
        title=f"{place}  {trace.layer(place)}",
        equation=f"{delta.text}  ({delta.source})",  # its words would reach into the title
        panels=(
            None if np.array_equal(before, after) else before,
            after,
            trace[f"{place}.delta"][0],
            None if largest is None else state[largest.replace(".gradient.", ".")],
            None if largest is None else trace[largest],
        ),
    )


def first_kernels(state: dict[str, NDArray[np.floating]]) -> NDArray[np.floating] | None:
    """Weights of the first convolution, None if there is none."""
    return next((weight for weight in state.values() if weight.ndim == 4), None)


def _title(report: Report) -> str:
    name = report.plan.title
    if report.diverged:
        return f"{name} diverged; {wording.advice(report)}"
    if report.growth is not None:
        return f"{name}'s loss grew; {wording.advice(report)}"
    return f"{name} reads {wording.percent(report.accuracy)} of the test images right"


def _subtitle(report: Report) -> str:
    environment = Environment.current()
    return " · ".join(
        [
            f"{report.plan.origin}, {loss_name(report.network)}",
            f"{len(report.data.x_train):,} training images ({report.data.name})",
            f"{wording.epochs(report)} in {report.seconds:.1f} s",
            f"cnnbp {environment.version}, {environment.instruction_set}",
        ]
    )


def _misread(report: Report) -> Misread:
    test = test_part(report.data)
    shown = report.misread[:MISREAD_SHOWN]
    return Misread(
        images=test.x[shown],
        truth=test.y[shown],
        read=report.read[shown],
        confidence=None if report.confidence is None else report.confidence[shown],
        total=len(report.misread),
        unread=report.unread,
        tested=len(test.x),
    )
