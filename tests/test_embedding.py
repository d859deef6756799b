"""What a C++ program may rely on beside the numbers: a program checks it, and says what holds."""

import re
from pathlib import Path

import pytest

from tests.installed import build, needs_compiler, needs_library, run

pytestmark = [needs_library, needs_compiler]

PROGRAM = Path(__file__).parent / "embedding"
CLAIMS = re.findall(r'^ +\{"(\w+)", \1\}', (PROGRAM / "main.cpp").read_text("utf-8"), re.M)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("embedding")
    build(PROGRAM, folder)
    return folder


@pytest.fixture(scope="module")
def told(programs) -> dict[str, str]:
    """By claim: whether it holds."""
    return dict(line.split(" ", 1) for line in run(programs / "embedding").splitlines())


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_program_may_rely_on_it(told, claim):
    assert told[claim] == "holds"


def test_static_objects_predict_after_main(programs):
    in_main, after = run(programs / "at_exit").splitlines()
    assert in_main == after
