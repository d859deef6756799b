"""Where the results of a session go: a view, files, and a JSON document."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnbp.cli.places import check_network, check_pictures
from cnnbp.cli.plan import Plan
from cnnbp.cli.report import Report
from cnnbp.cli.session import Environment, run
from cnnbp.cli.test_part import test_part
from cnnbp.cli.views import make_view
from cnnbp.data import Dataset


@dataclass(frozen=True)
class Delivery:
    """What to write, and where.

    Attributes
    ----------
    pictures : Path or None
        Folder for the pictures.
    network : Path or None
        File for the trained network.
    as_json : bool
        Whether standard output gets one JSON document and standard error all else.
    data : Path or None
        The data set, where it is read from a file or a folder; it is not written to.
    """

    pictures: Path | None = None
    network: Path | None = None
    as_json: bool = False
    data: Path | None = None

    def prepare(self, plans: Sequence[Plan]) -> None:
        """Make sure, before anything is trained, that the results of the plans can be written.

        Raises
        ------
        OSError, ValueError
            If they cannot; the message says what to do.
        """
        pictures = [] if self.pictures is None else [p.picture(self.pictures) for p in plans]
        if self.network is not None:
            check_network(self.network, self.data, pictures)
        check_pictures(pictures, [] if self.data is None else [self.data])

    def deliver(self, plans: Sequence[Plan], data: Dataset) -> bool:
        """Run the plans and write all that is wanted.

        Returns
        -------
        bool
            Whether all plans were carried out, none cut short by Ctrl-C.
        """
        view = make_view(sys.stderr if self.as_json else sys.stdout)
        runs: list[dict[str, Any]] = []
        complete = True
        for report in run(plans, data, view):
            files = self._write(report)
            for what, path in files.items():
                view.tell(what, str(path))
            runs.append(report.to_dict() | {what: str(path) for what, path in files.items()})
            complete = not report.interrupted
        if self.as_json:
            print(json.dumps(_document(report.data, runs), indent=2, allow_nan=False))
        return complete

    def _write(self, report: Report) -> dict[str, Path]:
        files = {}
        if self.network is not None:
            report.network.save(self.network)
            files["network"] = self.network
        if self.pictures is not None:
            from cnnbp.cli.illustration import save_picture

            files["picture"] = save_picture(report, self.pictures)
        return files


def _document(data: Dataset, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "environment": asdict(Environment.current()),
        "data": {
            "name": data.name,
            "source": data.source,
            "licence": data.licence,
            "train": len(data.x_train),
            "test": len(test_part(data).x),
            "image_shape": list(data.x_train.shape[1:]),
            "classes": data.classes,
        },
        "runs": runs,
    }
