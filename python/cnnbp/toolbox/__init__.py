"""The CNN of the DeepLearnToolbox, function by function, computed by the compiled core.

The seven functions keep the names, arguments, field names and array shapes of R. B. Palm's MATLAB
toolbox (2012), and its numbers: everything is float64. As in MATLAB a function returns a new net
and leaves its argument as it was; arrays that did not change are shared between the two::

    from cnnbp.toolbox import Net, Options, cnnsetup, cnntest, cnntrain

    cnn = Net([{"type": "i"}, {"type": "c", "outputmaps": 6, "kernelsize": 5},
               {"type": "s", "scale": 2}])
    cnn = cnnsetup(cnn, x, y, seed=0)         # x: rows × columns × samples, y: classes × samples
    cnn = cnntrain(cnn, x, y, Options(alpha=1, batchsize=50, numepochs=1), seed=0)
    er, bad = cnntest(cnn, x, y)

What differs from MATLAB: layers, maps and samples are counted from 0, so ``layers{2}.k{1}{3}`` is
``layers[1].k[0][2]``; row vectors (``rL``, ``bad``, ``b``, ``db``) have one axis.
"""

from cnnbp.toolbox.gradcheck import cnnnumgradcheck
from cnnbp.toolbox.mat import load_mat
from cnnbp.toolbox.net import Layer, Net
from cnnbp.toolbox.passes import cnnbp, cnnff
from cnnbp.toolbox.setup import cnnsetup
from cnnbp.toolbox.training import Options, cnnapplygrads, cnntest, cnntrain

__all__ = [
    "Layer",
    "Net",
    "Options",
    "cnnapplygrads",
    "cnnbp",
    "cnnff",
    "cnnnumgradcheck",
    "cnnsetup",
    "cnntest",
    "cnntrain",
    "load_mat",
]
