"""A step that has run once asks for no memory: counted in a program that uses the library."""

from pathlib import Path

import pytest

from tests.installed import build, needs_compiler, needs_library, run

pytestmark = [needs_library, needs_compiler]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], list[int]]:
    """By network and threads: requests of the first step, five more, and further batches."""
    folder = tmp_path_factory.mktemp("allocations")
    build(Path(__file__).parent / "allocations", folder)
    lines = [line.split() for line in run(folder / "allocations").splitlines()]
    return {(name, int(threads)): list(map(int, counts)) for name, threads, *counts in lines}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "network",
    [
        "direct",
        "winograd",
        "linear",
    ],
)
def test_memory_is_asked_for_by_the_first_step_alone(asked, network, threads):
    first, further, batches = asked[network, threads]
    assert first > 0
    assert further == 0
    assert batches == 0
