"""Whether data fit a network that was trained before."""

from __future__ import annotations

import math
from pathlib import Path

from cnnbp.data import Dataset
from cnnbp.network import Network


def require_fit(network: Network, path: Path, data: Dataset, *, every_class: bool = False) -> None:
    """Make sure that a network takes the images and classes of `data`.

    Parameters
    ----------
    network : Network
        The network.
    path : Path
        The file that it comes from.
    data : Dataset
        What it is to train on, or to read.
    every_class : bool
        Whether the data must have a class for each output, as those that it trains on. Others may
        lack the last ones.

    Raises
    ------
    ValueError
        If it takes other images or classes.
    """
    require_fit_of_images(network, path, data.x_train.shape, data.source)
    outputs, classes = math.prod(network.output_shape), data.classes
    least = outputs if every_class else 1
    most = max(outputs, 2)  # one output stands for class 1 against class 0
    if not least <= classes <= most:
        lacking = f", or one-hot rows of {outputs} if some have no image" * (classes < least)
        raise ValueError(
            f"{path} has {outputs} {'output' if outputs == 1 else 'outputs'} and {data.source} has "
            f"{classes} classes; give data of the classes that the network was trained on{lacking}"
        )


def require_fit_of_images(
    network: Network, path: Path, shape: tuple[int, ...], source: str
) -> None:
    """Make sure that a network takes images of this shape, ``(N, C, H, W)``, from `source`.

    Raises
    ------
    ValueError
        If it takes others.
    """
    if shape[1:] != network.input_shape:
        taken, given = ("x".join(map(str, size)) for size in (network.input_shape, shape[1:]))
        raise ValueError(
            f"{path} takes images of {taken} and {source} has images of {given}; "
            "give data of the size that the network was trained on"
        )
