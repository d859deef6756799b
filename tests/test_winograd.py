"""Winograd's algorithm: as exact as its number of roundings allows, and chosen by shapes alone."""

from dataclasses import replace

import numpy as np
import pytest

import cnnbp
import geometries
import oracle
import oracle_winograd
from claims import assert_same_bits, assert_sum_of_products, normal
from cnnbp import functional
from cnnbp import layers as L  # noqa: N812

#: Roundings of a term besides those of the sum: 6 in the pixels' transform, 8 and 4 factors in the
#: kernels', 8 in the outputs', one of the bias; with a stride 6, 6 and 4, 10 and one. The gradient
#: has no more.
TRANSFORMS = 27
#: The delta's, if it is the transposed sum: 6 in the delta's transform, 10 in the pixels', 12 in
#: the kernels', and 3 where tiles overlap.
TRANSPOSED_TRANSFORMS = 31


def plain(geometry, kernel: int, stride: int = 1):
    """The geometry with a square kernel and nothing that Winograd's algorithm cannot do."""
    return replace(
        geometry,
        kernel_size=(kernel, kernel),
        stride=(stride, stride),
        dilation=(1, 1),
        groups=1,
    )


#: So many that a delta's weights are turned before they go to the points; whole vectors and not.
MANY_OUTPUTS = [
    geometries.Geometry(
        batch=2,
        in_channels=i,
        size=(7, 5),
        out_channels=o,
        kernel_size=(3, 3),
        padding=((1, 1), (1, 1)),
    )
    for i, o in [(3, 256), (26, 261)]
]


def _suited() -> list[geometries.Geometry]:
    """Every way for tiles, padding, channels and lanes to be partial; and real layers."""
    small = geometries.ODD + geometries.DRAWN + geometries.LANE_EDGES + geometries.TILE_EDGES[::5]
    every = [plain(g, *form) for g in small + MANY_OUTPUTS for form in FORMS] + [
        plain(g, g.kernel_size[0], g.stride[0])
        for g in geometries.REAL
        if (g.kernel_size[0], g.stride[0]) in FORMS and g.multiply_adds < 2e8
    ]
    return list(dict.fromkeys(g for g in every if min(g.output_size) > 0))


#: Kernels and strides.
FORMS = list(oracle_winograd.POINTS)
SUITED = _suited()
#: Large enough for Winograd's algorithm to pay, small enough for a test.
LAYER = geometries.Geometry(
    batch=5,
    in_channels=16,
    size=(16, 16),
    out_channels=16,
    kernel_size=(3, 3),
    padding=((1, 1), (1, 1)),
)
suited = pytest.mark.parametrize("geometry", SUITED, ids=str)
layers = pytest.mark.parametrize(
    "geometry",
    [
        LAYER,
        replace(LAYER, in_channels=8, out_channels=12),
        plain(replace(LAYER, in_channels=20, out_channels=50), 5),
        plain(replace(LAYER, in_channels=6, out_channels=12, padding=((0, 0), (0, 0))), 5),
        plain(replace(LAYER, out_channels=32), 3, 2),
        plain(replace(LAYER, in_channels=3, out_channels=32, padding=((3, 3), (3, 3))), 7, 2),
    ],
    ids=str,
)


def place_of(geometry) -> dict:
    """What the bounds need to know of it."""
    return {"stride": geometry.stride[0], "padding": geometry.padding}


def phases_of(geometry) -> int:
    """How many numbers of a channel are added up at a point: one of every phase of the stride."""
    return geometry.stride[0] * geometry.stride[1]


@pytest.mark.parametrize(("kernel", "stride"), FORMS)
def test_the_matrices_convolve(kernel, stride, rng):
    """What the bounds are made of is the algorithm: ``Aᵀ [(G w) ∘ (Bᵀ x)]`` slides w over x."""
    at, g, bt = oracle_winograd.matrices(kernel, stride)
    x, weight = rng.standard_normal(len(bt)), rng.standard_normal(kernel)
    expected = np.correlate(x, weight)[::stride]
    assert at @ ((g @ weight) * (bt @ x)) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(("kernel", "stride"), FORMS)
def test_the_matrices_send_deltas_back(kernel, stride, rng):
    """With a stride, deltas lie that far apart, and every pixel has the taps that reach one."""
    at, g, bt = oracle_winograd.delta_matrices(kernel, stride)
    delta, weight = rng.standard_normal(bt.shape[1]), rng.standard_normal(kernel)
    apart = np.zeros(stride * len(delta))
    apart[::stride] = delta
    first = kernel - stride
    expected = np.convolve(apart, weight)[first : first + len(at)]
    assert at @ ((g @ weight[::-1]) * (bt @ delta)) == pytest.approx(expected, abs=1e-13)


