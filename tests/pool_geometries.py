"""One list of pooling windows, written as `geometries` are."""

from dataclasses import dataclass, replace

from geometries import BATCHES, CHANNELS, COLUMNS, Pair, joined, read_pair, read_table


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pooling window over images; ``dilation`` is for the maximum alone."""

    batch: int
    channels: int
    size: Pair
    kernel_size: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    @property
    def window(self) -> dict:
        """The keyword arguments that both kinds of pooling have."""
        return {n: getattr(self, n) for n in ("kernel_size", "stride", "padding", "ceil_mode")}

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        return (self.batch, self.channels, *self.size)

    def __str__(self) -> str:
        text = f"{self.batch}x{self.channels}x{joined(self.size)}-k{joined(self.kernel_size)}"
        text += f"s{joined(self.stride)}p{joined(self.padding)}d{joined(self.dilation)}"
        return text + ("-ceil" if self.ceil_mode else "")


POOL_COLUMNS = COLUMNS | {
    "channels": ("channels", int),
    "padding": ("padding", read_pair),
    "ceil": ("ceil_mode", lambda entry: entry == "yes"),
}

POOLS: list[Pool] = read_table(
    Pool,
    POOL_COLUMNS,
    """
    batch  channels  size  kernel  stride  padding  dilation  ceil
        1         1     4       2       2        0         1    no
       17         3     6       2       2        0         1    no
       16         7     5       3       1        1         1    no
        3         2     5       2       2        0         1    no
        3         2     5       2       2        0         1   yes
        3         2     7       3       2        1         1    no
        3         2     7       3       2        1         1   yes
        3         2     6       3       2        1         1   yes
        3         2   5x8     2x3     2x1        0         1    no
        3         2   8x5     3x2     1x2      1x0         1   yes
        2         3     7       2       3        0         1    no
        2         3     7       2       3        0         1   yes
        2         3     3       2       2        1         1   yes
        2         3     9       5       4        2         1   yes
        2         3    10       3       4        1         1   yes
        2         1     1       1       1        0         1    no
        2         1     4       4       4        0         1    no
        2         1     3       3       1        1         1    no
    """,
)
POOLS += [replace(POOLS[1], batch=n) for n in BATCHES] + [
    replace(POOLS[2], batch=3, channels=c) for c in CHANNELS
]

#: Windows with holes, which only the maximum has.
DILATED_POOLS: list[Pool] = read_table(
    Pool,
    POOL_COLUMNS,
    """
    batch  channels  size  kernel  stride  padding  dilation  ceil
        3         2     7       2       2        0         2    no
        3         2     8       3     1x2        1         2    no
        3         2     8       2       3        1       3x2   yes
       17         3   9x7     2x3       2      1x0       1x2   yes
    """,
)
