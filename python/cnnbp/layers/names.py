"""What torch's layers are told by name, and these are not."""

from __future__ import annotations

from cnnbp.names import OtherNames, Unneeded

_INFERRED = Unneeded("a network infers the sizes of its layers' inputs")

#: By their names in torch; a threshold of 20 is 2 · 10⁻⁹ from none.
UNNEEDED = {
    "in_channels": _INFERRED,
    "in_features": _INFERRED,
    "num_features": _INFERRED,
    "num_channels": _INFERRED,
    "inplace": Unneeded("the network chooses where results lie"),
    "device": Unneeded("layers compute on the CPU"),
    "dtype": Unneeded("the network has one for all layers"),
    "dim": Unneeded("its axis is that of channels or features", 1),
    "start_dim": Unneeded("it flattens all axes but the batch's", 1),
    "end_dim": Unneeded("it flattens all axes but the batch's", -1),
    "padding_mode": Unneeded("the padding is zeros", "zeros"),
    "return_indices": Unneeded("it gives the largest values alone", False),
    "track_running_stats": Unneeded("running statistics are always kept", True),
    "threshold": Unneeded("it is log(1 + exp(beta u)) / beta at every u", 20),
}

NAMES = OtherNames(UNNEEDED)
