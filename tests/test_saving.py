"""``Network.save`` and ``Network.load``: what comes back, and what a damaged file leads to."""

import copy
import os
import pickle
import threading
import zipfile

import numpy as np
import pytest

from cnnbp import Network
from cnnbp.layers import AvgPool2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sigmoid, Softmax, Tanh
from cnnbp.optim import SGD


def make(*more, **options):
    layers = [Conv2d(3, 3, activation="relu"), MaxPool2d(2), *more, Linear(4)]
    return Network(layers, input_shape=(2, 9, 8), loss="cross_entropy", **options)


@pytest.fixture
def net():
    return make()


def equal(state, other):
    return state.keys() == other.keys() and all(np.array_equal(state[k], other[k]) for k in state)


def from_a_file(net, folder):
    net.save(folder / "net.npz")
    return Network.load(folder / "net.npz")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "duplicate",
    [
        from_a_file,
        lambda net, _: copy.deepcopy(net),
        lambda net, _: pickle.loads(pickle.dumps(net)),
    ],
    ids=["file", "copy", "pickle"],
)
def test_what_comes_back_goes_on_with_the_same_bits(duplicate, dtype, tmp_path, rng):
    """Parameters, velocities, and the order of samples: the seed is past what a float64 holds."""
    x, y = rng.random((7, 2, 9, 8)), rng.integers(0, 4, 7)
    net = make(dtype=dtype, optimizer=SGD(lr=0.1, momentum=0.9), seed=2**53 + 1)
    net.fit(x, y, batch_size=2, epochs=2, progress=False)
    other = duplicate(net, tmp_path)
    assert other.definition == net.definition
    assert other.optimizer == net.optimizer
    assert other.epochs_trained == 2
    assert equal(other.state_dict(), net.state_dict())
    for each in (net, other):
        each.fit(x, y, batch_size=2, epochs=2, progress=False)
    assert equal(other.state_dict(), net.state_dict())
    assert other.history.batch_losses == net.history.batch_losses


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(2, 2, padding=((1, 0), (0, 2)), stride=(2, 1), bias=False),
        Conv2d(2, 3, padding="same", dilation=2, activation="softmax"),
        AvgPool2d((1, 2), count_include_pad=False, divisor_override=3),
        MaxPool2d(2, stride=1, padding=1, ceil_mode=True),
        Flatten(),
        Linear(3, activation="tanh"),
        Sigmoid(),
        Tanh(),
        ReLU(),
        Softmax(),
    ],
    ids=repr,
)
def test_every_layer_comes_back_from_a_file(layer, tmp_path):
    net = make(layer)
    assert from_a_file(net, tmp_path).layers == net.layers


