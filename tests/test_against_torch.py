"""The oracle and the core beside PyTorch: what the names promise is what PyTorch does."""

import numpy as np
import pytest

import geometries
import oracle
import oracle_activations
import oracle_losses
import pool_geometries
from claims import assert_sum_of_products, integers, normal
from cnnbp import Network, functional, layers, losses
from loss_cases import expected_of, loss_of

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
torch.set_num_threads(1)  # threads of its own would spin beside the core's
nn = torch.nn


#: Every option of the list once; the padding that PyTorch cannot spell is put on by hand.
CONVOLUTIONS = geometries.ODD + geometries.DRAWN[:20]
#: Of the longest sum among these, a gradient's.
TERMS = max(g.batch * np.prod(g.output_size) for g in CONVOLUTIONS)


def tensor(array: np.ndarray) -> "torch.Tensor":
    return torch.tensor(array, requires_grad=array.dtype.kind == "f")


@pytest.mark.parametrize("geometry", CONVOLUTIONS, ids=str)
def test_convolutions_are_pytorchs(geometry, rng):
    """Oracle and core against float64: both sides round, so the bound of ``claims`` holds."""
    x, weight = (normal(rng, s, np.float64) for s in (geometry.input_shape, geometry.weight_shape))
    bias = normal(rng, geometry.out_channels, np.float64)
    tensors = [tensor(array) for array in (x, weight, bias)]
    (top, bottom), (left, right) = geometry.padding
    output = torch.nn.functional.conv2d(
        torch.nn.functional.pad(tensors[0], (left, right, top, bottom)),
        *tensors[1:],
        stride=geometry.stride,
        dilation=geometry.dilation,
        groups=geometry.groups,
    )
    delta = normal(rng, geometry.output_shape, np.float64)
    output.backward(torch.tensor(delta))
    torchs = [output.detach(), *(t.grad for t in tensors)]
    magnitudes = all_passes(oracle, geometry, *(abs(a) for a in (x, weight, bias, delta)))
    for module in (oracle, functional):
        ours = all_passes(module, geometry, x, weight, bias, delta)
        for got, want, magnitude in zip(ours, torchs, magnitudes, strict=True):
            assert_sum_of_products(got, want.numpy(), magnitude=magnitude, terms=TERMS)


def all_passes(module, geometry, x, weight, bias, delta):
    """Output, input delta, weight gradient and bias gradient."""
    options, kernel_size = geometry.options, geometry.kernel_size
    return [
        module.conv2d(x, weight, bias, **options),
        module.conv2d_delta(delta, weight, input_size=geometry.size, **options),
        *module.conv2d_gradients(x, delta, kernel_size=kernel_size, **options),
    ]


TRANSPOSED = {
    "plain": {},
    "strided": {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 0)},
    "dilated": {"dilation": (3, 2), "output_padding": (2, 1), "padding": (4, 0)},
    "in groups": {"groups": 2, "stride": (3, 1), "dilation": (1, 2)},
}


@pytest.mark.parametrize("options", TRANSPOSED.values(), ids=TRANSPOSED)
@pytest.mark.parametrize("bias", [True, False])
def test_transposed_convolutions_are_pytorchs(options, bias, rng):
    """On integers, exactly: output, and what autograd finds for ½ Σ e² / 16."""
    layer = layers.ConvTranspose2d(6, (3, 2), bias=bias, **options)
    net = Network([layer], input_shape=(4, 5, 4), dtype="float64")
    state = {n: tensor(integers(rng, a.shape, a.dtype)) for n, a in net.state_dict().items()}
    net.load_state_dict({name: array.detach().numpy() for name, array in state.items()})
    x = tensor(integers(rng, (16, 4, 5, 4), np.float64))
    output = torch.nn.functional.conv_transpose2d(x, *state.values(), **options)
    target = integers(rng, tuple(output.shape), np.float64)
    (((output - torch.tensor(target)) ** 2).sum() / 32).backward()
    trace = net.trace(x.detach().numpy(), target)
    assert np.array_equal(trace["0.output"], output.detach())
    assert np.array_equal(trace["input.delta"], x.grad)
    for name, array in state.items():
        assert np.array_equal(trace[name.replace("0.", "0.gradient.")], array.grad), name


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, (2, 5)])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_paddings_by_name_are_pytorchs(kernel_size, padding, rng):
    x = rng.integers(-3, 4, (2, 3, 7, 8)).astype(np.float64)
    weight = rng.integers(-3, 4, (4, 3, *np.broadcast_to(kernel_size, 2))).astype(np.float64)
    torchs = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(weight), padding=padding)
    assert np.array_equal(functional.conv2d(x, weight, padding=padding), torchs)


