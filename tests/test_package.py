"""The package as a whole: what importing it does, and ``python -m cnnbp``."""

import os
import subprocess
import sys

import pytest

import cnnbp
from cnnbp import __main__ as command
from cnnbp.cli.app import app


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300
    )
    return run.stdout


def test_what_not_everyone_needs_is_imported_when_it_is_used():
    loaded = "print('cnnbp.toolbox' in sys.modules, 'cnnbp.data' in sys.modules)"
    printed = python(f"import sys, cnnbp; {loaded}; cnnbp.toolbox; cnnbp.data; {loaded}")
    assert printed.split() == ["False", "False", "True", "True"]


def test_everything_it_names_is_there():
    for name in cnnbp.__all__:
        assert getattr(cnnbp, name) is not None
    assert set(cnnbp.__all__) <= set(dir(cnnbp))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        cnnbp.nothing_of_this_name  # noqa: B018


def test_without_the_compiled_module_the_error_says_what_to_do():
    code = """
import sys
sys.modules["cnnbp._core"] = None
try:
    import cnnbp
except ImportError as error:
    print(error)
"""
    assert "pip install" in python(code)


def test_the_command_prints_a_folder_alone(capsys):
    for option, folder in (("--cmake-dir", "lib/cmake/cnnbp"), ("--include-dir", "include")):
        command.main([option])
        assert capsys.readouterr().out == f"{command.PACKAGE / folder}\n"


def test_the_command_prints_what_a_bug_report_needs(capsys):
    command.main(["--info"])
    printed = capsys.readouterr().out
    for fact in (cnnbp.__version__, "instruction set", "threads", "NumPy", str(command.PACKAGE)):
        assert fact in printed


def test_the_module_runs_the_programs_commands(capsys):
    for arguments, code, words in (
        (["info"], None, "instruction set"),
        (["train", "--help"], None, "--batch-size"),
        (["train", "nowhere"], 2, "cnnbp: nowhere: no such file"),
        (["paint"], 2, "No such command 'paint'"),
    ):
        with pytest.raises(SystemExit) as ended:
            command.main(arguments)
        assert (ended.value.code or None) == code
        shown = capsys.readouterr()
        assert words in shown.out + shown.err


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_module_lists_commands_and_options_when_it_is_given_none(arguments):
    """All commands of the program, each with what it does, and the paths that it prints."""
    run = subprocess.run(
        [sys.executable, "-m", "cnnbp", *arguments], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = [line.split(maxsplit=1) for line in run.stdout.splitlines()]
    told = {line[0]: line[1] for line in lines if len(line) == 2}
    for name in ("demo", "train", "evaluate", "predict", "explain", "export", "info"):
        assert told[name].endswith(".")
    assert {"--cmake-dir", "--include-dir", "--info"} <= told.keys()
    for info in app.registered_commands:
        assert info.callback.__doc__.startswith(told[info.callback.__name__])


def test_the_modules_own_options_import_nothing_heavy():
    printed = python(
        "import sys; from cnnbp import __main__ as command\n"
        "for option in ('--cmake-dir', '--include-dir', '--info'): command.main([option])\n"
        "print({'typer', 'rich', 'matplotlib', 'scipy', 'cnnbp.cli'} & set(sys.modules))"
    )
    assert printed.endswith("\nset()\n")


def test_an_instruction_set_that_is_not_there_is_no_traceback():
    run = subprocess.run(
        [sys.executable, "-m", "cnnbp", "--info"],
        capture_output=True, text=True, check=False, env=os.environ | {"CNNBP_ISA": "foo"},
    )  # fmt: skip
    assert run.returncode == 2
    assert "error: CNNBP_ISA is 'foo'" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("arguments", [["--info", "--cmake-dir"], ["--nonsense"], ["--"]])
def test_the_command_explains_itself_when_it_is_not_understood(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert "--cmake-dir" in capsys.readouterr().err
