"""The house: who may include or import whom, and what may live where."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CPP, PACKAGE = ROOT / "cpp", ROOT / "python" / "cnnbp"
CPP_FILES = sorted(path for path in CPP.rglob("*") if path.suffix in {".cpp", ".hpp", ".h"})
PYTHON_FILES = sorted(
    path for folder in ("python", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")
)

#: Folder of cpp/src → the folders it may include from; "cnnbp" are the public headers.
MAY_INCLUDE = {
    "simd": {"simd"},
    "kernels": {"kernels"},
    "isa": {"simd", "kernels"},
    "lanes": {"lanes", "kernels", "cnnbp"},
    "threads": {"threads", "lanes", "cnnbp"},
    "dispatch": {"dispatch", "kernels", "threads", "cnnbp"},
    "layers": {"layers", "lanes", "kernels", "dispatch", "threads", "cnnbp"},
    "functional": {"functional", "layers", "lanes", "kernels", "dispatch", "threads", "cnnbp"},
    "network": {"network", "layers", "lanes", "kernels", "dispatch", "threads", "cnnbp"},
}
#: The kernels' contracts, which everyone may know; the kernels themselves are for isa/ alone.
KERNEL_CONTRACTS = {
    "kernels/arguments.hpp",
    "kernels/learning_arguments.hpp",
    "kernels/map_arguments.hpp",
    "kernels/table.hpp",
}
#: Module or folder of the package → what it may import of the package. The loop in training knows
#: a network only as a protocol.
MAY_IMPORT = {
    "data": {"data", "arguments"},
    "names": set(),
    "layers": {"layers", "arguments", "names", "_core"},
    "training": {"training", "arguments", "optim", "_core"},
    "functional": {"functional", "arguments", "_core"},
    "arguments": set(),
    "initializers": {"arguments", "_core"},
    "optim": {"optim", "arguments", "names", "_core"},
    "pictures": {"pictures", "arguments"},
    "equation": {"layers"},
    "convolution_equations": {"arguments", "equation", "layers"},
    "activation_equations": {"equation", "layers"},
    "loss_equations": {"equation", "losses"},
    "map_equations": {"equation", "layers"},
    "update_equations": {"equation", "optim"},
    "equations": {
        *("activation_equations", "convolution_equations", "loss_equations", "map_equations"),
        *("update_equations", "equation", "layers", "losses", "optim"),
    },
    "whole_file": set(),
    "checkpoint": {"_core", "arguments", "definition", "optim", "parameters", "whole_file"},
    "cpp_header": {"_core", "arguments", "layers", "losses", "network", "optim", "whole_file"},
    "explain": {
        *("explain", "arguments", "convolution_equations", "equation", "equations", "layers"),
        *("losses", "network", "optim", "trace"),
    },
    "toolbox": {"toolbox", "arguments", "data", "functional", "_core"},
    "network": {
        *("_core", "arguments", "definition", "initializers", "layers", "losses", "optim"),
        *("samples", "spec", "state", "summary", "trace", "training"),
    },
    "state": {
        *("_core", "arguments", "attributes", "checkpoint", "definition", "initializers"),
        *("optim", "parameters", "training"),
    },
    "attributes": {"definition", "optim"},
}


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def under(folder: str) -> list[Path]:
    return [path for path in CPP_FILES if relative(path).startswith(folder + "/")]


def test_the_tests_see_the_source():
    assert CPP_FILES
    assert PYTHON_FILES
    assert {path.name for path in (CPP / "src").iterdir() if path.is_dir()} == set(MAY_INCLUDE)


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_folders_of_the_core_include_downwards(folder):
    for path in under(f"cpp/src/{folder}"):
        ours = {name.split("/")[0] for name in includes(path) if "/" in name}
        ours = {name for name in ours if name in MAY_INCLUDE or name == "cnnbp"}
        assert ours <= MAY_INCLUDE[folder], relative(path)


def test_kernels_are_included_by_instruction_set_files_alone():
    for path in under("cpp"):
        if not relative(path).startswith(("cpp/src/isa/", "cpp/src/kernels/")):
            kernels = {name for name in includes(path) if name.startswith("kernels/")}
            assert kernels <= KERNEL_CONTRACTS, relative(path)


def test_bindings_include_public_headers_alone():
    for path in under("cpp/bindings") + under("cpp/examples"):
        private = {
            name for name in includes(path) if "/" in name and name.split("/")[0] in MAY_INCLUDE
        }
        assert not private, relative(path)


def test_public_headers_are_plain():
    """No SIMD, no OpenMP, no Python: an application includes them with any compiler flags."""
    foreign = re.compile(
        r"pybind11|Python\.h|omp\.h|#\s*pragma\s+omp|intrin\.h|arm_neon|__m\d+|simd"
    )
    for path in under("cpp/include"):
        assert not foreign.search(path.read_text()), relative(path)
        for name in includes(path):
            assert name.startswith("cnnbp/") or "/" not in name, relative(path)


def test_only_lane_vectors_include_intrinsics():
    """An inline function compiled with AVX-512 flags elsewhere would crash older processors."""
    intrinsics = re.compile(r"\w*intrin\.h|arm_neon\.h")
    found = {relative(p) for p in CPP_FILES if any(map(intrinsics.fullmatch, includes(p)))}
    # The control register, of which every x86-64 processor has the instructions.
    assert {name for name in found if not name.startswith("cpp/src/simd/")} == {
        "cpp/src/threads/team.cpp"
    }


def test_templates_of_an_instruction_set_stay_in_their_file():
    """In an unnamed namespace, so that the linker cannot pick another file's copy."""
    kernels = [p for p in under("cpp/src/kernels") if relative(p)[8:] not in KERNEL_CONTRACTS]
    for path in kernels + under("cpp/src/simd"):
        text = path.read_text()
        opened = text.find("\nnamespace {")
        assert opened >= 0, relative(path)
        defined = re.search(
            r"^(template|inline|struct|static|constexpr)", text[:opened], re.MULTILINE
        )
        assert not defined, relative(path)


