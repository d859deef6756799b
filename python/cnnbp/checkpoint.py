"""Networks in files: an ``.npz`` without pickle, readable by NumPy alone.

Members: ``network`` (JSON: definition, optimizer, the numbers of its steps, of training
passes and of epochs trained),
and for every parameter ``parameter/<name>`` and, as torch names what an optimizer keeps,
``optimizer/momentum_buffer/<name>`` and the like.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cnnbp import optim
from cnnbp.arguments import read_choice, read_integer
from cnnbp.definition import Definition
from cnnbp.optim import Optimizer
from cnnbp.parameters import read_parameters
from cnnbp.whole_file import is_replaceable, whole_file

if TYPE_CHECKING:
    from cnnbp._core import Float
    from cnnbp._core import Network as Core

FORMAT = "cnnbp network 1"
#: How an archive starts that `numpy.load` reads as ``.npz``, with members and without.
ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")


@dataclass(frozen=True)
class Checkpoint:
    """All that a network needs to go on with the same bits."""

    definition: Definition
    optimizer: Optimizer
    epochs_trained: int
    parameters: dict[str, Float]
    optimizer_state: dict[str, Float]
    optimizer_steps: int
    training_passes: int

    @classmethod
    def of(
        cls, core: Core, definition: Definition, optimizer: Optimizer, epochs_trained: int
    ) -> Checkpoint:
        """Return the checkpoint of a network as it is now."""
        parameters, state, steps, passes = core.snapshot()
        return cls(
            definition=definition,
            optimizer=optimizer,
            epochs_trained=epochs_trained,
            parameters=parameters,
            optimizer_state=state,
            optimizer_steps=steps,
            training_passes=passes,
        )

    def restore(self, core: Core) -> None:
        """Load all of it into a network that was built from the definition and the optimizer."""
        core.load_parameters(read_parameters(self.parameters, core.parameters()))
        state = read_parameters(self.optimizer_state, core.optimizer_state())
        core.load_optimizer_state(state, self.optimizer_steps)
        core.set_training_passes(self.training_passes)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the checkpoint; an older file is replaced only once the new one is whole.

        Raises
        ------
        ValueError
            If there is something that is no file, such as ``/dev/null``: it would be replaced.
        OSError
            If the file cannot be written.
        """
        import json

        if not is_replaceable(path):
            raise ValueError(f"path must be that of a file, got {path}, a pipe or a device")

        description = {
            "format": FORMAT,
            **self.definition.to_dict(),
            "optimizer": {"type": type(self.optimizer).__name__, **self.optimizer.options()},
            "optimizer_steps": self.optimizer_steps,
            "training_passes": self.training_passes,
            "epochs_trained": self.epochs_trained,
        }
        arrays: dict[str, NDArray[Any]] = {"network": np.array(json.dumps(description))}
        arrays |= {f"parameter/{name}": array for name, array in self.parameters.items()}
        arrays |= {f"optimizer/{name}": array for name, array in self.optimizer_state.items()}
        with whole_file(path) as file:
            np.savez(file, allow_pickle=False, **arrays)

    def averaged(self) -> Checkpoint:
        """Return the same with the optimizer's average in place of the parameters.

        Raises
        ------
        ValueError
            If there is none.
        """
        if self.optimizer.ema_decay is None:
            raise ValueError(
                f"the optimizer {self.optimizer} keeps no average of the parameters; give it "
                "ema_decay, such as 0.999, and train"
            )
        average = _with_prefix("average/", self.optimizer_state)
        if any(np.isnan(array).any() for array in average.values()):
            raise ValueError(
                f"the average that the optimizer {self.optimizer} keeps is not a number: it has "
                "made no step, or the training diverged; train first"
            )
        return replace(self, parameters=self.parameters | average)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read a checkpoint; `damage_named` says what may be raised."""
        with open(path, "rb") as file:
            # NumPy takes any other file for a pickle, and says how to load it nevertheless.
            if file.read(4) not in ZIP_STARTS:
                raise ValueError("it is no .npz file")
            file.seek(0)
            with np.load(file, allow_pickle=False) as members:
                return cls._from_members(dict(members))

    @classmethod
    def _from_members(cls, members: dict[str, NDArray[Any]]) -> Checkpoint:
        import json

        description = json.loads(str(members.pop("network")))
        if description.pop("format") != FORMAT:
            raise ValueError(f"the format is not {FORMAT!r}")
        return cls(
            optimizer=_read_optimizer(description.pop("optimizer")),
            optimizer_steps=_pop_count(description, "optimizer_steps"),
            training_passes=_pop_count(description, "training_passes"),
            epochs_trained=_pop_count(description, "epochs_trained"),
            definition=Definition.from_dict(description),
            parameters=_with_prefix("parameter/", members),
            optimizer_state=_with_prefix("optimizer/", members),
        )


def _read_optimizer(options: dict[str, Any]) -> Optimizer:
    kinds = (kind.__name__ for kind in Optimizer.__subclasses__())
    kind = read_choice(options.pop("type"), "the optimizer's type", kinds)
    return cast(Optimizer, getattr(optim, kind)(**options))


def _pop_count(description: dict[str, Any], name: str) -> int:
    return read_integer(description.pop(name), name, minimum=0, maximum=2**63 - 1)


def _with_prefix(prefix: str, members: Mapping[str, Float]) -> dict[str, Float]:
    """Return the arrays whose names start so, by the rest of their names."""
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
