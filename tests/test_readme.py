"""The README's Python runs as it stands, block after block, and prints what it says."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[1] / "README.md"


def blocks():
    return re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the blocks write what they write."""
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def run(folder):
    """The names after the last block, and the lines printed on the way."""
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.chdir(folder):
        for number, block in enumerate(blocks(), 1):
            exec(compile(block, f"README.md, Python block {number}", "exec"), names)
    return names, printed.getvalue().splitlines()


def test_the_equation_is_the_one_that_is_shown(run):
    shown = re.search(r"^print\(trace\.equation\(.*?\)\) +# (.*)$", "".join(blocks()), re.M)
    assert shown[1] in run[1]


def test_the_trace_holds_the_names_that_are_shown(run):
    comment = re.search(r"^trace = .*?#(.*)$", "".join(blocks()), re.M)[1]
    shown = re.findall(r'"([^"]+)"', comment)
    assert shown
    assert set(shown) <= set(run[0]["trace"])


def test_the_gradients_agree(run):
    assert "gradients agree within 1e-06" in run[1]


def test_the_delta_by_hand_is_that_of_the_trace(run):
    names, _ = run
    trace, weight = names["trace"], names["net"].state_dict()["2.weight"]
    delta = names["cnnbp"].functional.conv2d_delta(trace["2.delta"], weight, input_size=12)
    np.testing.assert_allclose(delta, trace["1.delta"], rtol=0, atol=1e-5 * np.abs(delta).max())


def test_the_fields_of_the_toolboxs_net_that_are_shown_are_there(run):
    comment = re.search(r"^cnn = toolbox\.cnnbp\(.*?#(.*)$", "".join(blocks()), re.M)[1]
    shown = re.findall(r"cnn\.[\w.\[\]]*\w", comment)
    assert shown
    for field in shown:
        assert np.isfinite(eval(field, {"cnn": run[0]["cnn"]})).all(), field


def test_the_header_is_written_to_the_folder_that_the_readme_is_tried_in(run, folder):
    assert [path.name for path in folder.iterdir()] == ["digits.hpp"]
    assert "net" in run[0]
