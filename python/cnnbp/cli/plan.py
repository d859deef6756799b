"""What to train, and how."""

from __future__ import annotations

from dataclasses import dataclass

from cnnbp.data import Dataset
from cnnbp.definition import DType
from cnnbp.losses import LossName
from cnnbp.network import Network
from cnnbp.optim import SGD, Optimizer
from cnnbp.optim.schedules import LRSchedule, MultiStepLR


@dataclass(frozen=True)
class Plan:
    """A network and the way to train it, for any data.

    Attributes
    ----------
    name : str
        Short, for files and tables.
    title : str
        What the network is called in a sentence.
    spec : str
        The network in the toolbox's shorthand; without an output layer, one is added.
    optimizer : Optimizer or None
        None is what `Network` takes for `loss`.
    schedule : LRSchedule or None
        How the learning rate changes from epoch to epoch.
    activation, loss, dtype, seed, epochs, batch_size
        As in `Network` and `Network.fit`.
    """

    name: str
    title: str
    spec: str
    epochs: int
    batch_size: int
    loss: LossName
    optimizer: Optimizer | None = None
    schedule: LRSchedule | None = None
    activation: str | None = None
    dtype: DType = "float32"
    seed: int = 0

    def build(self, data: Dataset) -> Network:
        """Make the network for the images and classes of `data`.

        Raises
        ------
        TypeError, ValueError
            If an option is out of range, or the network does not fit the images.
        """
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


#: The example of the DeepLearnToolbox (R. B. Palm 2012): sigmoid, mse, rate 1, batches of 50.
TOOLBOX = Plan(
    name="toolbox",
    title="The toolbox's example network",
    spec="6c5-2s-12c5-2s",
    epochs=40,
    batch_size=50,
    loss="mse",
    optimizer=SGD(lr=1.0),
)

#: LeNet as in Caffe (Y. Jia et al. 2014, after Y. LeCun et al. 1998), a ReLU in every layer.
LENET = Plan(
    name="lenet",
    title="LeNet",
    spec="20c5-2m-50c5-2m-500",
    epochs=9,
    batch_size=64,
    loss="cross_entropy",
    optimizer=SGD(lr=0.05, momentum=0.9),
    schedule=MultiStepLR([6]),
)
