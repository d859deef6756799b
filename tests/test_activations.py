"""The activation functions: how far from the exact value, at which edges, and their deltas."""

import numpy as np
import pytest

import cnnbp
import oracle_activations
from claims import ulps
from cnnbp import _core, functional
from cnnbp import layers as L  # noqa: N812

#: Error bounds in units of the last place; four million arguments gave 1.07, 2.53 and 2.40 at most.
BOUNDS = {"exp": 1.5, "tanh": 3, "sigmoid": 3}
FUNCTIONS = {"exp": _core.exp, "tanh": functional.tanh, "sigmoid": functional.sigmoid}
#: Their slope is told by the argument alone.
FALL_AND_RISE = ("gelu", "gelu_tanh", "silu", "hardswish")
#: Not smooth everywhere.
KINKED = ("relu", "leaky_relu", "elu", "hardswish")
wide = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than double here"
)


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """In a type with at least 11 more bits than ``x`` has."""
    x = x.astype(np.float64 if x.dtype == np.float32 else np.longdouble)
    with np.errstate(over="ignore", under="ignore"):
        return {"exp": np.exp, "tanh": np.tanh, "sigmoid": _exact_sigmoid}[name](x)


def _exact_sigmoid(x: np.ndarray) -> np.ndarray:
    """Without the overflow of ``exp(−x)`` and without the cancellation of ``1 − small``."""
    power = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, power) / (1 + power)


def samples(dtype) -> np.ndarray:
    """200,000 arguments: dense about 0, over the whole range of ``exp``, of every magnitude."""
    rng, count = np.random.default_rng(3), 50_000
    largest = np.log(np.finfo(dtype).max)
    magnitudes = np.exp2(rng.uniform(np.log2(np.finfo(dtype).tiny), np.log2(largest), count))
    return np.concatenate(
        [
            rng.uniform(-1, 1, count),
            rng.uniform(-20, 20, count),
            rng.uniform(-largest, largest, count),
            magnitudes * rng.choice([-1, 1], count),
        ]
    ).astype(dtype)


def edges(dtype) -> np.ndarray:
    """Both sides of the ends of the range, of the range reduction's steps, of the tiny numbers."""
    info = np.finfo(dtype)
    ends = [np.log(info.max), -np.log(info.tiny), np.log(info.tiny), 88, 709, 20, 9, 0.625, 0.25]
    halves = np.arange(-40, 41) * np.log(2) / 2
    tiny = [info.smallest_subnormal, info.tiny, info.eps, info.eps**2]
    centres = np.concatenate([ends, np.negative(ends), halves, tiny, np.negative(tiny)])
    centres = centres.astype(dtype)
    return np.concatenate([centres, np.nextafter(centres, -1), np.nextafter(centres, 1)])


@wide
@pytest.mark.parametrize("name", BOUNDS)
def test_the_error_stays_within_its_bound(name, dtype):
    """Where the result is a normal number; the ends have their own test."""
    x = np.concatenate([samples(dtype), edges(dtype)])
    want = exact(name, x)
    normal = (np.abs(want) >= np.finfo(dtype).tiny) & (np.abs(want) <= np.finfo(dtype).max)
    error = ulps(FUNCTIONS[name](x)[normal], want[normal])
    worst = int(error.argmax())
    assert error[worst] <= BOUNDS[name], f"{error[worst]:.3f} ulp at {x[normal][worst]!r}"


@wide
@pytest.mark.parametrize("name", BOUNDS)
def test_results_below_the_normal_numbers_are_the_nearest_or_zero(name, dtype):
    """Results too small for a normal number: right to a few denormal steps, or flushed to 0."""
    x = np.concatenate([samples(dtype), edges(dtype)])
    want, got = exact(name, x), FUNCTIONS[name](x)
    small = np.abs(want) < np.finfo(dtype).tiny
    near = np.abs(got - want) <= BOUNDS[name] * np.finfo(dtype).smallest_subnormal
    assert (near | (got == 0))[small].all()


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("exp", 0.0, 1.0),
        ("exp", -0.0, 1.0),
        ("exp", np.inf, np.inf),
        ("exp", -np.inf, 0.0),
        ("exp", 1e30, np.inf),
        ("exp", -1e30, 0.0),
        ("tanh", 0.0, 0.0),
        ("tanh", np.inf, 1.0),
        ("tanh", -np.inf, -1.0),
        ("tanh", 1e30, 1.0),
        ("tanh", -1e30, -1.0),
        ("sigmoid", 0.0, 0.5),
        ("sigmoid", -0.0, 0.5),
        ("sigmoid", np.inf, 1.0),
        ("sigmoid", -np.inf, 0.0),
        ("sigmoid", 1e30, 1.0),
        ("sigmoid", -1e30, 0.0),
    ],
)
def test_limits_are_exact(name, argument, value, dtype):
    assert (FUNCTIONS[name](np.full(17, argument, dtype)) == value).all()


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid", "relu"])
def test_a_nan_stays_a_nan_and_stays_alone(name, dtype):
    """A network that has gone wrong must show it; its neighbours in the lane vector must not."""
    x = np.linspace(-2, 2, 37, dtype=dtype)
    function = FUNCTIONS.get(name, functional.relu)
    clean = function(x)
    x[5] = np.nan
    output = function(x)
    assert np.isnan(output[5])
    assert np.array_equal(np.delete(output, 5), np.delete(clean, 5))


def test_tanh_is_odd_to_the_last_bit(dtype):
    x = np.concatenate([samples(dtype), [0.0]]).astype(dtype)
    assert np.array_equal(functional.tanh(-x), -functional.tanh(x))
    assert np.signbit(functional.tanh(np.array([-0.0], dtype)))[0]


