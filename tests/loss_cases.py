"""Every loss with every option, alone: through a network whose outputs are its inputs."""

import numpy as np
import pytest

import cnnbp
import oracle_losses
from cnnbp import layers as L  # noqa: N812
from cnnbp.losses import L1, MSE, BCEWithLogits, CrossEntropy, Hinge, Huber

#: Batches of whole blocks and of parts of them.
shapes = pytest.mark.parametrize(
    ("batch", "outputs"), [(1, 2), (4, 3), (15, 10), (16, 7), (17, 10), (33, 13), (50, 10)]
)


def tolerance(dtype, terms: int) -> float:
    """Relative to Σ|terms|: a rounding for each term of a sum, and a few for what is summed."""
    return (terms + 8) * float(np.finfo(dtype).eps)


def factors(outputs: int) -> list[float]:
    """A weight for each output, exact in float32."""
    return [0.5 + k % 4 / 4 for k in range(outputs)]


#: From the number of outputs to a loss: every one, and every option.
LOSSES = {
    "mse": lambda outputs: MSE(),
    "cross_entropy": lambda outputs: CrossEntropy(),
    "smoothed": lambda outputs: CrossEntropy(label_smoothing=0.25),
    "class-weights": lambda outputs: CrossEntropy(class_weights=factors(outputs)),
    "both": lambda outputs: CrossEntropy(label_smoothing=0.25, class_weights=factors(outputs)),
    "bce_with_logits": lambda outputs: BCEWithLogits(),
    "pos-weight": lambda outputs: BCEWithLogits(pos_weight=factors(outputs)),
    "l1": lambda outputs: L1(),
    "huber": lambda outputs: Huber(),
    "narrow-huber": lambda outputs: Huber(delta=0.25),
    "hinge": lambda outputs: Hinge(),
    "wide-hinge": lambda outputs: Hinge(margin=2.5),
}
ORACLES = {
    MSE: oracle_losses.mse,
    CrossEntropy: oracle_losses.cross_entropy,
    BCEWithLogits: oracle_losses.bce_with_logits,
    L1: oracle_losses.l1,
    Huber: oracle_losses.huber,
    Hinge: oracle_losses.hinge,
}


def identity_network(outputs: int, loss, dtype=np.float64) -> cnnbp.Network:
    net = cnnbp.Network(
        [L.Linear(outputs, bias=False)],
        input_shape=(outputs, 1, 1),
        loss=loss,
        dtype=np.dtype(dtype).name,
    )
    net.load_state_dict({"0.weight": np.eye(outputs, dtype=dtype)})
    return net


def images(outputs, dtype=np.float64) -> np.ndarray:
    return np.asarray(outputs, dtype)[:, :, None, None]


def loss_of(outputs, y, loss, dtype=np.float64, sample_weight=None):
    """The loss, and its derivative by each output, as the network computes them."""
    x = images(outputs, dtype)
    net = identity_network(x.shape[1], loss, dtype)
    trace = net.trace(x, y, sample_weight=sample_weight)
    return trace["loss"], trace["0.delta"]


def expected_of(outputs, y, loss, sample_weight=None):
    return ORACLES[type(loss)](outputs, y, sample_weight=sample_weight, **loss.options())
