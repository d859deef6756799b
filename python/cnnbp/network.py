"""Networks: what a person trains, asks and keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Self

from numpy.typing import ArrayLike

from cnnbp import _core
from cnnbp.arguments import read_integer, read_number
from cnnbp.definition import Definition, DType
from cnnbp.initializers import Initializer
from cnnbp.layers import Layer
from cnnbp.losses import Loss, LossName
from cnnbp.optim.base import Optimizer, read_optimizer
from cnnbp.optim.schedule import LRSchedule
from cnnbp.samples import Weights, read_images, read_samples, read_validation
from cnnbp.spec import parse_spec
from cnnbp.state import NetworkState
from cnnbp.summary import Summary
from cnnbp.trace import Trace
from cnnbp.training import Epoch, History, Progress, Samples, fit


class Network(NetworkState):
    """A convolutional network that trains on the CPU.

    Images are ``(N, C, H, W)``: uint8 is scaled from 0..255 to 0..1, floats are taken as they are.
    Images of one channel may come as ``(N, H, W)``. ``y`` holds class numbers ``(N,)`` or targets
    ``(N, K)``, ``K`` being the number of outputs; with one output, class numbers are 0 or 1, with
    up to two they may be bools. Targets may have the outputs' shape, ``(N, *output_shape)``, and
    are taken as they are: uint8 is not scaled.
    ``sample_weight``, ``(N,)``, says what each sample weighs in the mean loss and in the accuracy:
    a weight of 2 counts as two samples, 0 as none. A call that raises has changed nothing.

    Parameters
    ----------
    layers : iterable of Layer
        What the network is made of, from input to output; see `cnnbp.layers`.
    input_shape : (int, int, int)
        Channels, height and width of an image.
    loss : Loss or {"mse", "cross_entropy", "bce_with_logits", "l1", "huber", "hinge"}
        What is minimised, in the mean over samples: one of `cnnbp.losses`, or its name. "mse" is
        ``½ Σ e²``, the toolbox's. "cross_entropy" and "bce_with_logits" take logits.
    optimizer : Optimizer, optional
        How parameters are updated; see `cnnbp.optim`. When left out, ``SGD(lr=1.0)`` with "mse" and
        a sigmoid at the end, as the toolbox, ``SGD(lr=0.01, momentum=0.9)`` with "mse" and any
        other end, and ``SGD(lr=0.02, momentum=0.9)`` with any other loss.
    dtype : {"float32", "float64"}
        Type of parameters and activations.
    seed : int
        Seed of the first weights and of the order of samples in `fit`, 0 to 2⁶³ - 1. The same
        seed gives the same bits, for any number of threads.
    initializer : Initializer or str
        How weights are drawn: one of `cnnbp.initializers`, or a name such as "he_normal",
        "glorot_uniform", "lecun_normal", "orthogonal", or "toolbox".

    Attributes
    ----------
    definition : Definition
        The network as plain data.
    history : History
        What the last call of `fit` did that finished an epoch, also when it was interrupted.
    epochs_trained : int
        Epochs that `fit` has finished in the network's life.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range, or if a layer does not fit what comes
        before it; the message names the layer and its place.
    """

    __slots__ = ()

    def __init__(
        self,
        layers: Iterable[Layer],
        *,
        input_shape: Sequence[int],
        loss: Loss | LossName = "mse",
        optimizer: Optimizer | None = None,
        dtype: DType = "float32",
        seed: int = 0,
        initializer: Initializer | str = "toolbox",
    ) -> None:
        definition = Definition.read(
            layers,
            input_shape=input_shape,
            loss=loss,
            dtype=dtype,
            seed=seed,
            initializer=initializer,
        )
        self._begin(definition, definition.optimizer(optimizer))

    @classmethod
    def from_spec(
        cls,
        spec: str,
        *,
        input_shape: Sequence[int],
        classes: int | None = None,
        activation: str | None = None,
        loss: Loss | LossName = "mse",
        optimizer: Optimizer | None = None,
        dtype: DType = "float32",
        seed: int = 0,
        initializer: Initializer | str = "toolbox",
    ) -> Self:
        """Make a network from the toolbox's shorthand, such as ``"6c5-2s-12c5-2s-10o"``.

        `cnnbp.spec.parse_spec` explains `spec`, `classes` and `activation`, `Network` the rest.
        """
        return cls(
            parse_spec(spec, classes=classes, activation=activation, loss=loss),
            input_shape=input_shape,
            loss=loss,
            optimizer=optimizer,
            dtype=dtype,
            seed=seed,
            initializer=initializer,
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from input to output."""
        return self.definition.layers

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return self.definition.input_shape

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one sample's output."""
        return self._core.output_shape

    @property
    def optimizer(self) -> Optimizer:
        """How parameters are updated; assign another to change it.

        What the rule keeps for each parameter stays when the other is of the same kind.
        """
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        rule = read_optimizer(optimizer)
        with self._lock:
            self._core.set_optimizer(rule.definition())
            self._optimizer = rule

    def fit(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int = 50,
        sample_weight: Weights = None,
        validation_data: Sequence[ArrayLike] | None = None,
        shuffle: bool = True,
        progress: bool | Progress = True,
        on_epoch: Callable[[Epoch], object] | None = None,
        schedule: LRSchedule | None = None,
    ) -> History:
        """Train on all samples, `epochs` times.

        Calling it again goes on where the last call ended, in the orders and at the rates of one
        longer call. To augment, call it with ``epochs=1`` and a new array each time, or
        `train_step` with each batch. Ctrl-C ends it after the batch under way: what was learned is
        kept, finished epochs are in ``net.history``, and `KeyboardInterrupt` is passed on.
        Gradients are left as by `train_step`: accumulated ones are forgotten, those of the last
        batch stay.

        Parameters
        ----------
        x, y : array_like
            Training images, and their class numbers or targets; they must not change meanwhile.
            uint8 images are scaled from 0..255 to 0..1, floats are taken as they are.
        epochs : int
            Number of passes over the samples.
        batch_size : int
            Samples per update; the last batch of an epoch may be smaller.
        sample_weight : array_like, optional
            What each sample weighs, at least 0, ``(N,)``.
        validation_data : (array_like, array_like) or (array_like, array_like, array_like), optional
            Images, class numbers or targets, and sample weights to evaluate after every epoch.
        shuffle : bool
            Whether each epoch sees the samples in an order of its own, drawn from the seed.
        progress : bool or Progress
            Show a bar on a terminal, or a line per epoch elsewhere; or an object of one's own that
            is told of epochs and batches, as `cnnbp.training.Progress`.
        on_epoch : callable, optional
            Called with the record of each finished epoch; training ends when it returns True.
        schedule : LRSchedule, optional
            Rates in place of the optimizer's, which they start from; see `cnnbp.optim.schedules`.

        Returns
        -------
        History
            Losses, validation results and speed, per epoch and per batch.
        """
        samples = self._read_samples(x, y, sample_weight)
        validation = read_validation(validation_data, self._read_samples, self._core.check)
        return fit(
            self,
            self._core,
            samples,
            validation,
            seed=self.definition.seed,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            progress=progress,
            on_epoch=on_epoch,
            schedule=schedule,
        )

    def train_step(self, x: ArrayLike, y: ArrayLike, *, sample_weight: Weights = None) -> float:
        """Update the parameters once, with `x` as one batch; returns its loss before that.

        Accumulated gradients are forgotten, and the gradients of this batch left in their place.
        """
        return self._core.train_step(*self._read_samples(x, y, sample_weight))

    def evaluate(
        self, x: ArrayLike, y: ArrayLike, *, sample_weight: Weights = None
    ) -> dict[str, float]:
        """Return the mean ``"loss"`` and the ``"accuracy"``, the share of right samples.

        A sample is right when its largest output is at its class, or at the largest target. A
        network with one output is right when that is on the target's side: of 0 with
        "bce_with_logits", else of ½. With targets ``(N, K)`` of "bce_with_logits" each output is
        asked so, and a sample counts by the share that is right. "mse", "l1" and "huber" have no
        accuracy, and the result no such key, with targets that are not all 0 or 1. A signal's
        handler must not change the network: RuntimeError.
        """
        loss, accuracy = self._core.evaluate(*self._read_samples(x, y, sample_weight))
        return {"loss": loss} if accuracy is None else {"loss": loss, "accuracy": accuracy}

    def predict(self, x: ArrayLike) -> _core.Float:
        """Return the outputs of images, ``(N, *output_shape)`` in the network's dtype.

        uint8 images are scaled from 0..255 to 0..1, floats are taken as they are. Changes nothing;
        several threads may predict at once. With "cross_entropy" and "bce_with_logits" the outputs
        are logits. A signal's handler must not change the network meanwhile: RuntimeError.
        """
        return self._core.predict(read_images(x, self.input_shape))

    def accumulate_gradients(
        self, x: ArrayLike, y: ArrayLike, *, sample_weight: Weights = None, scale: float = 1.0
    ) -> float:
        """Add `scale` times the gradients of the mean loss over `x` to those accumulated.

        Returns the loss, not scaled. With ``scale=n / N``, n being the samples of a part, or the
        sum of their weights, parts give the gradients of one batch of all N, but for what
        BatchNorm2d and Dropout do in each::

            for part in (slice(0, 64), slice(64, 100)):
                net.accumulate_gradients(x[part], y[part], scale=len(y[part]) / 100)

        `train_step` and `fit` leave the gradients of their last batch, to which these are added,
        too: call `zero_gradients` first. What is accumulated is lost at their next step.
        """
        samples = self._read_samples(x, y, sample_weight)
        return self._core.accumulate_gradients(*samples, read_number(scale, "scale"))

    def apply_gradients(self) -> None:
        """Update the parameters with the accumulated gradients, which stay as they are."""
        self._core.apply_gradients()

    def zero_gradients(self) -> None:
        """Forget the accumulated gradients, also those that `train_step` or `fit` left."""
        self._core.zero_gradients()

    def trace(self, x: ArrayLike, y: ArrayLike, *, sample_weight: Weights = None) -> Trace:
        """Return by name what a training pass computes, forward and backward; changes nothing.

        ``"loss"``, ``"input.delta"``, and for every layer ``"0.input"``, ``"0.pre_activation"``,
        ``"0.output"``, ``"0.delta"`` (``∂E/∂u``) and ``"0.gradient.weight"`` …; `Trace.equation`
        of a name is its equation. With Dropout or BatchNorm2d the outputs differ from `predict`'s.
        """
        samples = self._read_samples(x, y, sample_weight)
        return Trace(self._core.trace(*samples), self.layers, self.definition.loss, samples)

    def summary(self, *, batch_size: int = 50) -> Summary:
        """Describe the layers, what they cost, and the memory that training takes.

        Print it for a table. `summarize` does the same for a network that is not made yet.

        Parameters
        ----------
        batch_size : int
            Samples per update, at least 1.
        """
        return self.definition.summarize(self._optimizer, read_integer(batch_size, "batch_size"))

    def __repr__(self) -> str:
        return f"Network({self.definition.arguments()}, optimizer={self.optimizer!r})"

    def _read_samples(self, x: ArrayLike, y: ArrayLike, sample_weight: Weights = None) -> Samples:
        return read_samples(x, y, sample_weight, self.input_shape, self.output_shape)
