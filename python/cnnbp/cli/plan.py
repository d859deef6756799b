"""What to train, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cnnbp.cli.fit import require_fit
from cnnbp.data import Dataset
from cnnbp.definition import DType
from cnnbp.losses import LossName
from cnnbp.network import Network
from cnnbp.optim import SGD, Optimizer
from cnnbp.optim.schedules import LRSchedule, MultiStepLR


@dataclass(frozen=True, kw_only=True)
class Plan(ABC):
    """A network and the way to train it, for any data.

    Attributes
    ----------
    name : str
        Short, for files and tables.
    title : str
        What the network is called in a sentence.
    schedule : LRSchedule or None
        How the learning rate changes from epoch to epoch.
    epochs, batch_size
        As in `Network.fit`.
    """

    name: str
    title: str
    epochs: int
    batch_size: int
    schedule: LRSchedule | None = None

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the network comes from, in a word."""

    @abstractmethod
    def build(self, data: Dataset) -> Network:
        """Make the network for the images and classes of `data`.

        Raises
        ------
        OSError, TypeError, ValueError
            If an option is out of range, or the network does not fit the images.
        """

    @abstractmethod
    def to_dict(self) -> dict[str, str | None]:
        """Return where the network comes from, as JSON has it."""

    def picture(self, folder: Path) -> Path:
        """Return the file for the picture of what comes of it."""
        return folder / f"{self.name}.png"


@dataclass(frozen=True, kw_only=True)
class Beginning(Plan):
    """A new network.

    Attributes
    ----------
    spec : str
        The network in the toolbox's shorthand; without an output layer, one is added.
    optimizer : Optimizer or None
        None is what `Network` takes for `loss`.
    activation, loss, dtype, seed
        As in `Network.from_spec`.
    """

    spec: str
    loss: LossName
    optimizer: Optimizer | None = None
    activation: str | None = None
    dtype: DType = "float32"
    seed: int = 0

    @property
    def origin(self) -> str:
        """The shorthand."""
        return self.spec

    def build(self, data: Dataset) -> Network:
        """Make the network in its first state."""
        return Network.from_spec(
            self.spec,
            input_shape=data.x_train.shape[1:],
            classes=data.classes,
            activation=self.activation,
            loss=self.loss,
            optimizer=self.optimizer,
            dtype=self.dtype,
            seed=self.seed,
        )

    def to_dict(self) -> dict[str, str | None]:
        """Return the shorthand."""
        return {"spec": self.spec, "load": None}


@dataclass(frozen=True, kw_only=True)
class Continuation(Plan):
    """A saved network, which goes on from where it was.

    Attributes
    ----------
    load : Path
        The file of the network.
    lr, momentum : float or None
        In place of what its optimizer has; None leaves that as it is.
    """

    load: Path
    lr: float | None = None
    momentum: float | None = None

    @property
    def origin(self) -> str:
        """The file."""
        return self.load.name

    def build(self, data: Dataset) -> Network:
        """Load the network; its optimizer keeps its state, whatever options change."""
        network = Network.load(self.load)
        require_fit(network, self.load, data, every_class=True)
        given = {"lr": self.lr, "momentum": self.momentum}
        options: dict[str, Any] = {n: value for n, value in given.items() if value is not None}
        rule = network.optimizer
        for name in options.keys() - rule.options().keys():
            raise ValueError(
                f"--{name}: the optimizer of {self.load}, {rule}, has none; leave it out"
            )
        network.optimizer = replace(rule, **options)
        return network

    def to_dict(self) -> dict[str, str | None]:
        """Return the file."""
        return {"spec": None, "load": str(self.load)}


#: The example of the DeepLearnToolbox (R. B. Palm 2012): sigmoid, mse, rate 1, batches of 50.
TOOLBOX = Beginning(
    name="toolbox",
    title="The toolbox's example network",
    spec="6c5-2s-12c5-2s",
    epochs=40,
    batch_size=50,
    loss="mse",
    optimizer=SGD(lr=1.0),
)

#: LeNet as in Caffe (Y. Jia et al. 2014, after Y. LeCun et al. 1998), a ReLU in every layer.
LENET = Beginning(
    name="lenet",
    title="LeNet",
    spec="20c5-2m-50c5-2m-500",
    epochs=9,
    batch_size=64,
    loss="cross_entropy",
    optimizer=SGD(lr=0.05, momentum=0.9),
    schedule=MultiStepLR([6]),
)
