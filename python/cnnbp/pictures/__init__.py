"""Pictures of a training run: the loss, the learned kernels and what was misread.

`save_overview` draws an `Overview` on one page. Arrays go in and a PNG comes out; this package
knows nothing of networks and data sets, and needs no display.
"""

from cnnbp.pictures.misread import Misread
from cnnbp.pictures.overview import MISREAD_SHOWN, Overview, save_overview

__all__ = ["MISREAD_SHOWN", "Misread", "Overview", "save_overview"]
