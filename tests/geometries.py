"""One list of geometries, for the tests and for the benchmarks.

A table names its columns. ``2x3`` means 2 along rows and 3 along columns, ``2`` means 2 along
both; padding ``1,2x3,0`` is 1 above, 2 below, 3 to the left, none to the right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """A convolution's shapes and options; ``padding`` is ``((top, bottom), (left, right))``."""

    batch: int
    in_channels: int
    size: Pair
    out_channels: int
    kernel_size: Pair
    stride: Pair = (1, 1)
    padding: tuple[Pair, Pair] = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def options(self) -> dict:
        """The keyword arguments of the convolution functions."""
        return {name: getattr(self, name) for name in ("stride", "padding", "dilation", "groups")}

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        return (self.batch, self.in_channels, *self.size)

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    @property
    def output_size(self) -> Pair:
        axes = zip(
            self.size, self.padding, self.kernel_size, self.stride, self.dilation, strict=True
        )
        return tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, p, k, s, d in axes)

    @property
    def output_shape(self) -> tuple[int, int, int, int]:
        return (self.batch, self.out_channels, *self.output_size)

    @property
    def multiply_adds(self) -> int:
        """Of one pass, by the direct algorithm."""
        return int(np.prod(self.output_shape) * np.prod(self.weight_shape[1:]))

    def __str__(self) -> str:
        named = [f"{self.batch}x{self.in_channels}x{joined(self.size)}"]
        named.append(f"{self.out_channels}k{joined(self.kernel_size)}")
        named += [
            f"{letter}{joined(value)}"
            for letter, value, usual in (
                ("s", self.stride, (1, 1)),
                ("p", sum(self.padding, ()), (0, 0, 0, 0)),
                ("d", self.dilation, (1, 1)),
                ("g", (self.groups,), (1,)),
            )
            if value != usual
        ]
        return "-".join(named)