def test_a_saved_network_is_read_by_numpy_alone(tmp_path, net):
    net.save(tmp_path / "net")
    with np.load(tmp_path / "net", allow_pickle=False) as members:
        assert np.array_equal(members["parameter/0.weight"], net.state_dict()["0.weight"])
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_save_that_fails_leaves_the_older_file(tmp_path, net):
    """The disk is full: a file may not grow past 100 bytes."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "net.npz"
    net.save(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            net.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


@pytest.mark.parametrize(
    ("name", "error"),
    [("folder", IsADirectoryError), ("none/net.npz", FileNotFoundError)],
)
def test_a_path_that_cannot_be_written_is_named_as_it_was_given(tmp_path, net, name, error):
    (tmp_path / "folder").mkdir()
    with pytest.raises(error) as refused:
        net.save(tmp_path / name)
    assert str(refused.value).endswith(f": '{tmp_path / name}'")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_link_goes_on_leading_to_the_file(tmp_path, net):
    (tmp_path / "runs").mkdir()
    (tmp_path / "last.npz").symlink_to("runs/1.npz")
    for seed in (1, 2):  # where nothing was, and over a file
        make(seed=seed).save(tmp_path / "last.npz")
        assert (tmp_path / "last.npz").is_symlink()
        assert Network.load(tmp_path / "runs" / "1.npz").definition.seed == seed
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["1.npz"]


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="the platform has no permissions to set")
@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path, net, mode):
    """A private one stays private, and one of a group the group's, whatever new files get."""
    path = tmp_path / "net.npz"
    net.save(path)
    path.chmod(mode)
    net.save(path)
    assert path.stat().st_mode & 0o777 == mode


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, net):
    name = "n" * (os.pathconf(tmp_path, "PC_NAME_MAX") - len(".npz")) + ".npz"
    net.save(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert equal(Network.load(tmp_path / name).state_dict(), net.state_dict())


def test_what_is_no_file_is_not_replaced(tmp_path, net):
    """As /dev/null would be, if one may."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"path must be that of a file, got .*pipe"):
        net.save(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def in_a_thread(call):
    other = threading.Thread(target=call)
    other.start()
    other.join()


@pytest.mark.parametrize("run", [in_a_thread, lambda call: call()], ids=["thread", "signal"])
def test_what_saves_to_one_path_meanwhile_does_not_mix(run, tmp_path, net, monkeypatch):
    """The second begins and ends while the first one writes, whose network is the last then.

    It may be a signal's handler, in the same thread.
    """
    path, savez, others = tmp_path / "net.npz", np.savez, [make(seed=2)]

    def savez_meanwhile(file, **members):
        if others:
            second = others.pop()
            run(lambda: second.save(path))
            assert Network.load(path).definition.seed == 2
        savez(file, **members)

    monkeypatch.setattr(np, "savez", savez_meanwhile)
    net.save(path)
    assert Network.load(path).definition.seed == 0
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def test_a_tilde_is_the_home_folder(home, net):
    net.save("~/net.npz")
    assert [path.name for path in home.iterdir()] == ["net.npz"]
    assert equal(Network.load("~/net.npz").state_dict(), net.state_dict())


def test_what_is_no_path_is_a_type_error_that_names_the_argument(net):
    """Not a file that is damaged."""
    for refuse in (net.save, Network.load):
        with pytest.raises(TypeError, match="path must be a str or a Path, got NoneType"):
            refuse(None)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "net.npz")


@pytest.mark.parametrize("keep", [0, 1, 3, 100, -1, -30])
def test_a_truncated_file_is_a_value_error_that_names_it(tmp_path, net, keep):
    path = tmp_path / "net.npz"
    net.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"net\.npz is not a network"):
        Network.load(path)


@pytest.mark.parametrize(
    "content",
    [b"some text", b"cnn", np.lib.format.MAGIC_PREFIX + b"\x01\x00", pickle.dumps([1])],
    ids=["text", "few bytes", "an array", "a pickle"],
)
def test_a_file_of_another_kind_is_said_to_be_no_network(tmp_path, content):
    """NumPy would advise to load it unsafely."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.txt is not a network.*no \.npz") as refused:
        Network.load(path)
    assert "allow_pickle" not in str(refused.value)


def rewritten(path, change):
    """The file with its members changed."""
    with np.load(path) as members:
        arrays = dict(members)
    change(arrays)
    np.savez(path, **arrays)


def in_description(old, new):
    def change(arrays):
        assert old in str(arrays["network"])
        arrays["network"] = np.array(str(arrays["network"]).replace(old, new))

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("network"),
        lambda arrays: arrays.pop("parameter/0.weight"),
        lambda arrays: arrays.pop("optimizer/momentum_buffer/0.weight"),
        lambda arrays: arrays.update({"parameter/0.weight": np.zeros(3)}),
        lambda arrays: arrays.update({"parameter/0.bias": np.array(["a"] * 3)}),
        lambda arrays: arrays.update({"network": np.array("{")}),
        lambda arrays: arrays.update({"network": np.array("[]")}),
        lambda arrays: arrays.update({"network": np.array("{}")}),
        lambda arrays: arrays.update({"network": np.array([1, 2])}),
        in_description("cnnbp network 1", "cnnbp network 2"),
        in_description('"Conv2d"', '"Layer"'),
        in_description('"Conv2d"', '"__name__"'),
        in_description('"kernel_size": [3, 3]', '"kernel_size": [0, 3]'),
        in_description('"kernel_size"', '"size"'),
        in_description('"dtype": "float32"', '"dtype": 5'),
        in_description('"momentum": 0.9', '"momentum": NaN'),
        in_description('"epochs_trained": 0', '"epochs_trained": -1'),
        in_description('"optimizer_steps": 0', '"optimizer_steps": -1'),
        in_description('"type": "SGD"', '"type": "Optimizer"'),
        in_description('"type": "SGD"', '"type": "Adam"'),
        in_description('"input_shape": [2, 9, 8]', '"input_shape": [2, 900000000, 800000000]'),
    ],
)
def test_a_file_with_other_content_is_a_value_error_that_names_it(tmp_path, net, change):
    path = tmp_path / "net.npz"
    net.save(path)
    rewritten(path, change)
    with pytest.raises(ValueError, match=r"net\.npz is not a network"):
        Network.load(path)


def test_a_header_that_claims_too_much_is_a_value_error(tmp_path, net):
    path = tmp_path / "net.npz"
    net.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "parameter/0.bias.npy"
    members[name] = members[name].replace(b"(3,)", b"(9" + b"9" * 12 + b",)")
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    with pytest.raises(ValueError, match=r"net\.npz is not a network"):
        Network.load(path)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, network=np.array([print], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"net\.npz is not a network.*allow_pickle"):
        Network.load(path)
