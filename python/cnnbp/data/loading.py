"""One door to every format."""

from os import PathLike

from cnnbp.data.dataset import Dataset
from cnnbp.data.files import as_path
from cnnbp.data.idx import load_idx_folder
from cnnbp.data.mat import load_mat
from cnnbp.data.npz import load_npz

READERS = {".npz": load_npz, ".mat": load_mat}


def load(path: str | PathLike[str]) -> Dataset:
    """Read a data set, in the format that the path tells.

    Parameters
    ----------
    path : str or Path
        A folder with the four IDX files of MNIST (plain or ``.gz``), an ``.npz`` file with
        ``x_train``, ``y_train``, ``x_test``, ``y_test`` or ``x``, ``y``, or a ``.mat`` file with
        ``train_x``, ``train_y``, ``test_x``, ``test_y``. ``~`` is the home folder.

    Returns
    -------
    Dataset
        With ``x_test`` and ``y_test`` None if there is no test part; `Dataset.split` makes one.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`, or a folder lacks a file.
    ValueError
        If the format is not one of these, or a file is damaged or does not hold what it should.
    TypeError
        If `path` is not a path.

    Examples
    --------
    >>> data = cnnbp.data.load("mnist.npz")
    >>> if data.x_test is None:
    ...     data = data.split()
    >>> net.fit(data.x_train, data.y_train, validation_data=(data.x_test, data.y_test))
    """
    path = as_path(path)
    if path.is_dir():
        return load_idx_folder(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(
            f"{path}: expected an .npz file, a .mat file, or a folder with the IDX files of MNIST "
            "(for an IDX file, give the folder it is in)"
        )
    return reader(path)
