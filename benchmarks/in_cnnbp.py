"""cnnbp's side."""

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

import cnnbp
from benchmarks.cases import EpochCase, NetworkCase, PassCase, PredictionCase
from benchmarks.library import Library, Measure, timed
from cnnbp import _core, functional, optim
from cnnbp import layers as L  # noqa: N812


def toolbox() -> list[L.Layer]:
    """6c5-2s-12c5-2s-10 with sigmoids."""
    return [
        *(L.Conv2d(6, 5, activation="sigmoid"), L.AvgPool2d(2)),
        *(L.Conv2d(12, 5, activation="sigmoid"), L.AvgPool2d(2)),
        L.Linear(10, activation="sigmoid"),
    ]


def lenet() -> list[L.Layer]:
    """20c5-2m-50c5-2m-500-10 with ReLUs."""
    return [
        *(L.Conv2d(20, 5, activation="relu"), L.MaxPool2d(2)),
        *(L.Conv2d(50, 5, activation="relu"), L.MaxPool2d(2)),
        *(L.Linear(500, activation="relu"), L.Linear(10)),
    ]


def vgg_small() -> list[L.Layer]:
    """64 64 m 128 128 m 256 256 m, all 3×3, then one Linear layer."""
    layers: list[L.Layer] = []
    for out_channels in (64, 128, 256):
        layers += 2 * [L.Conv2d(out_channels, 3, padding=1, activation="relu")]
        layers += [L.MaxPool2d(2)]
    return [*layers, L.Linear(10)]


def resnet20() -> list[L.Layer]:
    """16, 32 and 64 maps, three blocks each, option B shortcuts (He et al. 2015, section 4.2)."""
    layers = [L.Conv2d(16, 3, padding=1, bias=False), L.BatchNorm2d(activation="relu")]
    for channels, stride in [(16, 1)] * 3 + [(32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)]:
        body = [
            L.Conv2d(channels, 3, stride=stride, padding=1, bias=False),
            L.BatchNorm2d(activation="relu"),
            L.Conv2d(channels, 3, padding=1, bias=False),
            L.BatchNorm2d(),
        ]
        projection = [L.Conv2d(channels, 1, stride=stride, bias=False), L.BatchNorm2d()]
        shortcut = projection if stride > 1 else None
        layers.append(L.Residual(body, shortcut, activation="relu"))
    return [*layers, L.AvgPool2d(8), L.Linear(10)]


def tiny() -> list[L.Layer]:
    """One weight and ten outputs."""
    return [L.Conv2d(1, 1), L.Linear(10)]


BUILDERS = {
    "toolbox": toolbox,
    "lenet": lenet,
    "vgg_small": vgg_small,
    "resnet20": resnet20,
    "tiny": tiny,
}


