"""The activation functions and their deltas in float64 NumPy, as ``oracle`` has the operations."""

import math

import numpy as np

Array = np.ndarray


def identity(u) -> Array:
    return np.asarray(u, np.float64)


def sigmoid(u) -> Array:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-np.asarray(u, np.float64)))


def tanh(u) -> Array:
    return np.tanh(np.asarray(u, np.float64))


def relu(u) -> Array:
    return np.maximum(np.asarray(u, np.float64), 0)


def softmax(u) -> Array:
    """Over axis 1, the channels or classes."""
    u = np.asarray(u, np.float64)
    powers = np.exp(u - u.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def scaled_tanh(u) -> Array:
    return 1.7159 * np.tanh(2 / 3 * np.asarray(u, np.float64))


def leaky_relu(u, negative_slope=0.01) -> Array:
    u = np.asarray(u, np.float64)
    return np.where(u > 0, u, negative_slope * u)


def elu(u, alpha=1.0) -> Array:
    u = np.asarray(u, np.float64)
    return np.where(u > 0, u, alpha * np.expm1(np.minimum(u, 0)))


def softplus(u, beta=1.0) -> Array:
    return np.logaddexp(0, beta * np.asarray(u, np.float64)) / beta


def normal_distribution(u) -> Array:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in u.flat]).reshape(u.shape)


def gelu(u) -> Array:
    u = np.asarray(u, np.float64)
    return u * normal_distribution(u)


def gelu_tanh(u) -> Array:
    u = np.asarray(u, np.float64)
    return 0.5 * u * (1 + np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3)))


def silu(u) -> Array:
    return np.asarray(u, np.float64) * sigmoid(u)


def hardswish(u) -> Array:
    u = np.asarray(u, np.float64)
    return u * np.clip(u + 3, 0, 6) / 6


#: By the names that ``activation=`` takes.
ACTIVATIONS = {
    f.__name__: f
    for f in (identity, sigmoid, tanh, scaled_tanh, relu, leaky_relu, elu, softplus, gelu,
              gelu_tanh, silu, hardswish, softmax)
}  # fmt: skip
#: The layers that are nothing but a function.
LAYER_FUNCTIONS = {
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "ScaledTanh": "scaled_tanh",
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "Softplus": "softplus",
    "GELU": "gelu",
    "SiLU": "silu",
    "Hardswish": "hardswish",
    "Softmax": "softmax",
}


def activation_delta(output_delta, u, output, function: str) -> Array:
    """``∂E/∂u`` from ``∂E/∂f(u)``, ``u`` and ``f(u)``."""
    delta, u, out = (np.asarray(array, np.float64) for array in (output_delta, u, output))
    match function:
        case "softmax":
            return out * (delta - (delta * out).sum(axis=1, keepdims=True))
        case "gelu":
            density = np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)
            return delta * (normal_distribution(u) + u * density)
        case "gelu_tanh":
            gate = np.tanh(math.sqrt(2 / math.pi) * (u + 0.044715 * u**3))
            inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * u**2)
            return delta * 0.5 * (1 + gate + u * (1 - gate**2) * inner)
        case "silu":
            return delta * sigmoid(u) * (1 + u * (1 - sigmoid(u)))
        case "hardswish":
            return delta * np.where(u < -3, 0, np.where(u > 3, 1, (2 * u + 3) / 6))
    return delta * SLOPES[function](u, out)


#: Slopes from the argument and the value.
SLOPES = {
    "identity": lambda u, y: np.ones_like(u),
    "sigmoid": lambda u, y: y * (1 - y),
    "tanh": lambda u, y: 1 - y * y,
    "scaled_tanh": lambda u, y: 1.7159 * 2 / 3 * (1 - (y / 1.7159) ** 2),
    "relu": lambda u, y: u > 0,
    "leaky_relu": lambda u, y: np.where(u > 0, 1, 0.01),
    "elu": lambda u, y: np.where(u > 0, 1, np.exp(np.minimum(u, 0))),
    "softplus": lambda u, y: sigmoid(u),
}
