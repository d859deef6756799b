"""What a network has in it: read, set, written to files and copied."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Self

from numpy.typing import ArrayLike

from cnnbp import _core
from cnnbp.arguments import read_choice, read_path
from cnnbp.attributes import FixedAttributes
from cnnbp.checkpoint import Checkpoint, damage_named
from cnnbp.definition import Definition
from cnnbp.initializers import Initializer, read_initializer
from cnnbp.optim import Optimizer
from cnnbp.parameters import read_parameters
from cnnbp.training import History


class NetworkState(FixedAttributes):
    """The part of a `Network` that outlives a call: definition, parameters, optimizer, epochs.

    Copies and pickles are whole networks, with the attributes that a class of one's own adds; they,
    `load` and `averaged` do not call the constructor of such a class.
    """

    __slots__ = ("_core", "_lock", "_optimizer", "definition", "epochs_trained", "history")

    def _begin(self, definition: Definition, optimizer: Optimizer) -> None:
        self.definition = definition
        self._optimizer = optimizer
        self._core = definition.build(optimizer)
        self._lock = threading.RLock()  # the core's rule and ours change together
        self.epochs_trained = 0
        self.history = History()

    def gradient_dict(self) -> dict[str, _core.Float]:
        """Return copies of the accumulated gradients, named and shaped as in `state_dict`.

        After `train_step` and `fit` they are those of the last batch, before any clipping.
        """
        return self._core.gradients()

    def state_dict(self) -> dict[str, _core.Float]:
        """Return copies of all parameters, ``{"0.weight": …, "0.bias": …}``.

        Names start with the layer's place in the list; shapes are those of ``torch.nn``.
        """
        return self._core.parameters()

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Take over all parameters.

        NaN and infinity are taken as they are: a network that diverged can be loaded. The
        ``num_batches_tracked`` of torch's BatchNorm2d may be there and is not needed.

        Raises
        ------
        TypeError, ValueError
            If a name is missing or unknown, or an array does not fit, be it that a finite number
            is too large for the network's dtype; all of them are listed and nothing is changed.
        """
        self._core.load_parameters(read_parameters(state, self._core.parameters()))

    def initialize(self, name: str, initializer: Initializer | str) -> None:
        """Draw one parameter, such as ``"0.weight"``, anew from the network's seed.

        Raises
        ------
        TypeError, ValueError
            If there is no such parameter, or no initializer of that name, or if the initializer
            goes by fans and the parameter has none, being a bias or the like.
        """
        read_choice(name, "name", self._core.parameters())
        self._core.initialize(name, read_initializer(initializer, "initializer").definition())

    def averaged(self) -> Self:
        """Return a new network with the running average of the parameters.

        It is the same in all else: `predict`, `evaluate`, `save` or train it on its own. One of a
        class that inherits from `Network` has none of the attributes that the class adds.

        Raises
        ------
        ValueError
            If the optimizer keeps no average, or no step was made since it does.
        """
        return self._from_checkpoint(self._checkpoint().averaged())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to an ``.npz`` file (no pickle); ``~`` is the home folder.

        It holds the definition, parameters, optimizer with its state, seed and epochs trained: a
        network that is loaded goes on with the same bits, but `ReduceLROnPlateau` begins anew.
        Accumulated gradients are not kept. What another thread trains is saved between two steps. A
        file that is replaced keeps its permissions. Attributes that a class of one's own adds are
        not saved.

        Raises
        ------
        OSError, ValueError
            If the file cannot be written, or what is there is a pipe or a device.
        """
        self._checkpoint().write(read_path(path, "path"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a network that `save` wrote.

        Called on a class that inherits from `Network`, it gives one of that class, without calling
        its constructor: attributes that the class adds are to be set again.

        Raises
        ------
        OSError, ValueError
            If the file cannot be opened; if it is damaged or is no network of cnnbp.
        """
        file = read_path(path, "path")
        with damage_named(file):
            return cls._from_checkpoint(Checkpoint.read(file))

    def __reduce__(self) -> tuple[Callable[..., Self], tuple[Checkpoint], object]:
        return self._from_checkpoint, (self._checkpoint(),), self.__getstate__()

    def _checkpoint(self) -> Checkpoint:
        with self._lock:
            return Checkpoint.of(self._core, self.definition, self._optimizer, self.epochs_trained)

    @classmethod
    def _from_checkpoint(cls, saved: Checkpoint) -> Self:
        net = cls.__new__(cls)  # a constructor of one's own has other arguments
        net._begin(saved.definition, saved.optimizer)
        saved.restore(net._core)
        net.epochs_trained = saved.epochs_trained
        return net