@suited
def test_forward_rounds_no_more_than_its_transforms_and_sums(geometry, dtype, rng):
    x, weight = (normal(rng, s, dtype) for s in (geometry.input_shape, geometry.weight_shape))
    bias = normal(rng, geometry.out_channels, dtype)
    magnitude = oracle_winograd.forward(
        x, weight, **place_of(geometry), output_size=geometry.output_size
    )
    assert_sum_of_products(
        functional.conv2d(x, weight, bias, **geometry.options, algorithm="winograd"),
        oracle.conv2d(x, weight, bias, **geometry.options),
        magnitude=magnitude + np.abs(bias)[:, None, None],
        terms=phases_of(geometry) * geometry.in_channels + TRANSFORMS,
    )


@suited
def test_delta_rounds_no_more_than_its_transforms_and_sums(geometry, dtype, rng):
    delta, weight = (normal(rng, s, dtype) for s in (geometry.output_shape, geometry.weight_shape))
    options = {"input_size": geometry.size, **geometry.options}
    assert_sum_of_products(
        functional.conv2d_delta(delta, weight, **options, algorithm="winograd"),
        oracle.conv2d_delta(delta, weight, **options),
        magnitude=oracle_winograd.delta(
            delta, weight, **place_of(geometry), input_size=geometry.size
        ),
        terms=geometry.out_channels + TRANSPOSED_TRANSFORMS,
    )


@suited
def test_gradient_rounds_no_more_than_its_transforms_and_sums(geometry, dtype, rng):
    x, delta = (normal(rng, s, dtype) for s in (geometry.input_shape, geometry.output_shape))
    kernel = geometry.kernel_size[0]
    options = {"kernel_size": geometry.kernel_size, **geometry.options}
    gradient, bias = functional.conv2d_gradients(x, delta, **options, algorithm="winograd")
    expected, expected_bias = oracle.conv2d_gradients(x, delta, **options)
    tiles = np.prod(oracle_winograd.counts(geometry.output_size))
    assert_sum_of_products(
        gradient,
        expected,
        magnitude=oracle_winograd.gradient(x, delta, **place_of(geometry), kernel=kernel),
        terms=geometry.batch * tiles + TRANSFORMS,
    )
    assert_sum_of_products(
        bias,
        expected_bias,
        magnitude=np.abs(delta).sum(axis=(0, 2, 3)),
        terms=geometry.batch * np.prod(geometry.output_size),
    )


def test_connections_that_are_not_there_have_no_gradient(rng):
    connections = rng.random((16, 16)) < 0.5
    connections[:, 0] = True
    net = cnnbp.Network(
        [L.Conv2d(16, 3, connections=connections, algorithm="winograd"), L.Linear(3)],
        input_shape=(16, 7, 7),
        loss="cross_entropy",
        optimizer=cnnbp.optim.SGD(lr=0.1),
    )
    net.accumulate_gradients(normal(rng, (5, 16, 7, 7), np.float32), np.arange(5) % 3)
    gradient = net.gradient_dict()["0.weight"]
    assert not gradient[~connections].any()
    assert gradient[connections].all()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("batch", geometries.BATCHES)
def test_a_sample_does_not_see_its_batch(batch, stride, rng):
    """Tiles of narrow and of full blocks are patched together otherwise, and nothing else."""
    x = normal(rng, (50, 17, 27, 25), np.float32)
    weight = normal(rng, (19, 17, 3, 3), np.float32)
    options = {"stride": stride, "padding": 1, "algorithm": "winograd"}
    whole = functional.conv2d(x, weight, **options)
    part = functional.conv2d(x[:batch], weight, **options)
    assert np.array_equal(part, whole[:batch])


@pytest.mark.parametrize(
    ("channels", "kernel", "padding"), [((130, 290), 3, 1), ((290, 130), 3, 0), ((97, 101), 5, 2)]
)
@pytest.mark.parametrize("batch", [1, 3, 8, 16, 41])
def test_weights_brought_to_the_points_late_give_the_same_bits(
    batch, channels, kernel, padding, rng
):
    """A batch of few pixels takes some sources after the others, whose sums are added to.

    Kernels of both passes are 2 MB and more at the points; 290 sources of a delta are turned.
    """
    inputs, outputs_ = channels
    weight = normal(rng, (outputs_, inputs, kernel, kernel), np.float32)
    x = normal(rng, (90, inputs, 7, 6), np.float32)
    options = {"padding": padding, "algorithm": "winograd"}
    whole = functional.conv2d(x, weight, **options)
    assert np.array_equal(functional.conv2d(x[:batch], weight, **options), whole[:batch])
    back = functional.conv2d_delta(whole, weight, input_size=(7, 6), **options)
    few = functional.conv2d_delta(whole[:batch], weight, input_size=(7, 6), **options)
    assert np.array_equal(few, back[:batch])


