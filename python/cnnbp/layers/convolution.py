"""Convolution layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

from cnnbp import _core
from cnnbp.arguments import (
    Algorithm,
    Padding,
    PaddingLike,
    Pair,
    Size,
    flat_padding,
    read_algorithm,
    read_flag,
    read_integer,
    read_padding,
    read_pair,
)
from cnnbp.layers.base import Layer, read_activation
from cnnbp.layers.connections import Connections, read_connections

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def refuse_in_channels(layer: str, *given: object) -> None:
    """Refuse more than out_channels and kernel_size before the options that have names.

    What is one too many may be the first, as torch's layer has it, or the last: both are named.
    """
    if len(given) > 2:
        raise TypeError(
            f"{layer} takes out_channels and kernel_size, the rest by name; input channels are "
            f"inferred. Instead of {layer}{given} write {_spelled(layer, *given[1:])} if "
            f"{given[0]!r} is the input's channels, or {_spelled(layer, *given)} if "
            f"{given[2]!r} is the stride"
        )


def _spelled(layer: str, outputs: object, kernel: object, *rest: object) -> str:
    """Write the call with names for what torch has next; of its order after that, layers differ."""
    named = [f"{name}={value!r}" for name, value in zip(("stride", "padding"), rest, strict=False)]
    dots = ["…"] if len(rest) > len(named) else []
    return f"{layer}({', '.join([repr(outputs), repr(kernel), *named, *dots])})"


@dataclass(frozen=True, init=False, repr=False)
class Conv2d(Layer):
    """Cross-correlation of an image's channels with learned kernels, then an activation.

    ``u_j = Σ_i x_i ⋆ k_ij + b_j``, ``x_j = f(u_j)`` (Bouvrie 2006, convolution layers; the kernel
    is not flipped, as in ``torch.nn.Conv2d``). Parameters: ``weight`` of shape
    ``(out_channels, in_channels / groups, kernel height, kernel width)`` and ``bias``
    ``(out_channels,)``. Weights start uniform in ``±√(6 / (fan_in + fan_out))``, biases at 0.

    Parameters
    ----------
    out_channels : int
        Number of maps the layer makes, at least 1.
    kernel_size : int or (int, int)
        Height and width of a kernel.
    stride : int or (int, int)
        Rows and columns from one patch to the next.
    padding : int, (int, int), ((int, int), (int, int)), "same" or "valid"
        Zeros around the image: the same number everywhere, ``(h, w)``,
        ``((top, bottom), (left, right))``, what keeps the size at stride 1, or none.
    dilation : int or (int, int)
        Distance between a kernel's taps; 1 is an ordinary kernel.
    groups : int
        Number of parts the channels are split into; a part of the output sees only its part of
        the input. Divides the channels on both sides.
    bias : bool
        Whether a bias is learned.
    connections : array_like of bool, shape (out_channels, in_channels), optional
        Which input map each output map sees, as `LENET5_CONNECTIONS`; all when left out, and only
        without groups. Weights between maps that are not connected are held at 0, count as
        nothing, and are set to 0 when others are loaded. Fans are the mean numbers connected.
    activation : str, optional
        Function of the result, one of `ACTIVATIONS`; the identity when left out.
    trainable : bool
        False holds the parameters at their values: they have no gradient.
    algorithm : {"auto", "direct", "winograd"}
        "direct" sums the products as they are written. "winograd" needs 3×3 or 5×5 kernels with
        stride 1, or 3×3 or 7×7 ones with stride 2, without dilation and groups, and computes them
        with 16 to 56 percent of the products (Lavin and Gray 2016), which rounds more coarsely.
        "auto" takes it where shapes alone say that it is faster, in float32 only.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range. What depends on the input (a kernel
        larger than the image, groups that do not divide its channels) is said by `Network`.
    """

    out_channels: int
    kernel_size: Pair
    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int
    bias: bool
    connections: Connections | None
    activation: str | None
    trainable: bool
    algorithm: Algorithm

    def __init__(
        self,
        out_channels: int,
        kernel_size: Size,
        *extra: Never,
        stride: Size = 1,
        padding: PaddingLike = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        connections: ArrayLike | None = None,
        activation: str | None = None,
        trainable: bool = True,
        algorithm: Algorithm = "auto",
    ) -> None:
        refuse_in_channels("Conv2d", out_channels, kernel_size, *extra)
        outputs = read_integer(out_channels, "Conv2d out_channels")
        steps = read_pair(stride, "Conv2d stride")
        self._assign(
            out_channels=outputs,
            kernel_size=read_pair(kernel_size, "Conv2d kernel_size"),
            stride=steps,
            padding=read_padding(padding, "Conv2d padding", stride=steps),
            dilation=read_pair(dilation, "Conv2d dilation"),
            groups=read_integer(groups, "Conv2d groups"),
            bias=read_flag(bias, "Conv2d bias"),
            connections=read_connections(connections, "Conv2d connections", out_channels=outputs),
            activation=read_activation(activation, "Conv2d activation"),
            trainable=read_flag(trainable, "Conv2d trainable"),
            algorithm=read_algorithm(algorithm, "Conv2d algorithm"),
        )

    def definition(self) -> _core.Conv2d:
        """Return the same layer for the compiled core."""
        return _core.Conv2d(
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=flat_padding(self.padding),
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
            connections=self.connections or (),
            activation=self.activation or "identity",
            trainable=self.trainable,
            algorithm=self.algorithm,
        )
