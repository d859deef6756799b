"""Pictures of a training run, and of one pass through a network.

`save_overview` draws an `Overview` on one page: the loss, the learned kernels, what was misread.
`save_sheet` draws a `Sheet`: maps, deltas, weights and gradients of every layer. Arrays go in and a
PNG comes out; this package knows nothing of networks and data sets, and needs no display.
"""

from cnnbp.pictures.misread import Misread
from cnnbp.pictures.overview import MISREAD_SHOWN, Overview, save_overview
from cnnbp.pictures.sheet import Row, Sheet, save_sheet

__all__ = ["MISREAD_SHOWN", "Misread", "Overview", "Row", "Sheet", "save_overview", "save_sheet"]