def outputs(geometry, dtype, algorithm: str, rng) -> dict[str, np.ndarray]:
    """All three passes of one layer, by a network or, with "winograd …", by the functions."""
    net = cnnbp.Network(
        [
            L.Conv2d(
                geometry.out_channels,
                geometry.kernel_size,
                stride=geometry.stride,
                padding=geometry.padding,
                groups=geometry.groups,
                algorithm=algorithm,
            ),
            L.Linear(3),
        ],
        input_shape=geometry.input_shape[1:],
        loss="cross_entropy",
        optimizer=cnnbp.optim.SGD(lr=0.1),
        dtype=dtype,
    )
    x = normal(rng, geometry.input_shape, dtype)
    trace = net.trace(x, np.arange(geometry.batch) % 3)
    return {name: trace[name] for name in ("0.output", "input.delta", "0.gradient.weight")}


@layers
def test_auto_is_winograd_where_shapes_and_type_allow(geometry):
    chosen, forced = (
        outputs(geometry, "float32", algorithm, np.random.default_rng(1))
        for algorithm in ("auto", "winograd")
    )
    assert_same_bits(chosen, forced)


@layers
def test_auto_and_winograd_are_not_direct(geometry):
    direct, forced = (
        outputs(geometry, "float32", algorithm, np.random.default_rng(1))
        for algorithm in ("direct", "winograd")
    )
    assert all(not np.array_equal(direct[name], forced[name]) for name in direct)


@pytest.mark.parametrize(
    ("changes", "dtype"),
    [
        ({}, "float64"),
        ({"in_channels": 7, "out_channels": 40}, "float32"),
        ({"in_channels": 8, "out_channels": 11}, "float32"),
        ({"in_channels": 12, "out_channels": 15, "size": (14, 14)}, "float32"),
        ({"in_channels": 5, "kernel_size": (5, 5)}, "float32"),
        ({"stride": (2, 2)}, "float32"),
        ({"stride": (2, 2), "in_channels": 15, "out_channels": 40}, "float32"),
        ({"stride": (2, 2), "kernel_size": (7, 7), "out_channels": 5}, "float32"),
        ({"stride": (2, 2), "kernel_size": (5, 5)}, "float32"),
        ({"stride": (3, 3)}, "float32"),
        ({"groups": 4}, "float32"),
        ({"kernel_size": (3, 1)}, "float32"),
        ({"size": (2, 2)}, "float32"),
    ],
    ids=str,
)
def test_auto_is_direct_elsewhere(changes, dtype):
    """In float64, with few channels or full tiles, and where the algorithm has no form."""
    geometry = replace(LAYER, **changes)
    chosen, direct = (
        outputs(geometry, dtype, algorithm, np.random.default_rng(1))
        for algorithm in ("auto", "direct")
    )
    assert_same_bits(chosen, direct)


@pytest.mark.parametrize(("kernel", "stride"), FORMS)
def test_any_number_of_threads_gives_the_same_bits(kernel, stride, rng):
    geometry = plain(replace(LAYER, batch=37, in_channels=70, out_channels=66), kernel, stride)
    by_threads = []
    for threads in (1, 2, 5):
        cnnbp.set_num_threads(threads)
        by_threads.append(outputs(geometry, "float32", "winograd", np.random.default_rng(1)))
    assert_same_bits(by_threads[0], by_threads[1])
    assert_same_bits(by_threads[0], by_threads[2])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stride": (2, 1)}, "stride (2, 1)"),
        ({"stride": (2, 2), "kernel_size": (5, 5)}, "kernel_size (5, 5), stride (2, 2)"),
        ({"kernel_size": (7, 7)}, "kernel_size (7, 7), stride (1, 1)"),
        ({"dilation": (1, 2)}, "dilation (1, 2)"),
        ({"groups": 2}, "groups 2"),
        ({"kernel_size": (3, 5)}, "kernel_size (3, 5)"),
    ],
)
def test_winograd_refuses_what_it_cannot_do(changes, said, rng):
    geometry = replace(LAYER, **changes)
    x, weight = (rng.random(shape) for shape in (geometry.input_shape, geometry.weight_shape))
    with pytest.raises(ValueError, match="algorithm is 'winograd'") as refused:
        functional.conv2d(x, weight, **geometry.options, algorithm="winograd")
    assert said in str(refused.value)


@pytest.mark.parametrize(("given", "error"), [("fast", ValueError), (None, TypeError)])
def test_an_unknown_algorithm_is_refused_by_name(given, error):
    with pytest.raises(error, match='Conv2d algorithm must be one of "auto", "direct", "winograd"'):
        L.Conv2d(8, 3, algorithm=given)
