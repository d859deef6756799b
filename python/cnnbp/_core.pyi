"""The compiled core. Everything here is wrapped by the package; import from there."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Images: TypeAlias = NDArray[np.uint8] | Float
#: What each sample weighs, ``(N,)``; 1 each when None.
Weights: TypeAlias = NDArray[np.float64] | None
Pair: TypeAlias = tuple[int, int]
#: ``(top, bottom, left, right)``, or ``"same"`` for the padding that keeps the size at stride 1.
Padding: TypeAlias = tuple[int, int, int, int] | Literal["same"]
Algorithm: TypeAlias = Literal["auto", "direct", "winograd"]

__version__: str

# What runs the kernels

def isa() -> str: ...
def available_isas() -> list[str]: ...
def get_num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def fma_peak(seconds: float) -> float: ...
def time_conv2d(
    *,
    batch: int,
    in_channels: int,
    size: Pair,
    out_channels: int,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    which: Literal["forward", "delta", "gradient"],
    repeats: int,
    algorithm: Algorithm = "auto",
) -> list[float]: ...
def normal_quantile(p: float) -> float: ...
def permutation(size: int, seed: int, epoch: int) -> NDArray[np.int64]: ...

# Definitions: plain data, one class a layer

class LayerDefinition: ...

class Conv2d(LayerDefinition):
    def __init__(
        self,
        *,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = (1, 1),
        padding: Padding = (0, 0, 0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        bias: bool = True,
        activation: str = "identity",
        connections: Sequence[Sequence[bool]] = (),
        trainable: bool = True,
        algorithm: Algorithm = "auto",
    ) -> None: ...

class ConvTranspose2d(LayerDefinition):
    def __init__(
        self,
        *,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        output_padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        bias: bool = True,
        activation: str = "identity",
        trainable: bool = True,
    ) -> None: ...

class CombineConv2d(LayerDefinition):
    def __init__(
        self,
        *,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = (1, 1),
        padding: Padding = (0, 0, 0, 0),
        bias: bool = True,
        sparsity: float = 0.0,
        activation: str = "identity",
        trainable: bool = True,
    ) -> None: ...

class AvgPool2d(LayerDefinition):
    def __init__(
        self,
        *,
        kernel_size: Pair,
        stride: Pair,
        padding: Pair = (0, 0),
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int = 0,
        activation: str = "identity",
    ) -> None: ...

class AdaptiveAvgPool2d(LayerDefinition):
    def __init__(self, *, output_size: Pair) -> None: ...

class GlobalAvgPool2d(LayerDefinition):
    def __init__(self) -> None: ...

class MaxPool2d(LayerDefinition):
    def __init__(
        self,
        *,
        kernel_size: Pair,
        stride: Pair,
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        ceil_mode: bool = False,
        activation: str = "identity",
    ) -> None: ...

class Subsample2d(LayerDefinition):
    def __init__(
        self, *, kernel_size: Pair, activation: str = "identity", trainable: bool = True
    ) -> None: ...

class Linear(LayerDefinition):
    def __init__(
        self,
        *,
        out_features: int,
        bias: bool = True,
        activation: str = "identity",
        trainable: bool = True,
    ) -> None: ...

class BatchNorm2d(LayerDefinition):
    def __init__(
        self,
        *,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        activation: str = "identity",
        trainable: bool = True,
    ) -> None: ...

class GroupNorm(LayerDefinition):
    def __init__(
        self,
        *,
        num_groups: int,
        eps: float = 1e-5,
        affine: bool = True,
        activation: str = "identity",
        trainable: bool = True,
    ) -> None: ...

class Dropout(LayerDefinition):
    def __init__(self, *, p: float = 0.5) -> None: ...

class ZeroPad2d(LayerDefinition):
    def __init__(self, *, padding: Padding) -> None: ...

class Upsample(LayerDefinition):
    def __init__(
        self,
        *,
        scale_factor: Pair,
        mode: Literal["nearest", "bilinear"] = "nearest",
        align_corners: bool = False,
    ) -> None: ...

class Flatten(LayerDefinition):
    def __init__(self) -> None: ...

class Activation(LayerDefinition):
    """A function as a layer of its own; without `parameter`, the function's usual number."""

    def __init__(self, *, function: str, parameter: float | None = None) -> None: ...

