"""The installed package serves C++ programs: headers, library, CMake and pkg-config files."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import cnnbp
from tests.installed import PACKAGE, ask, build, needs_compiler, needs_library, run

ROOT = Path(__file__).parents[1]
CONSUMER = ROOT / "cpp" / "examples" / "consumer"

pytestmark = [needs_library, needs_compiler]


def test_a_program_that_finds_the_package_trains(tmp_path):
    build(CONSUMER, tmp_path)
    shown = run(tmp_path / "consumer")
    assert float(re.search(r"accuracy ([0-9.]+)", shown)[1]) > 0.95


@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="pkg-config is not installed")
def test_pkg_config_says_enough_to_compile_and_link(tmp_path):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(PACKAGE / "lib" / "pkgconfig")}
    asked = ["pkg-config", "--cflags", "--libs", "cnnbp"]
    flags = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True)
    program = tmp_path / "consumer"
    run("c++", "-std=c++20", CONSUMER / "main.cpp", "-o", program, *flags.stdout.split())
    run(program)


def test_pkg_config_leaves_the_standard_to_the_program():
    """The last ``-std`` counts: one of the library's would take C++23 back."""
    assert "-std" not in (PACKAGE / "lib" / "pkgconfig" / "cnnbp.pc").read_text("utf-8")


@pytest.mark.parametrize("folder", ["lib", "lib64", "lib/x86_64-linux-gnu", "/elsewhere/lib"])
def test_pkg_config_finds_the_headers_from_wherever_the_library_is(tmp_path, folder):
    places = ["-DCMAKE_INSTALL_PREFIX=/prefix", f"-DCMAKE_INSTALL_LIBDIR={folder}"]
    run("cmake", "-S", ROOT, "-B", tmp_path, *places)
    said = (tmp_path / "cpp" / "cnnbp.pc").read_text("utf-8")
    place = re.search(r"^includedir=\$\{libdir\}/(.*)$", said, re.M)[1]
    assert "libdir=${pcfiledir}/..\n" in said
    assert os.path.normpath(Path("/prefix", folder, place)) == "/prefix/include"


INCLUDER = """\
cmake_minimum_required(VERSION 3.24)
project(app VERSION 1.0 LANGUAGES CXX)
add_subdirectory("{root}" cnnbp)
get_directory_property(version DIRECTORY "{root}" DEFINITION PROJECT_VERSION)
message(STATUS "cnnbp is ${{version}}")
install(FILES CMakeLists.txt DESTINATION app)
"""


def test_a_package_that_includes_the_library_installs_its_own_files_alone(tmp_path):
    """What scikit-build-core says of the package that it builds is not said of the library."""
    (tmp_path / "CMakeLists.txt").write_text(INCLUDER.format(root=ROOT.as_posix()))
    said = run(
        *("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-DCMAKE_INSTALL_PREFIX=/prefix"),
        *("-DSKBUILD=2", "-DSKBUILD_PROJECT_NAME=app", "-DSKBUILD_PROJECT_VERSION=9.9.9"),
    )
    assert f"cnnbp is {cnnbp.__version__}\n" in said
    scripts = (tmp_path / "build").rglob("cmake_install.cmake")
    installed = re.findall(r'DESTINATION "([^"]+)"', "".join(s.read_text("utf-8") for s in scripts))
    assert installed == ["${CMAKE_INSTALL_PREFIX}/app"]


def test_the_readmes_program_compiles(tmp_path):
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = re.search(r"^```cpp\n(.*?)^```", readme, re.M | re.S)[1]
    source = tmp_path / "readme.cpp"
    source.write_text(f"#include <cnnbp/cnnbp.hpp>\nint main() {{\n{shown}}}\n")
    run("c++", "-std=c++20", "-fsyntax-only", f"-I{ask('--include-dir')}", source)


DEFINITIONS = """\
#include <cnnbp/cnnbp.hpp>
using namespace cnnbp;
const LayerDefinition block = Residual{.body = {Conv2d{.out_channels = 4, .kernel_size = 1}}};
const LayerDefinition both = Residual{.body = {block}, .shortcut = {Flatten{}}};
const LayerDefinition branches = Concat{.branches = {{}, {block, Linear{.out_features = 4}}}};
const NetworkDefinition network{.input = {4, 2, 2}, .layers = {Residual{.body = {Dropout{}}}}};
const Optimizer optimizer = SGD{.lr = 0.1, .options = {.clip_norm = 1.0}};
"""

STRICT = ["-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@pytest.mark.parametrize("standard", ["c++20", "c++2b"])
def test_definitions_leave_out_what_has_a_default_with_warnings_as_errors(tmp_path, standard):
    source = tmp_path / "definitions.cpp"
    source.write_text(DEFINITIONS)
    run("c++", f"-std={standard}", *STRICT, f"-I{ask('--include-dir')}", source)


def test_public_headers_compile_alone_with_warnings_as_errors(tmp_path):
    """Each header includes what it uses and passes a strict application's warnings."""
    include = ask("--include-dir")
    for header in sorted((include / "cnnbp").glob("*.hpp")):
        source = tmp_path / "alone.cpp"
        source.write_text(f"#include <cnnbp/{header.name}>\n")
        run("c++", "-std=c++20", *STRICT, f"-I{include}", source)
