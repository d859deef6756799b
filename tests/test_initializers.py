"""``cnnbp.initializers``: every distribution by its definition, and the same bits everywhere."""

import math

import numpy as np
import pytest

import cnnbp
from claims import assert_refused, assert_same_bits
from cnnbp import _core
from cnnbp.initializers import NAMED, Constant, Glorot, He, LeCun, Orthogonal, Toolbox
from cnnbp.layers import Conv2d, ConvTranspose2d, Linear, Subsample2d


def make(initializer="toolbox", *, dtype="float64", seed=3, **options):
    """Weights of (12, 4, 3, 3), with groups (24, 6, 5, 5), and (200, 216)."""
    layers = [Conv2d(12, 3), Conv2d(24, 5, groups=2), Subsample2d(2), Linear(200)]
    return cnnbp.Network(
        layers, input_shape=(4, 12, 12), dtype=dtype, seed=seed, initializer=initializer, **options
    )


WEIGHTS = {"0.weight": (4 * 9, 12 * 9), "1.weight": (6 * 25, 24 * 25), "3.weight": (216, 200)}

#: Initializer → its distribution, and its variance from both fans, as the papers have it.
SCALED = [
    (Glorot(), "uniform", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    (Glorot("normal", gain=0.5), "normal", lambda fan_in, fan_out: 0.5 / (fan_in + fan_out)),
    (He(), "normal", lambda fan_in, _: 2 / fan_in),
    (He("uniform", mode="fan_out"), "uniform", lambda _, fan_out: 2 / fan_out),
    (He(negative_slope=0.5), "normal", lambda fan_in, _: 1.6 / fan_in),
    (LeCun(), "normal", lambda fan_in, _: 1 / fan_in),
    (LeCun("uniform"), "uniform", lambda fan_in, _: 1 / fan_in),
]


def places(net, name):
    """The 64 random bits of every number of an array, by Philox in plain Python."""
    stream = list(net.state_dict()).index(name)
    for place in range(net.state_dict()[name].size):
        counter, key = [place, 0, stream, 0x696E6974], [net.definition.seed, 0]
        for _ in range(10):
            a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
            low, high = 0xFFFFFFFF, 32
            counter = [(b >> high) ^ counter[1] ^ key[0], b & low,
                       (a >> high) ^ counter[3] ^ key[1], a & low]  # fmt: skip
            key = [(key[0] + 0x9E3779B9) & low, (key[1] + 0xBB67AE85) & low]
        yield counter[0] << 32 | counter[1]


@pytest.mark.parametrize(("initializer", "distribution", "variance"), SCALED, ids=str)
def test_weights_are_drawn_with_the_variance_of_the_paper(initializer, distribution, variance):
    """Number by number, from the same random bits; the normal ones by an own inverse."""
    net = make(initializer)
    for name, fans in WEIGHTS.items():
        weight, deviation = net.state_dict()[name].ravel()[:300], math.sqrt(variance(*fans))
        bits = [bits for bits, _ in zip(places(net, name), weight, strict=False)]
        if distribution == "uniform":
            expected = [(2 * (b >> 11) / 2**53 - 1) * math.sqrt(3) * deviation for b in bits]
            assert np.allclose(weight, expected, rtol=1e-14, atol=0)
        else:
            below = [0.5 * math.erfc(-w / deviation / math.sqrt(2)) for w in weight]
            expected = [((b >> 12) + 0.5) / 2**52 for b in bits]
            assert np.allclose(below, expected, rtol=1e-13, atol=0)


@pytest.mark.parametrize(("initializer", "distribution", "variance"), SCALED, ids=str)
def test_moments_are_those_of_the_distribution(initializer, distribution, variance):
    """Of 43,200 weights, within 4 standard errors; of the seed that is fixed here."""
    weight = make(initializer).state_dict()["3.weight"].ravel()
    unit = weight / math.sqrt(variance(*WEIGHTS["3.weight"]))
    kurtosis = {"uniform": 9 / 5, "normal": 3}[distribution]
    assert abs(unit.mean()) < 4 / math.sqrt(unit.size)
    assert abs((unit**2).mean() - 1) < 4 * math.sqrt((kurtosis - 1) / unit.size)
    assert abs((unit**4).mean() - kurtosis) < 4 * math.sqrt(96 / unit.size)
    assert abs((unit[1:] * unit[:-1]).mean()) < 4 / math.sqrt(unit.size)


@pytest.mark.parametrize(("initializer", "distribution", "variance"), SCALED, ids=str)
def test_fans_and_variances_are_pytorch_s(initializer, distribution, variance):
    """Its own draws of a large weight with the same options have the same spread."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install '.[bench]')")
    functions = {"Glorot": "xavier", "He": "kaiming", "LeCun": "kaiming"}
    options = {"nonlinearity": "linear"}
    if isinstance(initializer, Glorot):
        options = {"gain": initializer.gain}
    if isinstance(initializer, He):
        options = {"a": initializer.negative_slope, "mode": initializer.mode}
    draw = getattr(torch.nn.init, f"{functions[type(initializer).__name__]}_{distribution}_")
    net = make(initializer)
    torch.manual_seed(0)
    for name in WEIGHTS:
        ours = net.state_dict()[name]
        theirs = np.stack([draw(torch.empty(ours.shape), **options).numpy() for _ in range(20)])
        error = math.sqrt(3 / ours.size)  # of both variances together, generously
        assert abs(ours.var() / theirs.var() - 1) < 4 * error


def test_the_fans_of_a_transposed_convolution_are_those_of_its_weights_axes():
    """So that its outputs keep the variance of its inputs with "fan_out", not with "fan_in"."""
    layer = ConvTranspose2d(8, 3, groups=2)
    for initializer, fan in ((He("uniform"), 4 * 9), (He("uniform", "fan_out"), 12 * 9)):
        net = cnnbp.Network([layer], input_shape=(12, 5, 5), initializer=initializer)
        largest, limit = np.abs(net.state_dict()["0.weight"]).max(), math.sqrt(6 / fan)
        assert 0.95 * limit < largest <= limit
    x = np.random.default_rng(0).standard_normal((40, 32, 9, 9))
    layer = ConvTranspose2d(8, 3, padding=2)  # pixels that all taps reach
    for mode, gain in (("fan_out", 2), ("fan_in", 2 * 32 / 8)):
        net = cnnbp.Network([layer], input_shape=x.shape[1:], initializer=He(mode=mode))
        assert net.predict(x).var() == pytest.approx(gain, rel=0.1)


def test_the_default_is_the_toolbox_s():
    assert make().definition.initializer == Toolbox()
    weight = make().state_dict()["0.weight"]
    limit = math.sqrt(6 / (4 * 9 + 12 * 9))
    assert 0.95 * limit < np.abs(weight).max() <= limit


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2), -0.5])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_orthogonal_rows_or_columns_are_orthonormal_times_the_gain(dtype, tolerance, gain):
    net = make(Orthogonal(gain), dtype=dtype)
    net.initialize("3.bias", Constant(1))
    for name in WEIGHTS:
        weight = net.state_dict()[name].astype(np.float64)
        matrix = weight.reshape(len(weight), -1)
        if len(matrix) > matrix.shape[1]:
            matrix = matrix.T
        error = matrix @ matrix.T - gain**2 * np.eye(len(matrix))
        assert np.abs(error).max() < tolerance


@pytest.mark.parametrize("shape", [(5, 40), (40, 5), (6, 6), (1, 7), (7, 1)])
def test_orthogonal_is_the_q_of_a_decomposition_whose_r_is_positive(shape):
    """Of the same normal draws, which makes all orthogonal matrices equally likely."""
    rows, columns = shape
    layers = [Linear(rows, bias=False)]
    net = cnnbp.Network(layers, input_shape=(1, 1, columns), dtype="float64")
    net.initialize("0.weight", LeCun())
    draws = net.state_dict()["0.weight"].reshape(min(shape), max(shape)) * math.sqrt(columns)
    net.initialize("0.weight", "orthogonal")
    q, r = np.linalg.qr(draws.T)
    expected = q * np.sign(np.diag(r))
    weight = net.state_dict()["0.weight"]
    assert np.abs(weight - (expected.T if rows <= columns else expected)).max() < 1e-12


def test_a_constant_is_one_number():
    net = make(Constant(0.25))
    assert {float(value) for name in WEIGHTS for value in net.state_dict()[name].ravel()} == {0.25}


@pytest.mark.parametrize("initializer", NAMED.values(), ids=NAMED)
def test_biases_and_their_like_start_at_their_constants(initializer):
    state = make(initializer).state_dict()
    assert not any(state[name].any() for name in state if name.endswith(".bias"))
    assert (state["2.beta"] == 0.25).all()


@pytest.mark.parametrize("initializer", NAMED.values(), ids=NAMED)
def test_a_parameter_drawn_anew_is_that_of_a_network_that_began_so(initializer, dtype):
    """And the others stay as they are."""
    net, begun = make(dtype=dtype.name), make(initializer, dtype=dtype.name)
    before = net.state_dict()
    net.initialize("1.weight", initializer)
    assert_same_bits(net.state_dict(), {**before, "1.weight": begun.state_dict()["1.weight"]})


def test_a_new_draw_is_used_by_the_next_prediction(rng):
    net, x = make(), rng.standard_normal((3, 4, 12, 12))
    before = net.predict(x)
    for name in WEIGHTS:
        net.initialize(name, "he_normal")
    assert not np.array_equal(net.predict(x), before)
    assert np.array_equal(net.predict(x), make("he_normal").predict(x))


def test_a_bias_takes_a_constant_and_its_own_start():
    net = make()
    net.initialize("0.bias", Constant(0.1))
    assert (net.state_dict()["0.bias"] == 0.1).all()
    net.initialize("0.bias", "toolbox")
    assert not net.state_dict()["0.bias"].any()


def test_weights_that_are_not_there_are_not_drawn():
    table = np.eye(4, dtype=bool)
    layers = [Conv2d(4, 3, connections=table)]
    net = cnnbp.Network(layers, input_shape=(4, 8, 8), initializer="orthogonal")
    for initializer in ("orthogonal", Constant(2), "he_uniform"):
        net.initialize("0.weight", initializer)
        assert (net.state_dict()["0.weight"].any(axis=(2, 3)) == table).all()


@pytest.mark.parametrize("initializer", [He("uniform", "fan_out", 0.1), Orthogonal(2), Constant(3)])
def test_a_saved_network_keeps_its_initializer(initializer, tmp_path):
    net = make(initializer)
    net.save(tmp_path / "net.npz")
    again = cnnbp.Network.load(tmp_path / "net.npz")
    assert again.definition == net.definition
    assert repr(initializer) in repr(again)
    assert_same_bits(again.state_dict(), net.state_dict())


@pytest.mark.parametrize("name", NAMED)
def test_seeds_and_parameters_have_draws_of_their_own(name):
    states = [make(name, seed=seed).state_dict()["3.weight"] for seed in (1, 1, 2, 2**32 + 1)]
    assert np.array_equal(states[0], states[1])
    assert all(not np.array_equal(states[0], state) for state in states[2:])


@pytest.mark.parametrize(
    ("initializer", "bits"),
    [
        ("he_normal", [0xBCBB8742, 0x3D8FE3D1, 0x3F063F02, 0xBC285E7D]),
        ("orthogonal", [0xBC998EF0, 0x3D6BA650, 0x3EDBDB21, 0xBC09DEA6]),
    ],
)
def test_a_seed_gives_the_same_bits_on_every_machine(initializer, bits):
    """Nothing but basic operations and square roots is in them; these are of seed 7."""
    weight = make(initializer, dtype="float32", seed=7).state_dict()["0.weight"]
    assert weight.ravel()[:4].view(np.uint32).tolist() == bits


@pytest.mark.parametrize(
    ("p", "quantile"),
    [
        (0.5, 0.0),
        (0.25, -0.6744897501960817),  # Wichura 1988, table of checks
        (0.001, -3.090232306167814),
        (1e-20, -9.262340089798408),
        (2.0**-53, -8.209536151601387),
    ],
)
def test_the_normal_distribution_s_inverse_has_the_published_values(p, quantile):
    assert _core.normal_quantile(p) == pytest.approx(quantile, rel=1e-15)


def test_the_normal_distribution_s_inverse_is_one():
    """From 10⁻³⁰⁰ up, by all three formulas, to a few roundings x of the quantile: Φ(x) has x²."""
    for p in np.concatenate([10.0 ** np.linspace(-300, -1, 500), np.linspace(0.001, 0.999, 997)]):
        x = _core.normal_quantile(p)
        below = 0.5 * math.erfc(-x / math.sqrt(2))
        assert abs(below / p - 1) < 1e-15 * (1 + x * x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Glorot("gaussian"), ("distribution", "gaussian", "normal")),
        (lambda: Glorot(gain=math.inf), ("gain", "inf")),
        (lambda: Glorot(gain=1e200), ("gain", "1e+200", "square")),
        (lambda: He(negative_slope=-1e200), ("negative_slope", "-1e+200", "square")),
        (lambda: He(mode="fan_avg"), ("mode", "fan_avg", "fan_in")),
        (lambda: He(negative_slope="0.1"), ("negative_slope",)),
        (lambda: LeCun(3), ("distribution", "3")),
        (lambda: Orthogonal(math.nan), ("gain", "nan")),
        (lambda: Constant(None), ("value", "None")),
        (lambda: make("he"), ("initializer", "'he'", "he_normal")),
        (lambda: make(He), ("initializer", "He")),
        (lambda: make(None), ("initializer", "None")),
        (lambda: make().initialize("0.bias", He()), ("0.bias", "fans", "Constant")),
        (lambda: make().initialize("2.beta", "orthogonal"), ("2.beta", "fans", "Constant")),
        (lambda: make().initialize("weight", He()), ("name", "weight", "0.weight")),
        (lambda: make().initialize(0, He()), ("name", "0.weight")),
        (lambda: make().initialize("0.weight", 0.1), ("initializer", "0.1")),
    ],
)
def test_what_cannot_be_is_refused_by_name(call, words):
    assert_refused(call, words)