@pytest.mark.parametrize("name", BOUNDS)
def test_a_result_does_not_depend_on_its_place_in_the_array(name, dtype):
    """The tail of an array goes through the same arithmetic as its blocks of lanes."""
    x = samples(dtype)[::1000].copy()
    whole = FUNCTIONS[name](x)
    for start in (1, 3, 8, 15):
        assert np.array_equal(FUNCTIONS[name](x[start:]), whole[start:])


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
def test_functions_keep_shape_and_type(name, dtype, rng):
    x = rng.standard_normal((5, 3, 2, 4)).astype(dtype)
    output = getattr(functional, name)(x)
    assert output.shape == x.shape
    assert output.dtype == dtype
    assert np.allclose(output, oracle_activations.ACTIVATIONS[name](x), rtol=1e-6, atol=0)


def test_relu_is_exact(dtype, rng):
    x = rng.standard_normal((3, 17)).astype(dtype)
    assert np.array_equal(functional.relu(x), np.maximum(x, 0))


@pytest.mark.parametrize("shape", [(1, 10), (17, 3), (50, 10), (3, 13), (5, 7, 2, 3), (2, 1)])
def test_softmax_is_a_distribution_over_axis_1(shape, dtype, rng):
    """Its relative error: that of exp twice, n roundings of the sum, one of u − max, one of /."""
    x = (4 * rng.standard_normal(shape)).astype(dtype)
    output = functional.softmax(x, 1)
    want = oracle_activations.softmax(x)
    largest_argument = np.abs(x - x.max(axis=1, keepdims=True)).max()
    bound = (2 * (BOUNDS["exp"] + largest_argument) + shape[1] + 2) * np.finfo(dtype).eps
    assert np.abs(output / want - 1).max() <= bound


def test_softmax_of_large_numbers_does_not_overflow(dtype):
    x = np.array([[1e4, 0, -1e4], [-1e30, -1e30, -1e30]], dtype)
    output = functional.softmax(x, 1)
    assert np.array_equal(output[0], [1, 0, 0])
    assert np.allclose(output[1], 1 / 3, rtol=1e-6, atol=0)


@pytest.mark.parametrize("function", list(oracle_activations.ACTIVATIONS))
@pytest.mark.parametrize("shape", [(17, 6), (3, 13, 4, 5)])
def test_deltas_pass_through_the_derivative(function, shape, dtype, rng):
    """A slope is made of two functions within 3 eps and four products at most; softmax adds a sum.

    u · Φ(u) reaches 4 here, which its slope multiplies by φ, below 0.4.
    """
    u, delta = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    u *= 2
    output = oracle_activations.ACTIVATIONS[function](u).astype(dtype)
    got = _core.activation_delta(delta, u if function in FALL_AND_RISE else output, function)
    want = oracle_activations.activation_delta(delta, u, output, function)
    magnitude = np.abs(delta).max() * (2 if function == "softmax" else 1)
    assert got.dtype == dtype
    assert np.abs(got - want).max() <= (12 + shape[1]) * np.finfo(dtype).eps * magnitude


@pytest.mark.parametrize("function", [f for f in oracle_activations.ACTIVATIONS if f not in KINKED])
def test_deltas_match_central_differences_of_the_function(function, rng):
    """Without the oracle. Their error is of the order h² + eps / h: 10⁻¹⁰ for h = 10⁻⁵."""
    u, delta, h = rng.standard_normal((3, 5)), rng.standard_normal((3, 5)), 1e-5
    output = u if function in FALL_AND_RISE else _core.activation(u, function)
    computed = _core.activation_delta(delta, output, function)
    for place in np.ndindex(u.shape):
        above, below = u.copy(), u.copy()
        above[place] += h
        below[place] -= h
        change = _core.activation(above, function) - _core.activation(below, function)
        assert computed[place] == pytest.approx((delta * change).sum() / (2 * h), abs=1e-9)


#: As measured against 40 digits over 4,000 arguments in [-20, 20] of each type: at most 2.1, 1.1,
#: 2.0, 3.0, 1.7, 6.4 and 15.2 (where tanh's argument, a cube, nears -10 and exp magnifies it).
COMPOSED = {"softplus": 4, "elu": 3, "silu": 4, "scaled_tanh": 5, "hardswish": 4, "gelu": 10,
            "gelu_tanh": 30}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_functions_of_the_exponential_lose_no_digits_left_of_zero(name, dtype, rng):
    """Where a gate is nearly shut, the result is small and still right to a few ulp.

    The oracle rounds too, in float64, so double is compared where it loses nothing: above -2.
    """
    least = -4 if dtype == np.float32 else -2
    x = rng.uniform(least, 8, 5000).astype(dtype).reshape(-1, 1)
    assert (
        ulps(_core.activation(x, name), oracle_activations.ACTIVATIONS[name](x)).max()
        <= COMPOSED[name]
    )


def test_a_parameter_sets_the_slope_or_the_bend(dtype, rng):
    x = rng.standard_normal((9, 5)).astype(dtype)
    for layer, expected in (
        (L.LeakyReLU(0.2), oracle_activations.leaky_relu(x, 0.2)),
        (L.ELU(0.5), oracle_activations.elu(x, 0.5)),
        (L.Softplus(3.0), oracle_activations.softplus(x, 3.0)),
        (L.GELU(approximate="tanh"), oracle_activations.gelu_tanh(x)),
    ):
        net = cnnbp.Network([layer], input_shape=(5, 1, 1), dtype=dtype.name)
        assert np.allclose(net.predict(x[:, :, None, None])[..., 0, 0], expected, rtol=1e-6)
        assert cnnbp.check_gradients(net, x[:, :, None, None], np.zeros((9, 5)))
