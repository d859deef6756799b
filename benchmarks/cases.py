"""What is measured: whole networks in training and prediction, and passes of convolutions."""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tests.geometries import BENCHMARKS, Geometry

Pass = Literal["forward", "delta", "gradient"]


@dataclass(frozen=True, kw_only=True)
class NetworkCase:
    """A network that both libraries build under this name, and the batches it is trained on."""

    name: str
    input_shape: tuple[int, int, int]
    batch_size: int
    batches: int
    loss: Literal["mse", "cross_entropy"]
    lr: float

    def samples(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return random images in 0 to 1 and class numbers, for all batches of an epoch."""
        count = self.batch_size * self.batches
        return self.images(count), np.random.default_rng(seed=2).integers(0, 10, count)

    def images(self, count: int) -> NDArray[np.float32]:
        """Return random images in 0 to 1."""
        shape = (count, *self.input_shape)
        return np.random.default_rng(seed=1).random(shape, dtype=np.float32)

    def __str__(self) -> str:
        return f"{self.name}, batch {self.batch_size}"


@dataclass(frozen=True, kw_only=True)
class PredictionCase:
    """What a network makes of so many images, given at once."""

    network: NetworkCase
    count: int

    def __str__(self) -> str:
        return f"{self.network.name}, {self.count} image{'s' if self.count > 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class EpochCase:
    """Training on all images once, in an order drawn anew: as bytes, which batches are made of."""

    network: NetworkCase

    def samples(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return random images in 0 to 255, and class numbers."""
        images, classes = self.network.samples()
        return (images * 256).astype(np.uint8), classes

    def __str__(self) -> str:
        images = self.network.batch_size * self.network.batches
        return f"{self.network}, an epoch of {images:,} images"


@dataclass(frozen=True, kw_only=True)
class ScalingCase:
    """Training steps by one thread, and by as many as the libraries have."""

    network: NetworkCase

    def __str__(self) -> str:
        return str(self.network)


@dataclass(frozen=True, kw_only=True)
class PassCase:
    """One pass of one convolution: its output, the delta of its input or its weight's gradient."""

    geometry: Geometry
    which: Pass
    algorithm: Literal["auto", "direct"] = "auto"

    @property
    def flops(self) -> int:
        """Of the direct algorithm, whatever is used; taps on padding do not count."""
        g = self.geometry
        axes = zip(
            g.size, g.kernel_size, g.stride, g.padding, g.dilation, g.output_size, strict=True
        )
        meets = [
            sum(
                0 <= i * stride + tap * step - before < size
                for i in range(outputs)
                for tap in range(taps)
            )
            for size, taps, stride, (before, _), step, outputs in axes
        ]
        return 2 * g.batch * prod(meets) * g.in_channels // g.groups * g.out_channels

    @property
    def bytes_moved(self) -> int:
        """What a pass must at least move: two of input, weight and output in, the third out.

        Samples lie in blocks of 16 lanes of float32, the last of which may have 8, 4 or 1.
        """
        geometry = self.geometry
        full, rest = divmod(geometry.batch, 16)
        lanes = 16 * full + next(lanes for lanes in (0, 1, 4, 8, 16) if lanes >= rest)
        maps = prod(geometry.input_shape[1:]) + prod(geometry.output_shape[1:])
        return 4 * (lanes * maps + prod(geometry.weight_shape))

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return a random input, weight and output delta."""
        rng = np.random.default_rng(seed=1)
        geometry = self.geometry
        shapes = geometry.input_shape, geometry.weight_shape, geometry.output_shape
        x, weight, output_delta = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
        return x, weight, output_delta

    def __str__(self) -> str:
        return f"{self.geometry} {self.which}" + (" direct" if self.algorithm == "direct" else "")


Case = NetworkCase | PredictionCase | EpochCase | ScalingCase | PassCase


NETWORKS = [
    NetworkCase(
        name="toolbox",
        input_shape=(1, 28, 28),
        batch_size=50,
        batches=40,
        loss="mse",
        lr=0.1,
    ),
    NetworkCase(
        name="lenet",
        input_shape=(1, 28, 28),
        batch_size=64,
        batches=16,
        loss="cross_entropy",
        lr=0.01,
    ),
    NetworkCase(
        name="vgg_small",
        input_shape=(3, 32, 32),
        batch_size=64,
        batches=2,
        loss="cross_entropy",
        lr=0.01,
    ),
    NetworkCase(
        name="resnet20",
        input_shape=(3, 32, 32),
        batch_size=128,
        batches=2,
        loss="cross_entropy",
        lr=0.01,
    ),
]

#: One weight and ten outputs: with it, a library sets up what it sets up once.
TINY = NetworkCase(
    name="tiny", input_shape=(1, 2, 2), batch_size=1, batches=1, loss="cross_entropy", lr=0.01
)

PREDICTIONS = [
    PredictionCase(network=network, count=count) for network in NETWORKS for count in (1, 16, 1000)
]

EPOCHS = [EpochCase(network=replace(NETWORKS[0], batches=1200))]

SCALINGS = [ScalingCase(network=network) for network in NETWORKS]

PASSES = [
    PassCase(geometry=geometry, which=which)
    for geometry in BENCHMARKS
    for which in ("forward", "delta", "gradient")
]
