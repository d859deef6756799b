"""Whole networks beside PyTorch, in float64: every layer, every gradient, training and after."""

import numpy as np
import pytest

import architectures

pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
from in_torch import penalty_of, torch, torch_network

networks = pytest.mark.parametrize(
    "architecture", architectures.ALL.values(), ids=architectures.ALL
)


def torch_loss(architecture, outputs, labels):
    outputs = outputs.flatten(1)
    if architecture.loss == "cross_entropy":
        return torch.nn.functional.cross_entropy(outputs, torch.tensor(labels))
    target = torch.nn.functional.one_hot(torch.tensor(labels), outputs.shape[1])
    return 0.5 * ((outputs - target) ** 2).sum() / len(outputs)


@networks
def test_gradients_are_pytorchs(architecture, rng):
    """Of every parameter and of the input, relative to the largest of each array."""
    net = architecture.build("float64")
    module = torch_network(architecture, net)
    x, labels = architecture.samples(rng, 19)
    torch_x = torch.tensor(x, requires_grad=True)
    loss = torch_loss(architecture, module(torch_x), labels) + penalty_of(module)
    loss.backward()
    trace = net.trace(x, labels)
    assert net.accumulate_gradients(x, labels) == pytest.approx(loss.item(), rel=1e-13)
    theirs = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()}
    ours = net.gradient_dict()
    assert ours.keys() == theirs.keys()
    pairs = [(gradient, theirs[name]) for name, gradient in ours.items()]
    for got, want in [*pairs, (trace["input.delta"], torch_x.grad.numpy())]:
        assert np.abs(got - want).max() <= 1e-12 * np.abs(want).max()


@networks
def test_five_steps_and_a_prediction_are_pytorchs(architecture, rng):
    """With momentum; the prediction uses what statistics the steps have left."""
    net = architecture.build("float64", lr=0.01, momentum=0.9)
    module = torch_network(architecture, net)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    for count in (19, 5, 16, 8, 3):
        x, labels = architecture.samples(rng, count)
        optimizer.zero_grad()
        loss = torch_loss(architecture, module(torch.tensor(x)), labels) + penalty_of(module)
        loss.backward()
        optimizer.step()
        assert net.train_step(x, labels) == pytest.approx(loss.item(), rel=1e-11)
    module.eval()
    with torch.no_grad():
        want = module(torch.tensor(x)).numpy()
    assert np.abs(net.predict(x) - want.reshape(net.predict(x).shape)).max() <= 1e-11 * max(
        1, np.abs(want).max()
    )
