"""PyTorch's side, set up as its manual advises for speed on a CPU."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.cases import EpochCase, NetworkCase, PassCase, PredictionCase
from benchmarks.library import Library, Measure, timed

FORMATS = {"": torch.contiguous_format, " channels_last": torch.channels_last}


def toolbox() -> nn.Sequential:
    """6c5-2s-12c5-2s-10 with sigmoids."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 12, 5), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(192, 10), nn.Sigmoid()),
    )


def lenet() -> nn.Sequential:
    """20c5-2m-50c5-2m-500-10 with ReLUs."""
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.ReLU(inplace=True), nn.Linear(500, 10)),
    )


def vgg_small() -> nn.Sequential:
    """64 64 m 128 128 m 256 256 m, all 3×3, then one Linear layer."""
    layers: list[nn.Module] = []
    in_channels = 3
    for out_channels in (64, 128, 256):
        layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(out_channels, out_channels, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(2)]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * 4 * 4, 10))


class Block(nn.Module):
    """Two 3×3 convolutions and what they are added to."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False),
            *(nn.BatchNorm2d(channels), nn.ReLU(inplace=True)),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.Conv2d(in_channels, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the rectified sum."""
        return nn.functional.relu(self.body(x) + self.shortcut(x), inplace=True)


def resnet20() -> nn.Sequential:
    """16, 32 and 64 maps, three blocks each, option B shortcuts (He et al. 2015, section 4.2)."""
    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    in_channels = 16
    for channels, stride in [(16, 1)] * 3 + [(32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1)]:
        layers.append(Block(in_channels, channels, stride))
        in_channels = channels
    return nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10))


def tiny() -> nn.Sequential:
    """One weight and ten outputs."""
    return nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(4, 10))


BUILDERS = {
    "toolbox": toolbox,
    "lenet": lenet,
    "vgg_small": vgg_small,
    "resnet20": resnet20,
    "tiny": tiny,
}


def half_squared_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """``½ Σ e² / N``: half of what `nn.functional.mse_loss` gives times the outputs."""
    return nn.functional.mse_loss(output, target, reduction="sum") * (0.5 / len(output))


class Training:
    """A network, its loss and its optimizer."""

    def __init__(self, case: NetworkCase, memory_format: torch.memory_format, *, compiled: bool):
        self.network = _network(case, memory_format)
        self.loss = half_squared_error if case.loss == "mse" else nn.functional.cross_entropy
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=case.lr, fused=True)
        self.forward = torch.compile(self._forward) if compiled else self._forward

    def _forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.loss(self.network(x), y)

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Forward, backward and update; the loss is left where it is."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(x, y)
        loss.backward()
        self.optimizer.step()
        return loss


@dataclass(frozen=True)
class Work:
    """A network, and a step on data that were converted beforehand."""

    network: nn.Sequential
    step: Callable[[], torch.Tensor]


def _work(
    case: NetworkCase | PredictionCase | EpochCase,
    memory_format: torch.memory_format,
    *,
    compiled: bool,
) -> Work:
    if isinstance(case, NetworkCase):
        training = Training(case, memory_format, compiled=compiled)
        return Work(training.network, partial(training.step, *_batch(case, memory_format)))
    if isinstance(case, EpochCase):
        training = Training(case.network, memory_format, compiled=compiled)
        images, classes = case.samples()
        data = torch.from_numpy(images), _targets(case.network, classes)
        epoch = partial(_epoch, training, *data, case.network.batch_size, memory_format)
        return Work(training.network, epoch)
    network = _network(case.network, memory_format).eval()
    x = torch.from_numpy(case.network.images(case.count)).contiguous(memory_format=memory_format)
    forward = torch.compile(network) if compiled else network
    return Work(network, partial(_predict, forward, x))