@pytest.mark.parametrize("pool", pool_geometries.POOLS + pool_geometries.DILATED_POOLS, ids=str)
@pytest.mark.parametrize("module", [oracle, functional])
def test_max_pooling_is_pytorchs(module, pool, rng):
    """Values, positions (of ties, too) and deltas, with the windows of ``ceil_mode``."""
    x = rng.integers(-3, 4, pool.input_shape).astype(np.float64)
    options = {"dilation": pool.dilation, **pool.window}
    torch_x = tensor(x)
    torchs, torch_positions = torch.nn.functional.max_pool2d(
        torch_x, **options, return_indices=True
    )
    output, positions = module.max_pool2d(x, **options)
    assert np.array_equal(output, torchs.detach())
    assert np.array_equal(positions, torch_positions)
    delta = rng.integers(-3, 4, output.shape).astype(np.float64)
    torchs.backward(torch.tensor(delta))
    assert np.array_equal(
        module.max_pool2d_delta(delta, positions, input_size=pool.size), torch_x.grad
    )


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("divisor_override", [None, 3])
@pytest.mark.parametrize("pool", pool_geometries.POOLS, ids=str)
@pytest.mark.parametrize("module", [oracle, functional])
def test_average_pooling_is_pytorchs(module, pool, divisor_override, count_include_pad, rng):
    divisor = {"count_include_pad": count_include_pad, "divisor_override": divisor_override}
    x = normal(rng, pool.input_shape, np.float64)
    torch_x = tensor(x)
    torchs = torch.nn.functional.avg_pool2d(torch_x, **pool.window, **divisor)
    output = module.avg_pool2d(x, **pool.window, **divisor)
    assert output.shape == tuple(torchs.shape)
    assert np.allclose(output, torchs.detach(), rtol=1e-13, atol=1e-13)
    delta = normal(rng, output.shape, np.float64)
    torchs.backward(torch.tensor(delta))
    input_delta = module.avg_pool2d_delta(delta, input_size=pool.size, **pool.window, **divisor)
    assert np.allclose(input_delta, torch_x.grad, rtol=1e-13, atol=1e-13)


#: A layer and PyTorch's, for maps of five channels.
LAYERS = [
    *(
        (layers.AdaptiveAvgPool2d(s), torch.nn.AdaptiveAvgPool2d(s))
        for s in (1, 3, (4, 6), (9, 2), 11)
    ),
    (layers.GlobalAvgPool2d(), torch.nn.AdaptiveAvgPool2d(1)),
    (layers.ZeroPad2d(((1, 0), (2, 3))), torch.nn.ZeroPad2d((2, 3, 1, 0))),
    (layers.GroupNorm(5, eps=1e-3), torch.nn.GroupNorm(5, 5, eps=1e-3)),
    (layers.GroupNorm(1, affine=False), torch.nn.LayerNorm((5, 4, 6), elementwise_affine=False)),
    (layers.GroupNorm(5, affine=False), torch.nn.InstanceNorm2d(5)),
    *((layers.Upsample(f), torch.nn.Upsample(scale_factor=f)) for f in (1, 2, (3, 1))),
    *(
        (
            layers.Upsample(factor, mode="bilinear", align_corners=corners),
            torch.nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=corners),
        )
        for factor in (1, 2, (3, 5), (1, 4))
        for corners in (False, True)
    ),
]


