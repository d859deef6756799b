"""The toolbox's training and testing: `cnnapplygrads`, `cnntrain`, `cnntest`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnbp.arguments import read_integer, read_number
from cnnbp.toolbox.layout import check_same_samples, float64_array
from cnnbp.toolbox.net import Net, require_net
from cnnbp.toolbox.passes import cnnbp, cnnff

#: Samples that `cnntest` runs at a time, so that its memory does not grow with the test set.
_CHUNK = 1000


@dataclass(frozen=True)
class Options:
    """How to train; the toolbox's ``opts``. The defaults are those of its example.

    Attributes
    ----------
    alpha : float
        Learning rate, finite.
    batchsize, numepochs : int
        Samples in a batch, and passes over the data; at least 1.
    """

    alpha: float = 1.0
    batchsize: int = 50
    numepochs: int = 1

    def __post_init__(self) -> None:
        """Check the values."""
        read_number(self.alpha, "opts.alpha")
        read_integer(self.batchsize, "opts.batchsize")
        read_integer(self.numepochs, "opts.numepochs")


#: What stands for MATLAB's struct ``opts``.
OptionsLike: TypeAlias = Options | Mapping[str, Any] | SimpleNamespace


def cnnapplygrads(net: Net, opts: OptionsLike) -> Net:
    """Return `net` after one step of gradient descent, ``p − alpha · ∂L/∂p`` for each weight.

    Parameters
    ----------
    net : Net
        As returned by `cnnbp`.
    opts : Options, mapping or SimpleNamespace
        Only `alpha` is used.

    Raises
    ------
    ValueError
        If `net` holds no gradients, or an option is out of range.
    TypeError
        If `net` is no `Net`, or `opts` holds an unknown option.
    """
    require_net(net)
    alpha = _options(opts).alpha
    net.require_gradients()
    net = net.copy()
    for layer in net.layers:
        if layer.type == "c":
            layer.k = layer.k - alpha * layer.dk
            layer.b = layer.b - alpha * layer.db
    net.ffW = net.ffW - alpha * net.dffW
    net.ffb = net.ffb - alpha * net.dffb
    return net


def cnntrain(
    net: Net,
    x: ArrayLike,
    y: ArrayLike,
    opts: OptionsLike,
    *,
    seed: int | np.random.Generator | None = None,
    batches: Iterable[ArrayLike] | None = None,
) -> Net:
    """Train `net` batch by batch on samples in random order.

    Parameters
    ----------
    net : Net
        With weights, from `cnnsetup` or `load_mat`.
    x : array_like of shape (rows, columns, samples)
        Images, taken as float64.
    y : array_like of shape (classes, samples)
        Targets.
    opts : Options, mapping or SimpleNamespace
        `alpha`, `batchsize` and `numepochs`. The batch size must divide the number of samples.
    seed : int, numpy.random.Generator or None
        Where the order comes from, a new one for each epoch.
    batches : iterable of array_like of int, optional
        The samples of each step, counted from 0, in place of a random order. `batchsize` and
        `numepochs` are not used then. For repeating a run exactly.

    Returns
    -------
    Net
        With the weights after the last step, all fields of the last pass, and
        ``rL = [L₁, 0.99 L₁ + 0.01 L₁, …]``: the first batch's loss, then ``0.99 rL + 0.01 L``
        after every batch.

    Raises
    ------
    ValueError
        For shapes that do not fit, a batch size that does not divide the samples, or sample
        numbers out of range.
    TypeError
        If `net` is no `Net`, or if `x` or `y` does not hold real numbers, `batches` integers, or
        `opts` known options.
    """
    require_net(net)
    options = _options(opts)
    x, y = _samples(x, y)
    count = x.shape[2]
    order = _shuffled(count, options, seed) if batches is None else _checked(count, batches)
    smoothed: list[float] = []
    for batch in order:
        net = cnnapplygrads(cnnbp(cnnff(net, x[:, :, batch]), y[:, batch]), options)
        smoothed = smoothed or [net.L]
        smoothed.append(0.99 * smoothed[-1] + 0.01 * net.L)
    net = net.copy()
    net.rL = np.array(smoothed)
    return net


def cnntest(net: Net, x: ArrayLike, y: ArrayLike) -> tuple[float, NDArray[np.intp]]:
    """Return the error of `net` on `x`, and which samples it reads wrongly.

    Parameters
    ----------
    net : Net
        With weights.
    x : array_like of shape (rows, columns, samples)
        Images, taken as float64.
    y : array_like of shape (classes, samples)
        Targets; the class of a sample is its largest.

    Returns
    -------
    er : float
        Share of the samples read wrongly, from 0 to 1. Outputs that are all NaN count as the first
        class, as in the toolbox.
    bad : numpy.ndarray of shape (number of wrong samples,)
        Their numbers, counted from 0 (MATLAB's ``bad`` counts from 1), in rising order.

    Raises
    ------
    ValueError, TypeError
        As `cnnff`; and if `y` has not one column a sample, and one row a class of `net`.
    """
    require_net(net)
    x, y = _samples(x, y)
    if hasattr(net, "ffW") and net.ffW.shape[0] != y.shape[0]:
        raise ValueError(
            f"y must have a row for each of the net's {net.ffW.shape[0]} classes, got {y.shape}"
        )
    starts = range(0, x.shape[2], _CHUNK)
    read = [cnnff(net, x[:, :, start : start + _CHUNK]).o.argmax(axis=0) for start in starts]
    bad = np.flatnonzero(np.concatenate(read) != y.argmax(axis=0))
    return bad.size / y.shape[1], bad


def _options(opts: OptionsLike) -> Options:
    """Return `opts` with its values checked."""
    if isinstance(opts, Options):
        return opts
    if isinstance(opts, Mapping):
        return Options(**opts)
    if isinstance(opts, SimpleNamespace):
        return Options(**vars(opts))
    raise TypeError(f"opts must be Options, a mapping or a SimpleNamespace, got {opts!r}")


def _samples(x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return images and targets as float64, as many of the one as of the other."""
    images = float64_array("x", x, ("rows", "columns", "samples"))
    targets = float64_array("y", y, ("classes", "samples"))
    check_same_samples(images.shape, targets.shape)
    return images, targets


def _shuffled(
    count: int, options: Options, seed: int | np.random.Generator | None
) -> Iterator[NDArray[np.intp]]:
    """Yield the samples of each batch of all epochs, in random order."""
    if count % options.batchsize:
        raise ValueError(
            f"opts.batchsize must divide the number of samples, got {count} samples in batches "
            f"of {options.batchsize}, which is {count / options.batchsize:g} batches. "
            "Leave out some samples or choose another size"
        )
    rng = np.random.default_rng(seed)
    for _ in range(options.numepochs):
        yield from rng.permutation(count).reshape(-1, options.batchsize)


def _checked(count: int, batches: Iterable[ArrayLike]) -> list[NDArray[np.intp]]:
    """Return explicit batches once all their sample numbers are known to exist."""
    arrays = [np.asarray(batch) for batch in batches]
    for step, batch in enumerate(arrays):
        if batch.dtype.kind not in "iu":
            raise TypeError(f"batches[{step}] must hold integers, got dtype {batch.dtype}")
        if batch.ndim != 1 or batch.size == 0 or batch.min() < 0 or batch.max() >= count:
            raise ValueError(
                f"batches[{step}] must be a row of sample numbers from 0 to {count - 1}, "
                f"got {batch!r}"
            )
    if not arrays:
        raise ValueError("batches must hold at least one batch, got none")
    return arrays