class Residual(LayerDefinition):
    def __init__(
        self,
        *,
        body: Sequence[LayerDefinition],
        shortcut: Sequence[LayerDefinition] = (),
        activation: str = "identity",
    ) -> None: ...

class Concat(LayerDefinition):
    def __init__(
        self, *, branches: Sequence[Sequence[LayerDefinition]], activation: str = "identity"
    ) -> None: ...

# What training makes small

class MSE: ...

class CrossEntropy:
    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] = (),
        ignore_index: int = -100,
    ) -> None: ...

class BCEWithLogits:
    def __init__(self, *, pos_weight: Sequence[float] = ()) -> None: ...

class L1: ...

class Huber:
    def __init__(self, *, delta: float = 1.0) -> None: ...

class Hinge:
    def __init__(self, *, margin: float = 1.0) -> None: ...

Loss: TypeAlias = MSE | CrossEntropy | BCEWithLogits | L1 | Huber | Hinge

# Where training starts

class ToolboxUniform:
    def __init__(self) -> None: ...

class VarianceScaling:
    def __init__(
        self,
        *,
        scale: float,
        fan: Literal["fan_in", "fan_out", "fan_avg"],
        distribution: Literal["uniform", "normal"],
    ) -> None: ...

class Orthogonal:
    def __init__(self, *, gain: float) -> None: ...

class Constant:
    def __init__(self, *, value: float) -> None: ...

Initializer: TypeAlias = ToolboxUniform | VarianceScaling | Orthogonal | Constant

# How gradients change parameters

class UpdateOptions:
    """What all rules have in common."""

    def __init__(
        self,
        *,
        clip_norm: float = ...,
        clip_value: float = ...,
        ema_decay: float | None = None,
        lr_scales: Mapping[str, float] = ...,
    ) -> None: ...

class SGD:
    def __init__(
        self,
        *,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        options: UpdateOptions = ...,
    ) -> None: ...

class Adagrad:
    def __init__(
        self,
        *,
        lr: float,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        eps: float = 1e-10,
        options: UpdateOptions = ...,
    ) -> None: ...

class RMSprop:
    def __init__(
        self,
        *,
        lr: float,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        options: UpdateOptions = ...,
    ) -> None: ...

class Adam:
    def __init__(
        self,
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        options: UpdateOptions = ...,
    ) -> None: ...

class AdamW:
    def __init__(
        self,
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        options: UpdateOptions = ...,
    ) -> None: ...

class Lion:
    def __init__(
        self,
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        options: UpdateOptions = ...,
    ) -> None: ...

Optimizer: TypeAlias = SGD | Adagrad | RMSprop | Adam | AdamW | Lion

