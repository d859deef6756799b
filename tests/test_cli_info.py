"""``cnnbp info``: what computes, in lines and in JSON, and an environment that cannot be."""

import json
import os
import subprocess
import sys

import pytest

import cnnbp
from cnnbp import cli


def info(*arguments):
    """Run the program within this process."""
    with pytest.raises(SystemExit) as exit_:
        cli.main(["info", *arguments])
    assert not exit_.value.code


def test_info_says_what_the_module_says(capsys):
    info()
    by_program = capsys.readouterr().out
    by_module = subprocess.run(
        [sys.executable, "-m", "cnnbp", "--info"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": str(cnnbp.get_num_threads())},  # tests may set it here
    )
    assert by_program == by_module.stdout


def test_info_is_a_json_document_too(capsys):
    info()
    told = capsys.readouterr().out
    info("--json")
    document = json.loads(capsys.readouterr().out)
    assert document["environment"]["version"] == cnnbp.__version__
    assert document["environment"]["instruction_set"] in document["available_instruction_sets"]
    for name in ("numpy", "package", "headers", "cmake", "pkg_config"):
        assert f"  {document[name]}\n" in told


@pytest.mark.parametrize("arguments", [["info"], ["info", "--json"], ["demo", "--no-pictures"]])
def test_an_instruction_set_that_is_not_there_gets_one_line(arguments):
    program = [sys.executable, "-c", "from cnnbp.cli import main; main()", *arguments]
    environment = os.environ | {"CNNBP_ISA": "foo"}
    process = subprocess.run(program, capture_output=True, text=True, check=False, env=environment)
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("cnnbp: CNNBP_ISA is 'foo', expected one")
    assert process.stderr.count("\n") == 1


def test_a_defect_keeps_its_traceback(monkeypatch):
    def fail():
        raise RuntimeError("a defect")

    monkeypatch.setattr("cnnbp.__main__.describe", fail)
    with pytest.raises(RuntimeError, match="a defect"):
        cli.main(["info"])
