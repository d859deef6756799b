"""Every set of kernels that this CPU can run: chosen by name, exact on integers, equal in bits."""

import os
import subprocess
import sys

import numpy as np
import pytest

import architectures
import geometries
import oracle
import oracle_activations
import pool_geometries
from claims import assert_same_bits, integers
from cnnbp import _core, functional

GEOMETRIES = (
    geometries.LANE_EDGES
    + geometries.TILE_EDGES[::7]
    + geometries.COLUMN_EDGES
    + geometries.ROW_EDGES
    + geometries.ODD
    + geometries.DRAWN
)
#: Elsewhere a rounding may become more: where two pixels of a window are as good as equal, its
#: maximum takes the other, and normalized values near 0 are on the other side of a ReLU.
SMOOTH = [
    "toolbox",
    "odd",
    "subsampled",
    "pointwise",
    "winograd",
    "winograd_strided",
    "combined",
    "transposed",
    "dropped",
    "normalized",
    "resized",
]
networks = pytest.mark.parametrize("name", ["lenet", "resnet", "normalized_as_read", *SMOOTH])


def run_with_isa(isa: str, *arguments: str) -> subprocess.CompletedProcess:
    """A new Python process, as the instruction set is chosen once."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "CNNBP_ISA": isa, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=300,
    )


def train_with_isa(isa: str, name: str, dtype, folder) -> dict[str, np.ndarray]:
    saved = folder / f"{isa}.npz"
    ran = run_with_isa(isa, __file__, "train", name, str(dtype), str(saved))
    assert ran.returncode == 0, ran.stderr
    with np.load(saved) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("isa", _core.available_isas())
def test_an_instruction_set_can_be_asked_for(isa):
    shown = run_with_isa(isa, "-c", "from cnnbp import _core; print(_core.isa())")
    assert shown.stdout.strip() == isa


def test_the_portable_one_is_always_there():
    assert "portable" in _core.available_isas()
    assert _core.isa() in _core.available_isas()


def test_an_unknown_one_is_an_error_that_lists_the_known():
    """No silent fall back: who forces one wants to know what was measured."""
    failed = run_with_isa("nonsense", "-c", "import cnnbp; cnnbp.functional.relu([[1.0]])")
    assert failed.returncode != 0
    for word in ("CNNBP_ISA", "nonsense", "portable"):
        assert word in failed.stderr


@pytest.mark.parametrize("isa", [isa for isa in _core.available_isas() if isa != _core.isa()])
def test_every_other_one_is_exact_on_integers(isa):
    """The tests of single operations run with the best; the others have to do as well."""
    checked = run_with_isa(isa, __file__, "check")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(
    not {"avx2", "avx512"} <= set(_core.available_isas()),
    reason="this CPU does not have both AVX2 and AVX-512",
)
@networks
def test_training_gives_the_same_bits_on_avx2_and_avx512(name, dtype, tmp_path):
    assert_same_bits(
        train_with_isa("avx2", name, dtype, tmp_path),
        train_with_isa("avx512", name, dtype, tmp_path),
    )


@pytest.mark.parametrize("name", SMOOTH)
def test_portable_training_differs_by_rounding_alone(name, dtype, tmp_path):
    """Its multiply-adds round twice: a rounding or two of a parameter each step, 40 in all."""
    portable = train_with_isa("portable", name, dtype, tmp_path)
    for key, here in architectures.ALL[name].train_twenty_steps(dtype).items():
        assert np.abs(here - portable[key]).max() <= 40 * np.finfo(dtype).eps * np.abs(here).max()


def check() -> None:
    """Convolution, pooling and functions of the instruction set of this process."""
    for dtype in (np.float32, np.float64):
        for geometry in GEOMETRIES:
            check_convolution(geometry, dtype)
        for pool in pool_geometries.POOLS:
            check_pooling(pool, dtype)
        check_functions(dtype)


def check_convolution(geometry, dtype) -> None:
    rng, options = np.random.default_rng(2), geometry.options
    x, weight = (
        integers(rng, geometry.input_shape, dtype),
        integers(rng, geometry.weight_shape, dtype),
    )
    bias = integers(rng, (geometry.out_channels,), dtype)
    delta = integers(rng, geometry.output_shape, dtype)
    for module in (functional, oracle):
        results = (
            module.conv2d(x, weight, bias, **options),
            module.conv2d_delta(delta, weight, input_size=geometry.size, **options),
            *module.conv2d_gradients(x, delta, kernel_size=geometry.kernel_size, **options),
        )
        if module is functional:
            computed = results
    for got, want in zip(computed, results, strict=True):
        assert np.array_equal(got, want), (geometry, dtype)


def check_pooling(pool, dtype) -> None:
    x = integers(np.random.default_rng(2), pool.input_shape, dtype)
    window = {"dilation": pool.dilation, **pool.window}
    for got, want in zip(
        functional.max_pool2d(x, **window), oracle.max_pool2d(x, **window), strict=True
    ):
        assert np.array_equal(got, want), (pool, dtype)
    mean = {"count_include_pad": True, "divisor_override": 4, **pool.window}
    assert np.array_equal(functional.avg_pool2d(x, **mean), oracle.avg_pool2d(x, **mean))


def check_functions(dtype) -> None:
    """To 8 roundings, the error bounds in ulp being those of ``test_activations``."""
    x = np.linspace(-30, 30, 10_007).astype(dtype)
    for name in ("sigmoid", "tanh", "relu"):
        exact = oracle_activations.ACTIVATIONS[name](x)
        error = np.abs(getattr(functional, name)(x) - exact)
        assert (error <= 8 * np.finfo(dtype).eps * np.abs(exact)).all(), (name, dtype)


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    if task == "check":
        check()
    else:
        network_name, type_name, path = arguments
        np.savez(path, **architectures.ALL[network_name].train_twenty_steps(type_name))
