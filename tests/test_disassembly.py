"""Register tiles stay in registers: read from the compiled code, for every instruction set."""

import platform
import re
import shutil
import subprocess
from itertools import product
from pathlib import Path

import pytest

import cnnbp
from cnnbp import _core
from tests.disassembly import Function, functions

LIBRARY = Path(cnnbp.__file__).parent / "lib" / "libcnnbp.a"

#: Functions that hold register tiles, by the beginnings of their names. Winograd's transforms hold
#: 36 points, and functions like exp more constants than there are registers: theirs are elsewhere.
TILES = [
    "correlate_",
    "gradient_tile",
    "multiply_rows",
    "multiply_pixels_rows",
    "outer_product_tile",
]
#: What there is for processors with 32 registers alone.
LARGE_TILES = ["gradient_window"]

SPILLING = """
0000000000000100 <tile()>:
 100:	mov    %rsp,%rbp
 104:	vmovaps %ymm9,-0x20(%rbp)
 108:	vbroadcastss (%rdi),%ymm0
 10c:	vfmadd231ps (%rsi),%ymm0,%ymm1
 110:	vfmadd231ps 0x20(%rsi),%ymm0,%ymm2
 114:	vfmadd231ps 0x40(%rsi),%ymm0,%ymm3
 118:	vfmadd231ps -0x40(%rbp),%ymm0,%ymm4
 11c:	mov    0x8(%rsp),%rax
 120:	vmovaps %ymm5,0x20(%rsp,%rax,8)
 124:	dec    %rcx
 128:	jne    108 <tile()+0x8>
 12c:	jmp    100 <tile()>
"""


def readable(name: str) -> str:
    """``correlate_rows<Vec<float, 8>, 4, float>``, without its namespaces, result and arguments."""
    short = name.replace("(anonymous namespace)::", "").replace("cnnbp::", "")
    return short.split("(")[0].removeprefix("void ")


@pytest.fixture(scope="module")
def tiles() -> list[Function]:
    """The functions of the library, or of the module where it is not installed."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        pytest.skip("the tiles are read from x86-64 code")
    if shutil.which("objdump") is None:
        pytest.skip("objdump is not installed")
    code = LIBRARY if LIBRARY.exists() else Path(_core.__file__)
    if b"clang version" in code.read_bytes():
        pytest.skip("Clang 22 spills: AVX2's tiles of 4 by 3 and 3 by 4, a product of doubles")
    command = ["objdump", "-d", "--no-show-raw-insn", "-C", str(code)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = [f for f in functions(text) if readable(f.name).startswith(tuple(TILES + LARGE_TILES))]
    if not found and code != LIBRARY:
        pytest.skip(f"{code.name} has no symbols, and the library is not installed")
    return found


@pytest.mark.parametrize(
    ("name", "register"),
    [*product(TILES, ["ymm", "zmm"]), *product(LARGE_TILES, ["zmm"])],
)
def test_no_vector_visits_the_stack_in_the_loops_of_register_tiles(tiles, name, register):
    those = [f for f in tiles if readable(f.name).startswith(name)]
    wide = [f for f in those if any(register in i.operands for i in f.instructions)]
    assert wide, f"no function of this name uses {register}: has it another name now?"
    loops = [(f, loop) for f in wide for loop in f.hot_loops if register in loop_registers(loop)]
    if not loops and not LIBRARY.exists():  # an installed library is optimised, so it has loops
        pytest.skip(f"{name} was compiled for {register} without optimisation")
    assert loops, f"no hot loop of {name} uses {register}: are they found?"
    assert not {readable(f.name) for f, loop in loops if f.spills(loop)}


def test_sums_of_a_correlation_stay_in_registers_from_their_start_to_their_end(tiles):
    # A first layer has 25 multiply-adds a sum: putting all sums onto the stack once shows.
    whole = [f for f in tiles if readable(f.name).startswith("correlate_positions")]
    assert whole, "no function of this name: has it another name now?"
    assert not {readable(f.name) for f in whole if f.spills(f.instructions)}


def loop_registers(loop):
    return set(re.findall("[yz]mm", " ".join(i.operands for i in loop if i.is_fused)))


def test_spills_are_found_in_the_innermost_loop_alone():
    (tile,) = functions(SPILLING)
    (loop,) = tile.hot_loops
    assert [i.address for i in (loop[0], loop[-1])] == [0x108, 0x128]
    assert [i.address for i in tile.spills(loop)] == [0x118, 0x120]


def test_without_a_frame_its_pointer_is_a_register_like_others():
    (tile,) = functions(SPILLING.replace("mov    %rsp,%rbp", "mov    %rdi,%rbp"))
    (loop,) = tile.hot_loops
    assert [i.address for i in tile.spills(loop)] == [0x120]


def test_a_loop_of_few_multiply_adds_or_scalars_is_no_tile():
    few = SPILLING.replace("vfmadd231ps (%rsi)", "vaddps (%rsi)")
    assert not next(functions(few)).hot_loops
    assert not next(functions(SPILLING.replace("ymm", "xmm"))).hot_loops


def test_functions_are_told_apart():
    text = SPILLING + "\n0000000000000200 <other()>:\n 200:\tret\n"
    assert [(f.name, len(f.instructions)) for f in functions(text)] == [
        ("tile()", 12),
        ("other()", 1),
    ]
