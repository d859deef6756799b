"""The digits that come with the package."""

from dataclasses import replace
from pathlib import Path

from cnnbp.data.dataset import Dataset
from cnnbp.data.idx import load_idx_folder


def digits() -> Dataset:
    """Read the MNIST digits that the package carries; it works offline.

    Returns
    -------
    Dataset
        The first 5,000 training and the first 1,000 test digits of MNIST, in MNIST's order:
        uint8 images (N, 1, 28, 28), background 0, ink up to 255, and classes 0 to 9.

    Notes
    -----
    By Y. LeCun, C. Cortes and C. Burges, licensed CC BY-SA 3.0; see ``digits/README.md`` beside
    this file. A class has 434 to 563 training and 85 to 126 test digits.
    """
    return replace(
        load_idx_folder(Path(__file__).parent / "digits"),
        name="MNIST, 6,000 digits",
        source="Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits",
        licence="CC BY-SA 3.0",
    )
