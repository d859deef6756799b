"""One backward pass, told: a network, a digit, words, a picture and a JSON document."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from cnnbp.cli.places import check_pictures
from cnnbp.cli.plan import Beginning
from cnnbp.cli.session import Environment
from cnnbp.cli.telling import Line, fold, spell, tell
from cnnbp.cli.test_part import test_part, with_test_part
from cnnbp.cli.views import terminal
from cnnbp.data import Dataset
from cnnbp.explain import Explanation, explain
from cnnbp.network import Network
from cnnbp.training.history import finite

#: The file of the picture, in its folder.
PICTURE = "explain.png"
#: How each kind of line looks on a terminal.
STYLES = {"heading": "bold", "layer": "cyan", "equation": "", "numbers": "dim", "text": ""}


@dataclass(frozen=True)
class Lesson:
    """What to explain.

    Attributes
    ----------
    digit : int
        Place of the image among the test images.
    source : Beginning or Path
        The network to train first, or the file of a trained one.
    seed : int
        Which images are set aside for testing where the data has no test part; a network that was
        trained with this seed has not seen them.
    pictures : Path or None
        Folder for the picture.
    as_json : bool
        Whether standard output gets one JSON document in place of the words.
    data : Path or None
        The data set, where it is read from a file or a folder; it is not written to.
    """

    digit: int
    source: Beginning | Path
    seed: int
    pictures: Path | None
    as_json: bool
    data: Path | None = None

    def give(self, data: Dataset) -> None:
        """Train or load the network, explain the digit, and write all that is wanted.

        Raises
        ------
        OSError, TypeError, ValueError
            If there is no such digit, if the network does not fit it, or if the picture cannot be
            written.
        """
        data = with_test_part(data, self.seed)
        x, y, _ = test_part(data)
        if self.digit >= len(x):
            raise ValueError(
                f"--digit {self.digit}: there are {len(x):,} test images, 0 to {len(x) - 1}"
            )
        if self.pictures is not None:
            inputs = [path for path in (self.data, self.source) if isinstance(path, Path)]
            check_pictures([self.pictures / PICTURE], inputs)
        network = _network(self.source, data)
        told = explain(network, x[self.digit], int(y[self.digit]))
        picture = self._draw(told, network)
        if self.as_json:
            print(json.dumps(self._document(told, network, picture), indent=2, allow_nan=False))
            return
        origin = f"digit {self.digit} of the {len(x):,} test images ({data.name})"
        show([*tell(told, network, origin), *_where(picture)], sys.stdout)

    def _draw(self, told: Explanation, network: Network) -> Path | None:
        if self.pictures is None:
            return None
        from cnnbp.cli.illustration import save_sheet_of

        return save_sheet_of(told, network, self.pictures / PICTURE)

    def _document(
        self, told: Explanation, network: Network, picture: Path | None
    ) -> dict[str, object]:
        document = {
            "environment": asdict(Environment.current()),
            "digit": self.digit,
            "epochs_trained": network.epochs_trained,
            **told.to_dict(),
            "picture": None if picture is None else str(picture),
        }
        return {name: finite(value) for name, value in document.items()}


def show(lines: list[Line], stream: TextIO) -> None:
    """Print lines, in colour on a terminal and in ASCII where that is all there is."""
    console = terminal(stream)
    for kind, text in lines:
        if console is not None:
            for line in fold(kind, text, console.width):
                console.print(line, style=STYLES[kind], soft_wrap=True)
        else:
            print(spell(text, stream.encoding), file=stream)


def _network(source: Beginning | Path, data: Dataset) -> Network:
    if isinstance(source, Path):
        return Network.load(source)
    network = source.build(data)
    network.fit(
        data.x_train,
        data.y_train,
        epochs=source.epochs,
        batch_size=source.batch_size,
        schedule=source.schedule,
        progress=False,
    )
    return network


def _where(picture: Path | None) -> list[Line]:
    return [] if picture is None else [("text", ""), ("text", f"picture: {picture}")]
