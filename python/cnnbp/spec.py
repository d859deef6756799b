"""The toolbox's shorthand for networks, ``"6c5-2s-12c5-2s-10o"``.

Pieces are joined by dashes:

=======  ===================================================================
``NcK``  convolution: N maps, kernels of K x K
``NlK``  the same with learned combinations: one kernel for each input map
``Ks``   mean pooling over K x K
``Km``   max pooling over K x K
``Kt``   trainable subsampling of K x K blocks, with the hidden layers' activation
``N``    hidden fully connected layer of N units
``No``   output layer of N classes; the last piece
=======  ===================================================================
"""

from __future__ import annotations

import re

from cnnbp import layers
from cnnbp.arguments import read_integer
from cnnbp.layers.base import read_activation
from cnnbp.losses import MSE, Loss, LossName, read_loss

GRAMMAR = (
    "A network is pieces joined by '-': NcK (convolution, N maps, K x K kernels), NlK (learned "
    "combinations, a K x K kernel for each input map), Ks (mean pooling), Km (max pooling), "
    "Kt (trainable subsampling), N (hidden layer), No (output layer, last)."
)

_NUMBER = "([1-9][0-9]{0,8})"
_PIECE = re.compile(f"{_NUMBER}(?:([smto])|([cl]){_NUMBER})?")


def parse_spec(
    spec: str,
    *,
    classes: int | None = None,
    activation: str | None = None,
    loss: Loss | LossName = "mse",
) -> list[layers.Layer]:
    """Make the layers of a network written in the shorthand.

    Parameters
    ----------
    spec : str
        The shorthand, such as ``"6c5-2s-12c5-2s-10o"``.
    classes : int, optional
        Number of classes. Needed when `spec` has no output layer, as the toolbox writes it.
    activation : {"sigmoid", "tanh", "relu"}, optional
        Activation of convolutions, trainable subsampling and hidden layers; when left out, sigmoid
        with "mse" and relu with any other loss.
    loss : Loss or str
        As `Network` takes it. With "mse" the output layer has a sigmoid, else no activation.

    Returns
    -------
    list of Layer

    Raises
    ------
    TypeError, ValueError
        If `spec` is no string or cannot be read; the message points at the piece.
    """
    if not isinstance(spec, str):
        raise TypeError(f"spec must be a string such as '6c5-2s-12c5-2s-10o', got {spec!r}")
    output = output_activation(read_loss(loss))
    hidden = read_activation(activation, "activation") or output or "relu"
    pieces = spec.split("-")
    last = len(pieces) - 1
    made = [_read_piece(pieces, place, hidden, output) for place in range(len(pieces))]
    if not pieces[last].endswith("o"):
        if classes is None:
            raise _unreadable(pieces, last, "end with an output layer 'No', or give classes")
        made.append(layers.Linear(read_integer(classes, "classes"), activation=output))
    elif classes is not None and pieces[last] != f"{read_integer(classes, 'classes')}o":
        raise _unreadable(pieces, last, f"the data has {classes} classes")
    return made


def output_activation(loss: Loss) -> str | None:
    """Return the activation of the shorthand's output layer."""
    return "sigmoid" if isinstance(loss, MSE) else None


def _read_piece(pieces: list[str], place: int, hidden: str, output: str | None) -> layers.Layer:
    match = _PIECE.fullmatch(pieces[place])
    if match is None:
        raise _unreadable(pieces, place, "not a piece of a network")
    size, kind, convolution, kernel_size = match.groups()
    if convolution == "c":
        return layers.Conv2d(int(size), int(kernel_size), activation=hidden)
    if convolution == "l":
        return layers.CombineConv2d(int(size), int(kernel_size), activation=hidden)
    if kind == "s":
        return layers.AvgPool2d(int(size))
    if kind == "m":
        return layers.MaxPool2d(int(size))
    if kind == "t":
        return layers.Subsample2d(int(size), activation=hidden)
    if kind == "o":
        if place < len(pieces) - 1:
            raise _unreadable(pieces, place, "an output layer comes last")
        return layers.Linear(int(size), activation=output)
    return layers.Linear(int(size), activation=hidden)


def _unreadable(pieces: list[str], place: int, why: str) -> ValueError:
    start = len("-".join([*pieces[:place], ""]))
    return ValueError(
        f"cannot read {pieces[place]!r} at position {start + 1}: {why}\n"
        f"    {'-'.join(pieces)}\n    {' ' * start}{'^' * max(len(pieces[place]), 1)}\n{GRAMMAR}"
    )