@pytest.mark.parametrize(("layer", "theirs"), LAYERS, ids=repr)
def test_layers_are_pytorchs(layer, theirs, rng):
    """Values, and deltas of the mean of half their squares."""
    x = normal(rng, (3, 5, 4, 6), np.float64)
    torch_x = tensor(x)
    torchs = theirs.double()(torch_x)
    (0.5 * (torchs**2).sum() / 3).backward()
    net = Network([layer], input_shape=x.shape[1:], dtype="float64")
    seen = net.trace(x, np.zeros((3, torchs[0].numel())))
    assert np.allclose(seen["0.output"], torchs.detach(), rtol=1e-13, atol=1e-13)
    assert np.allclose(seen["input.delta"], torch_x.grad, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("module", [oracle_activations, functional])
@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_activations_are_pytorchs(module, name, rng):
    x = normal(rng, (5, 7), np.float64)
    torchs = getattr(torch, name)(torch.tensor(x))
    assert np.allclose(getattr(module, name)(x), torchs, rtol=1e-14, atol=0)


def test_softmax_is_pytorchs(rng):
    x = normal(rng, (5, 7, 3, 2), np.float64)
    torchs = torch.softmax(torch.tensor(x), dim=1)
    assert np.allclose(functional.softmax(x, 1), torchs, rtol=1e-14, atol=0)
    assert np.allclose(oracle_activations.softmax(x), torchs, rtol=1e-14, atol=0)


#: A weight for each class or output, float64 as the samples are.
FACTORS = np.array([0.5, 2.0, 1.0, 0.0, 3.0, 0.25, 1.5])

#: A loss of ours, PyTorch's with the same options, and what PyTorch's takes as y.
LOSSES = {
    "mse": (losses.MSE(), nn.MSELoss(), ["targets"]),
    "cross_entropy": (losses.CrossEntropy(), nn.CrossEntropyLoss(), ["classes", "targets"]),
    "weighted": (
        losses.CrossEntropy(label_smoothing=0.1, class_weights=FACTORS),
        nn.CrossEntropyLoss(torch.tensor(FACTORS), label_smoothing=0.1),
        ["classes", "targets"],
    ),
    "ignoring": (
        losses.CrossEntropy(label_smoothing=0.1, class_weights=FACTORS, ignore_index=2),
        nn.CrossEntropyLoss(torch.tensor(FACTORS), ignore_index=2, label_smoothing=0.1),
        ["classes"],
    ),
    "bce_with_logits": (losses.BCEWithLogits(), nn.BCEWithLogitsLoss(), ["targets"]),
    "pos-weight": (
        losses.BCEWithLogits(pos_weight=FACTORS),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor(FACTORS)),
        ["targets"],
    ),
    "l1": (losses.L1(), nn.L1Loss(), ["targets"]),
    "huber": (losses.Huber(), nn.HuberLoss(), ["targets"]),
    "narrow-huber": (losses.Huber(delta=0.3), nn.HuberLoss(delta=0.3), ["targets"]),
    "hinge": (losses.Hinge(), nn.MultiMarginLoss(), ["classes"]),
    "wide-hinge": (losses.Hinge(margin=2.5), nn.MultiMarginLoss(margin=2.5), ["classes"]),
}


def times_pytorchs(loss, outputs: int) -> float:
    """By how much ``cnnbp.losses`` says that a loss is larger than PyTorch's mean."""
    if isinstance(loss, losses.CrossEntropy):
        return 1
    return outputs / 2 if isinstance(loss, losses.MSE) else outputs


@pytest.mark.parametrize(
    ("name", "of"), [(name, of) for name, (_, _, kinds) in LOSSES.items() for of in kinds]
)
def test_losses_are_pytorchs(name, of, rng):
    """The network's and the oracle's, 23 samples: full blocks and one that is not."""
    (loss, torchs, _), outputs = LOSSES[name], len(FACTORS)
    x = normal(rng, (23, outputs), np.float64)
    y = rng.integers(0, outputs, 23) if of == "classes" else rng.random(x.shape)
    torch_x = tensor(x)
    torch_value = torchs(torch_x, torch.tensor(y)) * times_pytorchs(loss, outputs)
    torch_value.backward()
    for value, delta in (loss_of(x, y, loss), expected_of(x, y, loss)):
        assert value == pytest.approx(torch_value.item(), rel=1e-13)
        assert np.allclose(delta, torch_x.grad, rtol=1e-12, atol=1e-16)


def test_a_lenet_trains_along_pytorchs_trajectory(rng):
    """Twenty steps with momentum, in float64: losses, and parameters at the end."""
    from architectures import LENET

    network = LENET.build("float64", lr=0.05, momentum=0.9)
    weights = {name: tensor(value) for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(weights.values(), lr=0.05, momentum=0.9)
    reference = LENET.oracle_of(network, lr=0.05, momentum=0.9)
    for _ in range(20):
        x, labels = LENET.samples(rng, 17)
        optimizer.zero_grad()
        logits = torch_lenet(torch.tensor(x), weights)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
        loss.backward()
        optimizer.step()
        assert network.train_step(x, labels) == pytest.approx(loss.item(), rel=1e-13)
        assert reference.train_step(x, oracle_losses.one_hot(labels, 10)) == pytest.approx(
            loss.item(), rel=1e-13
        )
    for name, parameter in network.state_dict().items():
        assert np.allclose(parameter, weights[name].detach(), rtol=0, atol=1e-13), name


def torch_lenet(x, weights):
    functions = torch.nn.functional
    for place in ("0", "2"):
        x = functions.conv2d(x, weights[f"{place}.weight"], weights[f"{place}.bias"])
        x = functions.max_pool2d(torch.relu(x), 2)
    x = functions.linear(x.flatten(1), weights["4.weight"], weights["4.bias"])
    return functions.linear(torch.relu(x), weights["5.weight"], weights["5.bias"])
