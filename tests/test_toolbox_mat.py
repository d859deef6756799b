"""``load_mat``: a struct as MATLAB saves it becomes a net, anything else a clear error."""

import re

import numpy as np
import pytest
from scipy.io import savemat

from cnnbp.toolbox import cnnff, load_mat
from data_files import mat, mat_element
from toolbox_golden import (
    FOLDER,
    assert_agree,
    assert_layers_agree,
    assert_weights_agree,
    cells,
    golden,
)

SAVED = FOLDER / "trained_on_3000.mat"


def save_struct(path, run, **changes):
    """Write a golden net after its first pass as the toolbox's user would: one struct ``cnn``."""
    layers = np.empty((1, len(run.layers)), dtype=object)
    for place, definition in enumerate(run.layers):
        fields = {
            field: cells(part[field])[place]
            for part in (run.initial, run.ff_bp)
            for field in ("k", "b", "a", "d", "dk", "db")
            if field in part and cells(part[field])[place].size
        }
        layers[0, place] = {**definition, **fields}
    whole = {
        name: value
        for name, value in {**run.initial, **run.ff_bp, "rL": run.rL[None]}.items()
        if name not in {"k", "b", "a", "d", "dk", "db"}
    }
    savemat(path, {"cnn": {**whole, "layers": layers, **changes}, "other": 1.0})
    return path


@pytest.fixture
def run():
    return golden("random_2c2_2s_3c3")


def test_every_field_of_the_struct_arrives(run, tmp_path):
    net = load_mat(save_struct(tmp_path / "net.mat", run))
    assert [layer.type for layer in net.layers] == ["i", "c", "s", "c"]
    assert_weights_agree(net, run.initial)
    assert_layers_agree(net, run.ff_bp, kernels="dk", biases="db")
    for field in ("fv", "o", "e", "od", "fvd", "dffW", "dffb"):
        assert np.array_equal(getattr(net, field), run.ff_bp[field])
    assert run.ff_bp["L"].item() == net.L
    assert np.array_equal(net.rL, run.rL)
    for field in ("a", "d"):
        for layer, want in zip(net.layers, cells(run.ff_bp[field]), strict=True):
            for j, single_map in enumerate(cells(want)):
                assert np.array_equal(getattr(layer, field)[j], single_map)


def test_a_loaded_net_runs(run, tmp_path):
    net = load_mat(save_struct(tmp_path / "net.mat", run))
    assert_agree(cnnff(net, run.x[:, :, run.batches[0]]).o, run.ff_bp["o"])


def test_a_struct_that_octave_saved_arrives():
    net = load_mat(str(SAVED))
    assert str(net) == "Net(i-6c5-2s-12c5-2s)"
    assert net.layers[3].k.shape == (6, 12, 5, 5)
    assert net.layers[0].a.shape == (1, 28, 28, 50)
    assert net.rL.shape == (61,)


def test_a_struct_without_layers_is_refused(tmp_path):
    savemat(tmp_path / "net.mat", {"cnn": {"ffW": np.ones((2, 2))}})
    with pytest.raises(ValueError, match=r"cnn is not a net of the toolbox: .*'layers'"):
        load_mat(tmp_path / "net.mat")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("layers", np.ones(3), "expected cells, found float64"),
        ("ffW", np.array([[1.0, np.nan]]), "ffW: it must hold finite numbers"),
        ("ffW", "text", "ffW: it must hold real numbers"),
        ("L", np.ones((2, 2)), "L: "),
    ],
)
def test_a_field_of_another_form_is_named(run, tmp_path, field, value, message):
    path = save_struct(tmp_path / "net.mat", run, **{field: value})
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        load_mat(path)
    assert str(error.value).startswith(f"{path}: cnn is not a net of the toolbox: ")


def test_the_variables_there_are_named_when_the_net_is_not(run, tmp_path):
    path = save_struct(tmp_path / "net.mat", run)
    with pytest.raises(ValueError, match=r"holds no variable 'net', only \['cnn', 'other'\]"):
        load_mat(path, "net")
    with pytest.raises(ValueError, match="other is not a net of the toolbox: expected one struct"):
        load_mat(path, "other")


@pytest.mark.parametrize("length", [0, 100, 128, 1000, 50_000])
def test_a_cut_file_is_refused(tmp_path, length):
    path = tmp_path / "cut.mat"
    path.write_bytes(SAVED.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"cut\.mat: "):
        load_mat(path)


@pytest.mark.filterwarnings("error")
def test_a_file_changed_anywhere_is_refused_by_name_or_is_a_net(run, tmp_path):
    """It says how large its parts are; SciPy's reader believes that, and ends the process."""
    content = save_struct(tmp_path / "net.mat", run).read_bytes()
    rng, changed, refused = np.random.default_rng(0), tmp_path / "changed.mat", 0
    for place in range(128, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        changed.write_bytes(damaged)
        try:
            assert len(load_mat(changed).layers) == 4
        except ValueError as error:
            assert "changed.mat: " in str(error)  # noqa: PT017
            refused += 1
    assert refused > 50


def test_cells_of_a_size_that_no_file_has_are_refused(tmp_path):
    shape = np.array([2**31 - 1, 2**31 - 1], "<i4").tobytes()
    cells = mat_element(6, bytes([1, 0, 0, 0, 0, 0, 0, 0])) + mat_element(5, shape)
    cells += mat_element(1, b"cnn")
    (tmp_path / "net.mat").write_bytes(mat(mat_element(14, cells)))
    with pytest.raises(ValueError, match=r"cnn has 0 bytes for \d+ cells"):
        load_mat(tmp_path / "net.mat")


def test_a_file_of_version_7_3_says_how_to_save_it(tmp_path):
    """Its header: 116 bytes of text, 8 of offset, version 2.0, the mark of byte order."""
    path = tmp_path / "hdf5.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(384))
    with pytest.raises(ValueError, match="save it again with save -v7"):
        load_mat(path)


def test_a_missing_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_mat(tmp_path / "none.mat")
