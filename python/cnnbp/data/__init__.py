"""Images and their classes, read from files into one kind of `Dataset`.

Every reader checks what a file claims before it believes it. A damaged, truncated or mislabelled
file gets a `ValueError` that names the file, what it holds and what was expected.
"""

from cnnbp.data.dataset import Dataset
from cnnbp.data.idx import read_idx
from cnnbp.data.loading import load
from cnnbp.data.packaged import digits

__all__ = ["Dataset", "digits", "load", "read_idx"]
