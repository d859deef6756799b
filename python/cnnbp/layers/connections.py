"""Which input maps an output map sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Connections(tuple[tuple[bool, ...], ...]):
    """A row for each output channel, with a bool for each input channel.

    ``str`` counts the connections, ``repr`` shows them all.
    """

    def __str__(self) -> str:
        return f"{sum(map(sum, self))} of {sum(map(len, self))}"

    def array(self) -> NDArray[np.bool_]:
        """Return the table as an array of shape ``(out_channels, in_channels)``."""
        return np.array(self, np.bool_)


#: Table I of LeCun, Bottou, Bengio and Haffner (1998), "Gradient-based learning applied to document
#: recognition": the maps of S2 that each of the 16 maps of C3 sees, 60 of the 96 pairs.
LENET5_CONNECTIONS = Connections(
    tuple(str(channel) in seen for channel in range(6))
    for seen in (
        *("012", "123", "234", "345", "045", "015"),
        *("0123", "1234", "2345", "0345", "0145", "0125"),
        *("0134", "1245", "0235", "012345"),
    )
)


def read_connections(value: object, name: str, *, out_channels: int) -> Connections | None:
    """Read an ``(out_channels, in_channels)`` array of bools; None connects all."""
    if value is None:
        return None
    try:
        table = np.asarray(value)
    except ValueError as error:  # rows of unequal lengths
        raise ValueError(f"{name} cannot be read as an array: {error}") from None
    if table.dtype != np.bool_:
        raise TypeError(f"{name} must be an array of bools, got {table.dtype}")
    if table.ndim != 2 or len(table) != out_channels:
        raise ValueError(
            f"{name} must have shape (out_channels, in_channels) = ({out_channels}, in_channels), "
            f"got {table.shape}"
        )
    if not (connected := table.any(axis=1)).all():
        raise ValueError(
            f"{name} leaves output channel {int(np.argmin(connected))} without an input; "
            "connect it or drop it"
        )
    return Connections(map(tuple, table.tolist()))