class Side(Library):
    """cnnbp as a caller uses it, and its kernels as a network runs them."""

    def set_threads(self, threads: int) -> None:
        """Work with so many threads from now on."""
        cnnbp.set_num_threads(threads)

    def describe(self) -> dict[str, Any]:
        """Return cnnbp's version, and the instruction set it uses."""
        return {"version": cnnbp.__version__, "isa": _core.isa()}

    def fma_peak(self, seconds: float) -> float:
        """Return the GFLOP/s of fused multiply-adds on registers, over all threads."""
        return _core.fma_peak(seconds)

    def training(self, case: NetworkCase) -> dict[str, Measure]:
        """Build the network once for steps on one batch, once for whole epochs."""
        return {
            "train_step": timed(self.builder(case, "train_step")()),
            "fit": timed(self.builder(case, "fit")(), steps_a_call=case.batches),
        }

    def prediction(self, case: PredictionCase) -> dict[str, Measure]:
        """Build the network."""
        return {"predict": timed(_step(_network(case.network), case))}

    def epoch(self, case: EpochCase) -> dict[str, Measure]:
        """Build the network."""
        net = _network(case.network)
        return {"fit": timed(_epoch(net, *case.samples(), case.network.batch_size))}

    def builder(self, case: NetworkCase, mode: str) -> Callable[[], Callable[[], object]]:
        """Make a batch, or for "fit" those of an epoch, which is its step then."""
        if mode == "fit":
            x, y = case.samples()
            return lambda: _epoch(_network(case), x, y, case.batch_size)
        x, y = _batch(case)
        return lambda: partial(_network(case).train_step, x, y)

    def results_from(
        self, case: NetworkCase | PredictionCase, start: list[np.ndarray], steps: int
    ) -> np.ndarray:
        """Return the losses or outputs of the first steps from these parameters."""
        net = _network(case if isinstance(case, NetworkCase) else case.network)
        trained = dict(zip(net.gradient_dict(), start, strict=True))
        net.load_state_dict(net.state_dict() | trained)
        step = _step(net, case)
        return np.array([step() for _ in range(steps)])

    def flops(self, case: NetworkCase | PredictionCase) -> int:
        """Return those of a step's products, by the direct algorithm.

        In training each layer with weights multiplies three times: forward, delta and gradient.
        The input's delta is not needed.
        """
        if isinstance(case, PredictionCase):
            return 2 * case.count * sum(_multiply_adds(case.network))
        first, *rest = _multiply_adds(case)
        return 2 * case.batch_size * (2 * first + 3 * sum(rest))

    def convolution(self, case: PassCase) -> dict[str, Measure]:
        """Make the arrays for the function on arrays; the kernel makes its own."""
        return {"kernel": _kernel(case), "functional": timed(_function(case))}


def _network(case: NetworkCase) -> cnnbp.Network:
    return cnnbp.Network(
        BUILDERS[case.name](),
        input_shape=case.input_shape,
        loss=case.loss,
        optimizer=optim.SGD(lr=case.lr),
    )


def _step(net: cnnbp.Network, case: NetworkCase | PredictionCase) -> Callable[[], Any]:
    if isinstance(case, PredictionCase):
        return partial(net.predict, case.network.images(case.count))
    return partial(net.train_step, *_batch(case))


def _epoch(
    net: cnnbp.Network, x: np.ndarray, y: np.ndarray, batch_size: int
) -> Callable[[], object]:
    return partial(net.fit, x, y, batch_size=batch_size, progress=False)


def _batch(case: NetworkCase) -> tuple[np.ndarray, np.ndarray]:
    x, y = case.samples()
    return x[: case.batch_size].copy(), y[: case.batch_size].copy()


def _multiply_adds(case: NetworkCase) -> list[int]:
    """Return those of one sample's forward pass, for every layer with weights."""
    return [s.multiply_adds for s in _network(case).summary().layers if s.parameters]


def _kernel(case: PassCase) -> Measure:
    """Time the pass on lane tensors that are packed already, as a network runs it."""
    geometry = case.geometry
    (top, _), (left, _) = geometry.padding  # symmetric in all of them
    run: Callable[..., list[float]] = partial(
        _core.time_conv2d,
        batch=geometry.batch,
        in_channels=geometry.in_channels,
        size=geometry.size,
        out_channels=geometry.out_channels,
        kernel_size=geometry.kernel_size,
        stride=geometry.stride,
        padding=(top, left),
        dilation=geometry.dilation,
        groups=geometry.groups,
        which=case.which,
        algorithm=case.algorithm,
    )

    def measure(seconds: float) -> float:
        first = min(run(repeats=2))
        return median(run(repeats=max(3, int(seconds / first))))

    return measure


def _function(case: PassCase) -> partial[Any]:
    x, weight, output_delta = case.arrays()
    geometry = case.geometry
    options: dict[str, Any] = {"algorithm": case.algorithm, **geometry.options}
    if case.which == "forward":
        return partial(functional.conv2d, x, weight, **options)
    if case.which == "delta":
        return partial(
            functional.conv2d_delta, output_delta, weight, input_size=geometry.size, **options
        )
    return partial(
        functional.conv2d_gradients, x, output_delta, kernel_size=geometry.kernel_size, **options
    )
