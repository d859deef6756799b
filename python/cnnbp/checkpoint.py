"""Networks in files: an ``.npz`` without pickle, readable by NumPy alone.

Members: ``network`` (JSON: definition, optimizer and the number of epochs trained), and for every
parameter ``parameter/<name>`` and ``velocity/<name>``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnbp.arguments import read_integer
from cnnbp.definition import Definition
from cnnbp.optim import SGD

if TYPE_CHECKING:
    from cnnbp._core import Float

FORMAT = "cnnbp network 1"


@dataclass(frozen=True)
class Checkpoint:
    """All that a network needs to go on with the same bits."""

    definition: Definition
    optimizer: SGD
    epochs_trained: int
    parameters: dict[str, Float]
    velocities: dict[str, Float]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the checkpoint; an older file is replaced only once the new one is whole."""
        import json

        description = {
            "format": FORMAT,
            **self.definition.to_dict(),
            "optimizer": asdict(self.optimizer),
            "epochs_trained": self.epochs_trained,
        }
        arrays: dict[str, NDArray[Any]] = {"network": np.array(json.dumps(description))}
        arrays |= {f"parameter/{name}": array for name, array in self.parameters.items()}
        arrays |= {f"velocity/{name}": array for name, array in self.velocities.items()}
        part = f"{os.fspath(path)}.part"
        try:
            with open(part, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.remove(part)
            raise

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read a checkpoint; `damage_named` says what may be raised."""
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as members:
            return cls._from_members(dict(members))

    @classmethod
    def _from_members(cls, members: dict[str, NDArray[Any]]) -> Checkpoint:
        import json

        description = json.loads(str(members.pop("network")))
        if description.pop("format") != FORMAT:
            raise ValueError(f"the format is not {FORMAT!r}")
        return cls(
            optimizer=SGD(**description.pop("optimizer")),
            epochs_trained=read_integer(
                description.pop("epochs_trained"), "epochs_trained", minimum=0
            ),
            definition=Definition.from_dict(description),
            parameters=_with_prefix("parameter/", members),
            velocities=_with_prefix("velocity/", members),
        )


def _with_prefix(prefix: str, members: dict[str, NDArray[Any]]) -> dict[str, Float]:
    return {
        name.removeprefix(prefix): array
        for name, array in members.items()
        if name.startswith(prefix)
    }


@contextmanager
def damage_named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever a damaged file leads to into a `ValueError` that names the file.

    `OSError` passes: the file cannot be opened.
    """
    import zipfile
    import zlib

    unreadable = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, MemoryError)
    no_network = (ValueError, TypeError, KeyError, AttributeError)
    try:
        yield
    except (*unreadable, *no_network) as error:
        raise ValueError(
            f"{path} is not a network saved by cnnbp, or is damaged: {error!r}"
        ) from error