def test_threads_start_in_one_file():
    starts = [p for p in CPP_FILES if re.search(r"#\s*pragma\s+omp\s+parallel", p.read_text())]
    assert [relative(path) for path in starts] == ["cpp/src/threads/team.cpp"]
    assert not [p for p in CPP_FILES if re.search(r"std::j?thread\b|std::async", p.read_text())]


def test_the_core_neither_prints_nor_exits():
    """Errors are exceptions; what to do with them is the caller's business."""
    spoken = re.compile(r"std::(cout|cerr|clog|exit|abort|terminate)\b|\b(f?printf|puts)\s*\(")
    for path in under("cpp/src") + under("cpp/include") + under("cpp/bindings"):
        assert not spoken.search(path.read_text()), relative(path)


def imports(path: Path) -> set[str]:
    """Full names, ``from cnnbp.layers import x`` being ``cnnbp.layers.x``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: spell imports in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files_of(module: str) -> list[Path]:
    folder = PACKAGE / module
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_modules_of_the_package_import_downwards(module):
    for path in files_of(module):
        parts = [name.split(".") for name in imports(path)]
        ours = {part[1] for part in parts if part[0] == "cnnbp"}
        assert ours <= MAY_IMPORT[module], relative(path)


def test_data_is_read_with_numpy_alone():
    for path in files_of("data"):
        roots = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names
        assert roots <= {"numpy", "cnnbp"}, relative(path)


def test_the_package_imports_nothing_heavier_than_numpy():
    """Pictures, tables and ``.mat`` files are paid for by those who use them."""
    shown = subprocess.run(
        [sys.executable, "-c", "import sys; before = set(sys.modules); import cnnbp\n"
         "print(*{name.split('.')[0] for name in set(sys.modules) - before})"],
        capture_output=True, text=True, check=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )  # fmt: skip
    others = set(shown.stdout.split()) - sys.stdlib_module_names - {"numpy", "cnnbp"}
    assert not others


@pytest.mark.parametrize("path", CPP_FILES + PYTHON_FILES, ids=relative)
def test_files_are_short_and_have_a_subject(path):
    # Of tests, tables of cases and oracles may be longer: they are not read from end to end.
    limit = 400 if relative(path).startswith("tests/") else 330
    assert len(path.read_text().splitlines()) <= limit
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not drawers & {part.lower() for part in (*path.parts[len(ROOT.parts) : -1], path.stem)}