def joined(values) -> str:
    """``2x3``, or ``2`` for both."""
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def _both(parts: list[str]) -> list[str]:
    return parts * (2 // len(parts))


def read_pair(entry: str) -> Pair:
    """Rows and columns: ``"2x3"``, or ``"2"`` for both."""
    return tuple(int(axis) for axis in _both(entry.split("x")))


def _read_padding(entry: str) -> tuple[Pair, Pair]:
    """The same, where ``"1,2"`` is 1 before and 2 after."""
    return tuple(
        tuple(int(end) for end in _both(axis.split(","))) for axis in _both(entry.split("x"))
    )


#: Column of a table: the field it fills, and how an entry reads.
COLUMNS = {
    "batch": ("batch", int),
    "size": ("size", read_pair),
    "kernel": ("kernel_size", read_pair),
    "stride": ("stride", read_pair),
    "dilation": ("dilation", read_pair),
}
CONV_COLUMNS = COLUMNS | {
    "in": ("in_channels", int),
    "out": ("out_channels", int),
    "padding": ("padding", _read_padding),
    "groups": ("groups", int),
}


def read_table(kind: type, columns: dict, text: str) -> list:
    """One `kind` a row, whose entries the columns that the header names read."""
    header, *rows = (line.split() for line in text.strip().splitlines())
    fields = [columns[name] for name in header]
    return [
        kind(**{name: read(entry) for (name, read), entry in zip(fields, row, strict=True)})
        for row in rows
    ]


#: What the benchmarks time: the layers of LeNets, VGGs and ResNets.
BENCHMARKS: list[Geometry] = read_table(
    Geometry,
    CONV_COLUMNS,
    """
    batch   in  size  out  kernel  stride  padding  groups
       50    1    28    6       5       1        0       1
       50    6    12   12       5       1        0       1
      256    6    12   12       5       1        0       1
       64    6    14   16       5       1        0       1
       64    1    28   20       5       1        0       1
       64   20    12   50       5       1        0       1
       32    8    32    8       5       1        2       1
      128    3    32   16       3       1        1       1
      128   16    32   16       3       1        1       1
      128   16    32   32       3       2        1       1
      128   32    16   32       3       1        1       1
      128   64     8   64       3       1        1       1
       64   64    32   64       3       1        1       1
       64  128    16  128       3       1        1       1
       64  256     8  256       3       1        1       1
       64   27    13   65       3       1        1       1
        8    3   224   64       7       2        3       1
        8   64    56  256       1       1        0       1
        8   64    56   64       3       1        1       1
        8  256    56  512       1       2        0       1
        8  128    56  128       3       2        1       1
        8  256    14  256       3       1        1       1
        8 1024    14  256       1       1        0       1
        8  512     7  512       3       1        1       1
       64   32    32   32       3       1        1      32
       64   64    16   64       3       1        1      64
       64  128     8  128       3       1        1     128
    """,
)

#: Shapes with one odd thing each: every option, and every way in which a window can miss pixels.
ODD: list[Geometry] = read_table(
    Geometry,
    CONV_COLUMNS,
    """
    batch  in  size  out  kernel  stride  padding  dilation  groups
        1   1     1    1       1       1        0         1       1
        3   2   5x7    3     2x3       1        0         1       1
        3   2   7x5    3     1x4       1        0         1       1
        2   3     6    4       6       1        0         1       1
       17   1     5    6       5       1        0         1       1
        5   3     8    7       3       2        0         1       1
        5   3     9    7       3     3x2        1         1       1
        4   2     7    3       2       5        0         1       1
        4   2    11    3       1       3        0         1       1
        3   2     5    3       3       1        1         1       1
        3   2     5    3       3       1        4         1       1
        3   2     4    5       3       2        5         1       1
        3   2   4x6    5       3       1      1x2         1       1
        3   2     5    3       2       1  0,1x0,1         1       1
        3   2     5    3       4       1  1,2x3,0         1       1
        2   1     1    2       3       1        1         1       1
        2   1     2    2       5       2  2,3x4,1         1       1
        3   2     7    4       3       1        0         2       1
        3   2     9    4     3x2       2        2       3x2       1
        2   2     5    4       3       1        2         2       1
        2   2     6    3       2       1        0         5       1
        3   5   7x9    6       1       1        0         1       1
        2   6   3x7    4       1       1        0         1       2
        3   4     5    6       3       1        1         1       2
        3   6     5    6       3       1        1         1       3
        3   6     6   12       3       2        1         1       6
       17   7     5    7       3       1        1         1       7
        2   3   9x8    3       3       1        1         1       3
        2   2   4x9    2       3       1        0         1       2
        2   3  6x19    3       3       1        1         1       3
        1   2  3x33    2       3       1        2         1       2
        2   2  5x10    2       3       1  2,0x0,2         1       2
        2   3  7x12    3       5       1        2         1       3
        2   2  5x18    2       5       1        4         1       2
        1   2   6x7    2       5       1        0         1       2
        3  26     4   26       3       1        1         1      13
        3   9     7    6       3       2        3         2       3
        2  14     3   21       2       1        1         1       7
        5  64     3   19       1       1        0         1       1
        7   3    19   10       7       2        3         1       1
        8   1    13    6       5       2        2         1       1
        6   2    11    5       5       1        2         1       1
        3  16    16   16       3       1        1         1       1
        2   5  3x40    7       3       1        1         1       1
        2   5  40x3    7       3       1        1         1       1
       17   3     8    5       3       1        1         1       1
       16   3   5x2    3       3       1        1         1       1
       16   6   6x7    4       3       1        2         1       1
       17   6   9x6    5       3     2x1        1       2x1       1
       33   9     5    6       3       1        0         1       3
        2  16     1   16       1       2        1         1       1
        3  16   8x6    2       2       1        1         2       1
    """,
)

#: Functions on arrays read and write these where they lie: kernels of one pixel, and 3×3 ones of a
#: channel each, on maps that are not too small.
IN_PLACE: list[Geometry] = read_table(
    Geometry,
    CONV_COLUMNS,
    """
    batch  in   size  out  kernel  stride  padding  dilation  groups
        3   5    7x9    6       1       1        0         1       1
        2   6    4x4    4       1       1        0         1       2
        1   1   1x17    1       1       1        0         1       1
        3  50    5x5   70       1       1        0         1       1
        2  16  13x11   32       1       1        0         1       1
        1 600    6x6  300       1       1        0         1       1
        3   4  12x12    4       3       1        1         1       4
        2   3  16x17    3       3       1        1         1       3
        2   2   5x31    2       3       1        1         1       2
        1   2   70x2    2       3       1        1         1       2
        1   2   3x66    2       3       1        2         1       2
        2   2  14x12    2       3       1        0         1       2
        2   3   9x30    3       3       1  2,0x0,2         1       3
        2   3  48x3     3       3       1        1         1       3
    """,
)
#: Full and partial blocks: 16 or 8 samples a block, the tails of 4, 8 and 2, and one more or less.
BATCHES = (1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 33, 50)
#: Register tiles of 6 channels, one more and one less.
CHANNELS = (1, 2, 3, 5, 6, 7, 11, 12, 13)

_SMALL = Geometry(
    batch=3,
    in_channels=2,
    size=(4, 4),
    out_channels=3,
    kernel_size=(2, 2),
    padding=((1, 0), (0, 1)),
)

LANE_EDGES = [replace(_SMALL, batch=n) for n in BATCHES]
TILE_EDGES = [
    replace(_SMALL, in_channels=i, out_channels=o) for i, o in product(CHANNELS, repeat=2)
]
COLUMN_EDGES = [
    replace(
        _SMALL, size=(3, columns), kernel_size=(3, 3), padding=((1, 1), (1, 1)), stride=(1, stride)
    )
    for columns, stride in product(range(1, 10), (1, 2))
]
#: Rows of the same taps, which few target channels take two or four at a time: as many of them as
#: fill such tiles, one more and one less, forward with few outputs, and back with few inputs.
ROW_EDGES = [
    Geometry(
        batch=17,
        in_channels=i,
        size=(rows, 5),
        out_channels=o,
        kernel_size=(5, 3),
        stride=(stride, 1),
        padding=((2, 2), (1, 1)),
    )
    for few in (1, 2, 3)
    for i, o in [(20, few), (few, 20)]
    for rows, stride in [(5, 1), (8, 1), (9, 1), (11, 1), (9, 2), (16, 2)]
]


def _drawn(count: int, seed: int, channels: Sequence[int], groups: Sequence[int]) -> list[Geometry]:
    """Geometries drawn at random, the same in every run; ``channels`` are those of one group."""
    rng = np.random.default_rng(seed)
    drawn = []
    while len(drawn) < count:
        parts = int(rng.choice(groups))
        in_channels, out_channels = (parts * int(n) for n in rng.choice(channels, 2))
        geometry = Geometry(
            batch=int(rng.integers(1, 20)),
            in_channels=in_channels,
            size=_pair(rng, 1, 11),
            out_channels=out_channels,
            kernel_size=_pair(rng, 1, 5),
            stride=_pair(rng, 1, 3),
            padding=(_pair(rng, 0, 3), _pair(rng, 0, 3)),
            dilation=_pair(rng, 1, 2),
            groups=parts,
        )
        if min(geometry.output_size) > 0:
            drawn.append(geometry)
    return drawn


def _pair(rng: np.random.Generator, least: int, most: int) -> Pair:
    return tuple(int(n) for n in rng.integers(least, most + 1, 2))


DRAWN = _drawn(count=60, seed=1, channels=range(1, 9), groups=[1, 1, 1, 2, 3])

#: Enough channels for the sums that are matrix products: whole lane vectors, one more and one less.
#: Nearly all of the first 40 have a stride.
MANY_CHANNELS = [
    *_drawn(count=40, seed=2, channels=[8, 15, 16, 17, 32, 48], groups=[1]),
    *(replace(g, stride=(1, 1)) for g in _drawn(12, 3, channels=[16, 48, 50, 100], groups=[1])),
    *(
        replace(_SMALL, batch=n, in_channels=i, out_channels=o, kernel_size=(1, 1))
        for n, i, o in [(1, 16, 16), (5, 16, 17), (17, 17, 16), (20, 80, 160), (9, 160, 80)]
    ),
    *(
        Geometry(batch=n, in_channels=i, size=(5, 7), out_channels=o, kernel_size=(1, 1))
        for n, i, o in [(1, 140, 17), (25, 160, 40), (3, 520, 130), (20, 60, 270)]
    ),
    # Rows of a strided delta that are longer than panels of 4, 2 and 1 times as many pixels.
    *(
        Geometry(
            batch=n,
            in_channels=7,
            size=(3, 75),
            out_channels=o,
            kernel_size=(k, k),
            stride=(2, 2),
        )
        for n, o, k in [(20, 100, 1), (17, 100, 2), (5, 200, 1), (1, 300, 1)]
    ),
    # Strided kernels of few channels to many: no whole vectors, long rows, more taps than a panel.
    *(
        Geometry(
            batch=n,
            in_channels=i,
            size=size,
            out_channels=o,
            kernel_size=k,
            stride=(2, 3),
            padding=((1, 2), (3, 0)),
        )
        for n, i, size, o, k in [
            (1, 3, (9, 8), 33, (4, 5)),
            (17, 5, (5, 20), 50, (2, 5)),
            (20, 2, (4, 400), 35, (3, 9)),
            (5, 20, (24, 26), 130, (11, 12)),
        ]
    ),
    # Pixels that read nothing but padding.
    *(
        Geometry(
            batch=n,
            in_channels=140,
            size=(5, 7),
            out_channels=17,
            kernel_size=(1, 1),
            stride=(s, s),
            padding=((2, 5), (3, 1)),
        )
        for n, s in [(5, 1), (17, 1), (5, 2)]
    ),
]

#: Every small geometry that the tests of convolution use.
SMALL = LANE_EDGES + TILE_EDGES + COLUMN_EDGES + ROW_EDGES + ODD + DRAWN + MANY_CHANNELS

#: The benchmarks' layers with one block of samples and one more; the large ones with two samples.
REAL = list(
    dict.fromkeys(
        replace(g, batch=17 if g.multiply_adds / g.batch < 2e7 else 2) for g in BENCHMARKS
    )
)
