"""A network's layers as a table."""

from __future__ import annotations

from dataclasses import dataclass

HEADINGS = ("", "layer", "output shape", "parameters", "multiply-adds")


@dataclass(frozen=True)
class LayerSummary:
    """One line of a `Summary`.

    Attributes
    ----------
    name : str
        The layer's place in the list, which its parameters' names start with.
    layer : str
        The layer and its options, such as ``"Conv2d(6, 5)"``.
    output_shape : tuple of int
        Shape of one sample's output.
    parameters : int
        Weights, biases and the like of its own.
    frozen : int
        Those of them that are not trained.
    multiply_adds : int
        Multiply-adds of one sample's forward pass.
    """

    name: str
    layer: str
    output_shape: tuple[int, ...]
    parameters: int
    frozen: int
    multiply_adds: int


@dataclass(frozen=True)
class MemoryUse:
    """Bytes that a network takes.

    Attributes
    ----------
    parameters : int
        Parameters with their gradients, and what the optimizer keeps.
    training : int
        Maps, deltas and packed weights of training steps, beside the parameters.
    prediction : int
        The same of predictions and evaluations by one thread.
    """

    parameters: int
    training: int
    prediction: int


@dataclass(frozen=True)
class Summary:
    """What a network is made of; `str` gives a table to print.

    Attributes
    ----------
    input_shape : tuple of int
        ``(channels, height, width)``.
    layers : tuple of LayerSummary
        The layers in order, one made of layers before its parts.
    batch_size : int
        Samples per update, which `memory` is for.
    memory : MemoryUse
        Bytes that the network takes.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[LayerSummary, ...]
    batch_size: int
    memory: MemoryUse

    @property
    def parameters(self) -> int:
        """Weights, biases and the like, in all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def frozen(self) -> int:
        """Those of them that are not trained."""
        return sum(layer.frozen for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of one sample's forward pass, in all layers."""
        return sum(layer.multiply_adds for layer in self.layers)

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """Return the cells of the table: the input, every layer, and the sums."""
        return [
            ("", "input", _shape(self.input_shape), "", ""),
            *(
                (
                    layer.name,
                    layer.layer,
                    _shape(layer.output_shape),
                    f"{layer.parameters:,}",
                    f"{layer.multiply_adds:,}",
                )
                for layer in self.layers
            ),
            ("", "total", "", f"{self.parameters:,}", f"{self.multiply_adds:,}"),
        ]

    def __str__(self) -> str:
        rows = [HEADINGS, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        rule = "  ".join("-" * width for width in widths)
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *self.notes()])

    __repr__ = __str__

    def notes(self) -> list[str]:
        """Return the lines below the table: what is not trained, and the memory."""
        frozen = [f"{self.frozen:,} parameters are not trained"] if self.frozen else []
        use = self.memory
        return [
            *frozen,
            f"memory: {_bytes(use.parameters)} for parameters, "
            f"{_bytes(use.training)} for training by batches of {self.batch_size:,}, "
            f"{_bytes(use.prediction)} for predictions",
        ]


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """Words to the left, numbers to the right."""
    words, numbers = row[:3], row[3:]
    return [
        *(cell.ljust(width) for cell, width in zip(words, widths, strict=False)),
        *(cell.rjust(width) for cell, width in zip(numbers, widths[3:], strict=True)),
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _bytes(count: int) -> str:
    """Three digits and a unit: ``"12.3 MB"``."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB", "PB"]
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}"