def _predict(forward: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return forward(x)


def _epoch(
    training: Training,
    images: torch.Tensor,
    targets: torch.Tensor,
    batch_size: int,
    memory_format: torch.memory_format,
) -> torch.Tensor:
    for chosen in torch.randperm(len(images)).split(batch_size):
        x = images[chosen].float().div_(255).contiguous(memory_format=memory_format)
        loss = training.step(x, targets[chosen])
    return loss


def _batch(
    case: NetworkCase, memory_format: torch.memory_format
) -> tuple[torch.Tensor, torch.Tensor]:
    images, classes = (array[: case.batch_size] for array in case.samples())
    x = torch.from_numpy(images).contiguous(memory_format=memory_format)
    return x, _targets(case, classes)


def _targets(case: NetworkCase, classes: np.ndarray) -> torch.Tensor:
    y = torch.from_numpy(classes)
    return nn.functional.one_hot(y, 10).float() if case.loss == "mse" else y


def _network(case: NetworkCase, memory_format: torch.memory_format) -> nn.Sequential:
    torch.manual_seed(0)
    return BUILDERS[case.name]().to(memory_format=memory_format)


class Side(Library):
    """PyTorch in eager mode and compiled, in both memory formats."""

    def __init__(self, threads: int, *, compile_networks: bool = False) -> None:
        # Before the first parallel region: threads inherit the flag from the one that starts them.
        torch.set_flush_denormal(True)
        super().__init__(threads)
        self._compile = compile_networks

    def set_threads(self, threads: int) -> None:
        """Work with so many threads from now on."""
        torch.set_num_threads(threads)

    def describe(self) -> dict[str, Any]:
        """Return PyTorch's version, and the instruction set it uses."""
        return {"version": torch.__version__, "isa": torch.backends.cpu.get_cpu_capability()}

    def training(self, case: NetworkCase) -> dict[str, Measure]:
        """Build the network once a mode; compile where asked to."""
        return self._modes(case)

    def prediction(self, case: PredictionCase) -> dict[str, Measure]:
        """Build the network once a mode; compile where asked to."""
        return self._modes(case)

    def epoch(self, case: EpochCase) -> dict[str, Measure]:
        """Build the network once a mode; compile where asked to."""
        return self._modes(case)

    def builder(self, case: NetworkCase, mode: str) -> Callable[[], Callable[[], object]]:
        """Make the batch in the memory format of an eager mode."""
        memory_format = FORMATS[mode.removeprefix("eager")]
        batch = _batch(case, memory_format)
        return lambda: partial(Training(case, memory_format, compiled=False).step, *batch)

    def results_from_start(
        self, case: NetworkCase | PredictionCase, steps: int
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Return a network's first parameters, and the losses or outputs of its first steps."""
        work = _work(case, torch.contiguous_format, compiled=False)
        start = [p.detach().numpy().copy() for p in work.network.parameters()]
        return start, np.array([work.step().numpy(force=True) for _ in range(steps)])

    def convolution(self, case: PassCase) -> dict[str, Measure]:
        """Make the arrays in both memory formats."""
        return {
            "eager" + suffix: timed(_pass(case, memory_format))
            for suffix, memory_format in FORMATS.items()
        }

    def _modes(self, case: NetworkCase | PredictionCase | EpochCase) -> dict[str, Measure]:
        ways = {"eager": False} | ({"compile": True} if self._compile else {})
        modes = {
            way + suffix: timed(_work(case, memory_format, compiled=compiled).step)
            for way, compiled in ways.items()
            for suffix, memory_format in FORMATS.items()
        }
        for measure in modes.values():  # which compiles
            measure(0.0)
        return modes


def _pass(case: PassCase, memory_format: torch.memory_format) -> partial[Any]:
    x, weight, output_delta = (
        torch.from_numpy(array).contiguous(memory_format=memory_format) for array in case.arrays()
    )
    geometry = case.geometry
    padding = [before for before, _ in geometry.padding]
    stride, dilation, groups = geometry.stride, geometry.dilation, geometry.groups

    if case.which == "forward":
        return partial(nn.functional.conv2d, x, weight, None, stride, padding, dilation, groups)
    wanted = [case.which == "delta", case.which == "gradient", False]
    options = (None, stride, padding, dilation, False, (0, 0), groups, wanted)
    return partial(torch.ops.aten.convolution_backward, output_delta, x, weight, *options)
