"""MATLAB files of the DeepLearnToolbox's form, such as its ``mnist_uint8.mat``."""

from os import PathLike

import numpy as np

from cnnbp.data.dataset import Dataset
from cnnbp.data.files import as_file
from cnnbp.data.mat_file import read_variables

NAMES = ("train_x", "train_y", "test_x", "test_y")


def load_mat(path: str | PathLike[str]) -> Dataset:
    """Read images and classes from a ``.mat`` file of the DeepLearnToolbox's form.

    Parameters
    ----------
    path : str or Path
        A file saved by MATLAB, Octave or SciPy as version 5 to 7 (``save -v7``) with ``train_x``
        (N, H·W), one square image a row, ``train_y`` (N, classes), one-hot rows, or class numbers
        (N, 1) or (1, N), and perhaps ``test_x`` and ``test_y``. Other variables are not read.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or lacks a matrix, or holds one of another form.

    Notes
    -----
    A row of ``train_x`` lists its image from left to right, then from top to bottom; so the digits
    of this data set are upright. The toolbox itself sees them transposed, because
    ``reshape(train_x', 28, 28, N)`` fills columns first. Its view of the same images is
    ``x_train[:, 0].transpose(2, 1, 0) / 255``: rows, columns, samples.
    """
    path = as_file(path)
    variables = read_variables(path, NAMES)
    stored = {name: v for name, v in variables.items() if isinstance(v, np.ndarray)}
    names = [name for name in NAMES if name in stored]
    if names not in (list(NAMES), list(NAMES[:2])):
        raise ValueError(
            f"{path}: holds {names or 'none'} of the numeric matrices {', '.join(NAMES)}; "
            "expected the first two or all four"
        )
    for name in names:
        if stored[name].ndim != 2:
            raise ValueError(
                f"{path}: {name} has shape {stored[name].shape}; "
                "expected a matrix with one image or target a row"
            )
    for images, targets in zip(names[::2], names[1::2], strict=True):
        # SciPy writes an array of one axis as a row.
        if len(stored[targets]) == 1 < len(stored[images]):
            stored[targets] = stored[targets].T
    arrays = [stored[name] for name in names]
    return Dataset.from_arrays(*arrays, name=path.stem, source=str(path))
