"""The same bits for any number of threads and on every instruction set with fused multiply-adds."""

import os
import subprocess
import sys

import numpy as np
import pytest

import architectures
import cnnbp
from cnnbp import _core

STEPS = 20
#: A full block, a partial one and a half of one: never a multiple of the block in a row.
BATCHES = (50, 17, 8)

trained_networks = pytest.mark.parametrize("name", ["toolbox", "lenet", "odd"])


def train(name: str, dtype: str) -> dict[str, np.ndarray]:
    """The parameters after twenty steps with momentum, and the losses on the way."""
    architecture = architectures.ALL[name]
    network = architecture.build(dtype, lr=0.05, momentum=0.9, seed=5)
    rng = np.random.default_rng(6)
    losses = [
        network.train_step(*architecture.samples(rng, BATCHES[step % 3], dtype))
        for step in range(STEPS)
    ]
    return {**network.state_dict(), "losses": np.array(losses)}


def assert_same_bits(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert one[name].tobytes() == other[name].tobytes(), name


def train_elsewhere(name: str, dtype: str, isa: str, tmp_path) -> dict[str, np.ndarray]:
    """``train`` in a new process that is made to use an instruction set."""
    saved = tmp_path / f"{isa}.npz"
    run_with_isa(isa, __file__, name, dtype, str(saved)).check_returncode()
    with np.load(saved) as arrays:
        return dict(arrays)


def run_with_isa(isa: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "CNNBP_ISA": isa, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
    )


@trained_networks
def test_training_gives_the_same_bits_for_any_number_of_threads(name, dtype):
    cnnbp.set_num_threads(1)
    alone = train(name, dtype.name)
    for threads in (2, 3, 4, 5, 6, 7, 8):
        cnnbp.set_num_threads(threads)
        assert_same_bits(train(name, dtype.name), alone)


def test_fit_gives_the_same_bits_for_any_number_of_threads(rng):
    """The whole epoch in C++: shuffled, a last batch of 3, evaluated after each epoch."""
    x, y = architectures.TOOLBOX.samples(rng, 103, "float32")
    results = []
    for threads in (1, 2, 5):
        cnnbp.set_num_threads(threads)
        network = architectures.TOOLBOX.build()
        history = network.fit(x, y, epochs=2, batch_size=20, validation_data=(x, y), progress=False)
        state = {**network.state_dict(), "losses": np.array(history.batch_losses)}
        results.append({**state, "outputs": network.predict(x)})
    for result in results[1:]:
        assert_same_bits(result, results[0])


@pytest.mark.skipif(
    not {"avx2", "avx512"} <= set(_core.available_isas()),
    reason="this CPU does not have both AVX2 and AVX-512",
)
@trained_networks
def test_training_gives_the_same_bits_on_avx2_and_avx512(name, dtype, tmp_path):
    assert_same_bits(
        train_elsewhere(name, dtype.name, "avx2", tmp_path),
        train_elsewhere(name, dtype.name, "avx512", tmp_path),
    )


@pytest.mark.parametrize("name", ["toolbox", "lenet"])
def test_portable_training_differs_by_rounding_alone(name, dtype, tmp_path):
    """Its multiply-adds may round twice. 20 steps of such differences stay below 1000 roundings."""
    portable = train_elsewhere(name, dtype.name, "portable", tmp_path)
    for key, here in train(name, dtype.name).items():
        assert np.abs(here - portable[key]).max() <= 1000 * np.finfo(dtype).eps * np.abs(here).max()


@pytest.mark.parametrize("isa", _core.available_isas())
def test_an_instruction_set_can_be_asked_for(isa):
    shown = run_with_isa(isa, "-c", "from cnnbp import _core; print(_core.isa())")
    assert shown.stdout.strip() == isa


def test_the_portable_instruction_set_is_always_there():
    assert "portable" in _core.available_isas()
    assert _core.isa() in _core.available_isas()


def test_an_unknown_instruction_set_is_an_error_that_lists_the_known_ones():
    """No silent fall back: who forces one wants to know what was measured."""
    failed = run_with_isa("nonsense", "-c", "import cnnbp; cnnbp.functional.relu([[1.0]])")
    assert failed.returncode != 0
    for word in ("CNNBP_ISA", "nonsense", "portable"):
        assert word in failed.stderr


def test_seeds_decide_the_first_parameters_and_nothing_else_does(dtype):
    one, same, other = (architectures.LENET.build(dtype, seed=s).state_dict() for s in (3, 3, 4))
    assert_same_bits(one, same)
    assert not np.array_equal(one["0.weight"], other["0.weight"])


if __name__ == "__main__":
    _, network_name, type_name, path = sys.argv
    np.savez(path, **train(network_name, type_name))
