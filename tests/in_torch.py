"""The networks of ``architectures`` in PyTorch, with parameters of the same names."""

import pytest

from oracle_network import names
from oracle_random import Draws

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
nn = torch.nn
torch.set_num_threads(1)  # threads of its own would spin beside the core's

FUNCTIONS = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hardswish": nn.Hardswish,
    "softmax": lambda: nn.Softmax(dim=1),
    "scaled_tanh": lambda: ScaledTanh(),
}


class ScaledTanh(nn.Module):
    def forward(self, x):
        return 1.7159 * torch.tanh(2 / 3 * x)


class Conv2d(nn.Module):
    """With padding of four sides, and a table of connections."""

    def __init__(self, weight, bias, *, padding=((0, 0), (0, 0)), connections=None, **options):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.register_parameter("bias", None if bias is None else nn.Parameter(bias))
        (top, bottom), (left, right) = padding
        self.sides, self.options = (left, right, top, bottom), options
        table = torch.ones(weight.shape[:2]) if connections is None else torch.tensor(connections)
        self.mask = table[:, :, None, None].to(weight.dtype)

    def forward(self, x):
        padded = nn.functional.pad(x, self.sides)
        return nn.functional.conv2d(padded, self.weight * self.mask, self.bias, **self.options)


class ConvTranspose2d(nn.Module):
    def __init__(self, weight, bias, **options):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.register_parameter("bias", None if bias is None else nn.Parameter(bias))
        self.options = options

    def forward(self, x):
        return nn.functional.conv_transpose2d(x, self.weight, self.bias, **self.options)


class CombineConv2d(Conv2d):
    """The notes' equations; `penalty` is what is added to the loss."""

    def __init__(self, combination, *given, sparsity=0.0, **options):
        super().__init__(*given, groups=len(combination), **options)
        self.combination, self.sparsity = nn.Parameter(combination), sparsity

    def forward(self, x):
        padded = nn.functional.pad(x, self.sides)
        maps = nn.functional.conv2d(padded, self.weight, **self.options)
        made = torch.einsum("ij,niyx->njyx", torch.softmax(self.combination, dim=0), maps)
        return made if self.bias is None else made + self.bias[:, None, None]

    def penalty(self):
        return self.sparsity * torch.softmax(self.combination, dim=0).abs().sum()


class Linear(nn.Module):
    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.register_parameter("bias", None if bias is None else nn.Parameter(bias))

    def forward(self, x):
        return nn.functional.linear(x.flatten(1), self.weight, self.bias)


class Subsample2d(nn.Module):
    def __init__(self, beta, bias, *, kernel_size):
        super().__init__()
        self.beta, self.bias, self.kernel_size = nn.Parameter(beta), nn.Parameter(bias), kernel_size

    def forward(self, x):
        sums = nn.functional.avg_pool2d(x, self.kernel_size, divisor_override=1)
        return sums * self.beta[:, None, None] + self.bias[:, None, None]


class Dropout(nn.Module):
    """PyTorch's, but for the generator of its masks."""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def draw_as(self, *, seed, number):
        self.seed, self.number, self.passes = seed, number, 0

    def forward(self, x):
        if not self.training:
            return x
        mask = Draws(self.seed, self.passes, self.number).dropout_mask(tuple(x.shape), self.p)
        self.passes += 1
        return x * torch.tensor(mask)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Concat(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Ended(nn.Module):
    """A layer and the function of its result, with the layer's names."""

    def __init__(self, layer, function):
        super().__init__()
        for name, child in layer.named_children():
            self.add_module(name, child)
        for name, parameter in layer.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, buffer in layer.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.whole, self.function = [layer], function  # in a list, so that its names stay away

    def forward(self, x):
        return self.function(self.whole[0](x))

    def train(self, mode=True):
        super().train(mode)
        self.whole[0].train(mode)
        return self


def torch_network(architecture, network):
    """The network as a module whose ``state_dict`` has the same names and values."""
    tensors = {name: torch.tensor(value) for name, value in network.state_dict().items()}
    module = _sequence(architecture.layers, "", tensors)
    for number, name in enumerate(names(architecture.layers), start=1):
        if isinstance(made := module.get_submodule(name), Dropout):
            made.draw_as(seed=network.definition.seed, number=number)
    return module


def _sequence(specs, prefix, tensors):
    return nn.Sequential(
        *(_layer(spec, f"{prefix}{place}.", tensors) for place, spec in enumerate(specs))
    )


def _layer(spec, prefix, tensors):
    own = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.rpartition(".")[0] + "." == prefix
    }
    parts = [_sequence(specs, f"{prefix}{part}.", tensors) for part, specs in spec.parts.items()]
    made = _made(spec, own, parts)
    return made if spec.activation == "identity" else Ended(made, FUNCTIONS[spec.activation]())


def _made(spec, own, parts):
    match spec.type:
        case "Conv2d":
            return Conv2d(own["weight"], own.get("bias"), **_given(spec))
        case "ConvTranspose2d":
            return ConvTranspose2d(own["weight"], own.get("bias"), **_given(spec))
        case "CombineConv2d":
            arrays = own["combination"], own["weight"], own.get("bias")
            return CombineConv2d(*arrays, **_given(spec))
        case "Linear":
            return Linear(own["weight"], own.get("bias"))
        case "Subsample2d":
            return Subsample2d(own["beta"], own["bias"], **spec.options)
        case "BatchNorm2d":
            return _batch_norm(own, spec.options)
        case "GroupNorm":
            return _group_norm(own, **spec.options)
        case "GlobalAvgPool2d":
            return nn.AdaptiveAvgPool2d(1)
        case "ZeroPad2d":
            (top, bottom), (left, right) = spec.options["padding"]
            return nn.ZeroPad2d((left, right, top, bottom))
        case "Dropout":
            return Dropout(**spec.options)
        case "Residual":
            return Residual(*parts)
        case "Concat":
            return Concat(parts)
        case "Softmax":
            return nn.Softmax(dim=1)
        case "ScaledTanh":
            return ScaledTanh()
    return getattr(nn, spec.type)(**spec.options)


def _given(spec):
    """The options that PyTorch has and the shapes of the parameters do not tell."""
    told = ("out_channels", "kernel_size", "bias", "algorithm")
    return {name: value for name, value in spec.options.items() if name not in told}


def penalty_of(module):
    """What the layers add to the loss."""
    layers = [*module.modules(), *(m.whole[0] for m in module.modules() if isinstance(m, Ended))]
    return sum(layer.penalty() for layer in layers if isinstance(layer, CombineConv2d))


class BatchNorm(nn.BatchNorm2d):
    """Of maps, and of vectors too."""

    def _check_input_dim(self, x):
        pass


def _batch_norm(own, options):
    made = BatchNorm(len(own["running_mean"]), **options).to(own["running_mean"].dtype)
    made.load_state_dict(own, strict=False)  # without num_batches_tracked
    return made


def _group_norm(own, *, num_groups, **options):
    channels = len(own["weight"]) if own else num_groups
    made = nn.GroupNorm(num_groups, channels, **options).double()
    made.load_state_dict(own)
    return made