def summarize(
    *,
    input_shape: tuple[int, int, int],
    layers: list[LayerDefinition],
    loss: Loss,
    dtype: Literal["float32", "float64"],
    optimizer: Optimizer,
    batch_size: int,
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Describe each layer, and the bytes that a network would take, without making it.

    Keys of a layer: ``name`` ("1.body.0"), ``type`` ("Conv2d"), ``output_shape``, ``parameters``,
    ``frozen`` (those not trained), ``multiply_adds`` (of one sample's forward pass); of the bytes:
    ``parameters``, ``training``, ``prediction``.
    """

class Network:
    def __init__(
        self,
        *,
        input_shape: tuple[int, int, int],
        layers: list[LayerDefinition],
        loss: Loss,
        dtype: Literal["float32", "float64"],
        seed: int,
        initializer: Initializer,
        optimizer: Optimizer,
    ) -> None: ...
    @property
    def input_shape(self) -> tuple[int, int, int]: ...
    @property
    def output_shape(self) -> tuple[int, ...]: ...
    def set_optimizer(self, optimizer: Optimizer) -> None:
        """Keep what the optimizer before kept, where it is of the same kind."""

    def parameters(self) -> dict[str, Float]:
        """Copy them, in the field's shapes: ``{"0.weight": …, "0.bias": …}``."""

    def gradients(self) -> dict[str, Float]: ...
    def optimizer_state(self) -> dict[str, Float]:
        """Return what the optimizer keeps: ``{"momentum_buffer/0.weight": …}``."""

    def optimizer_steps(self) -> int:
        """Count the updates since that state was zero."""

    def snapshot(self) -> tuple[dict[str, Float], dict[str, Float], int, int]:
        """Copy what training goes on from, all of one moment, whatever other threads do.

        Parameters, the optimizer's state, its steps, and training passes.
        """

    def initialize(self, name: str, initializer: Initializer) -> None: ...
    def load_parameters(self, parameters: dict[str, Float]) -> None:
        """Any subset of the parameters; nothing is changed when one is refused."""

    def load_optimizer_state(self, state: dict[str, Float], steps: int) -> None: ...
    def set_training_passes(self, passes: int) -> None: ...
    def check(self, x: Images, y: NDArray[Any], sample_weight: Weights = None) -> None:
        """Raise what the calls with these samples would raise.

        But for one: training refuses a batch of 1 sample where a BatchNorm2d has maps of one pixel.
        """

    def train_step(self, x: Images, y: NDArray[Any], sample_weight: Weights = None) -> float: ...
    def train_epoch(
        self,
        x: Images,
        y: NDArray[Any],
        order: NDArray[np.int64],
        batch_size: int,
        on_batch: Callable[[int, float], object] | None = None,
        lr: NDArray[np.float64] | None = None,
        sample_weight: Weights = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Train on the samples ``order`` names, batch by batch; each batch's loss and weight.

        ``on_batch(batches_done, loss)`` is called at most twenty times a second and after the last
        batch; signals are looked at as often. An exception from either ends the epoch after the
        batch under way and leaves the network usable.
        """

    def accumulate_gradients(
        self, x: Images, y: NDArray[Any], sample_weight: Weights = None, scale: float = 1.0
    ) -> float: ...
    def apply_gradients(self) -> None: ...
    def zero_gradients(self) -> None: ...
    def evaluate(
        self, x: Images, y: NDArray[Any], sample_weight: Weights = None
    ) -> tuple[float, float | None]:
        """Mean loss, and the accuracy if there is one, over any number of samples.

        Signals are looked at at most twenty times a second; a handler that changes the network
        gets a RuntimeError.
        """

    def predict(self, x: Images) -> Float:
        """Return the outputs of any number of samples; signals are looked at as in `evaluate`."""

    def trace(self, x: Images, y: NDArray[Any], sample_weight: Weights = None) -> dict[str, Any]:
        """Return everything that one step computes.

        Keys: ``"loss"``, ``"input.delta"`` and per layer ``"0.input"``, ``"0.pre_activation"``,
        ``"0.output"``, ``"0.delta"`` (of the pre-activation), ``"0.gradient.weight"`` and so on.
        """

# Operations on arrays (N, C, H, W), C-contiguous, of one dtype

def conv2d(
    x: Float,
    weight: Float,
    bias: Float | None,
    *,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    algorithm: Algorithm,
) -> Float: ...
def conv2d_delta(
    output_delta: Float,
    weight: Float,
    *,
    input_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    algorithm: Algorithm,
) -> Float: ...
def conv2d_gradients(
    x: Float,
    output_delta: Float,
    *,
    kernel_size: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    groups: int,
    algorithm: Algorithm,
) -> tuple[Float, Float]: ...
def avg_pool2d(
    x: Float,
    *,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int,
) -> Float: ...
def avg_pool2d_delta(
    output_delta: Float,
    *,
    input_size: Pair,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int,
) -> Float: ...
def max_pool2d(
    x: Float, *, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Float, NDArray[np.int64]]: ...
def max_pool2d_delta(
    output_delta: Float, positions: NDArray[np.int64], *, input_size: Pair
) -> Float: ...
def linear(x: Float, weight: Float, bias: Float | None) -> Float: ...
def linear_delta(output_delta: Float, weight: Float) -> Float: ...
def linear_gradients(x: Float, output_delta: Float) -> tuple[Float, Float]: ...
def activation(x: Float, function: str) -> Float:
    """``f(x)`` with softmax over axis 1.

    The functions are identity, sigmoid, tanh, relu, softmax, leaky_relu, elu, softplus,
    scaled_tanh, gelu, gelu_tanh, silu and hardswish.
    """

def activation_delta(output_delta: Float, output: Float, function: str) -> Float:
    """``f'(u) ∘ delta`` from the output ``f(u)``.

    Of gelu, gelu_tanh, silu and hardswish, whose output does not tell the slope, from ``u``.
    """

def exp(x: Float) -> Float: ...
