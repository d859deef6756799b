"""A network as a C++ header: what it holds, what is refused, and that programs read the same."""

from pathlib import Path

import numpy as np
import pytest

import cnnbp
from claims import assert_refused
from cnnbp import cli, losses, optim
from cnnbp import layers as L  # noqa: N812
from cnnbp.layers.base import walk
from tests.installed import PACKAGE, ask, needs_compiler, needs_library, run

INPUT_SHAPE, CLASSES = (2, 9, 8), 3

#: Every layer, with options that differ from those left out.
EVERY_LAYER = [
    L.Conv2d(6, 3, padding="same", connections=[[True, False]] * 5 + [[True, True]]),
    L.Conv2d(4, (3, 2), padding=((1, 2), (0, 1)), groups=2, bias=False, algorithm="direct"),
    L.ZeroPad2d(((1, 2), (0, 1))),
    L.BatchNorm2d(eps=1e-4, activation="relu"),
    L.GroupNorm(2, affine=False),
    L.Residual([L.Conv2d(4, 3, padding=1, trainable=False)], [L.Conv2d(4, 1)], activation="tanh"),
    L.Residual([L.Conv2d(4, 1), L.BatchNorm2d(trainable=False)]),
    L.Concat([[L.Conv2d(2, 1)], [L.MaxPool2d(3, stride=(1, 1), padding=1), L.ReLU()], []]),
    L.ConvTranspose2d(4, 2, stride=2, output_padding=(1, 0)),
    L.CombineConv2d(3, 2, sparsity=0.1, activation="silu"),
    L.AvgPool2d((2, 3), stride=(1, 2), ceil_mode=True, divisor_override=3),
    L.MaxPool2d(2, dilation=2, stride=1),
    L.Subsample2d(1, activation="gelu"),
    L.Upsample(2, mode="bilinear", align_corners=True),
    L.AdaptiveAvgPool2d((4, 3)),
    L.Dropout(0.25),
    *(L.LeakyReLU(0.2), L.ELU(0.5), L.Softplus(2.0), L.GELU(), L.GELU(approximate="tanh")),
    *(L.Sigmoid(), L.Tanh(), L.ScaledTanh(), L.SiLU(), L.Hardswish(), L.Softmax()),
    *(L.GlobalAvgPool2d(), L.Flatten(), L.Linear(CLASSES, bias=False)),
]
LOSSES = [
    losses.MSE(),
    losses.CrossEntropy(label_smoothing=0.1, class_weights=[1, 2, 0.5], ignore_index=7),
    losses.BCEWithLogits(pos_weight=[1, 2, 3]),
    *(losses.L1(), losses.Huber(delta=0.1), losses.Hinge(margin=2)),
]
RULES = [
    optim.SGD(lr=0.1, momentum=0.5, nesterov=True, clip_value=0.1),
    optim.Adagrad(lr=0.1, lr_decay=0.1),
    optim.RMSprop(lr=0.01, alpha=0.9, lr_scales={"0": 0.5}),
    optim.Adam(lr=0.01, betas=(0.8, 0.9), clip_norm=0.5),
    optim.AdamW(lr=0.01, ema_decay=0.9),
    optim.Lion(lr=0.01, lr_scales={"0": 0.0, "0.bias": 1.0}),
]

#: Predicts, takes one step, and predicts again.
PROGRAM = """
template <class T>
void use(cnnbp::Network<T> net, std::FILE* x, std::FILE* y) {{
  std::vector<float> images(5 * 2 * 9 * 8);
  if (std::fread(images.data(), sizeof(float), images.size(), x) != images.size()) std::exit(2);
  std::vector<T> output(5 * 3);
  const std::vector<std::int64_t> labels{{0, 1, 2, 1, 0}};
  const auto predict = [&] {{
    net.predict({{images.data(), 5}}, output);
    std::fwrite(output.data(), sizeof(T), output.size(), y);
  }};
  predict();
  net.train_step({{images.data(), 5}}, {{labels.data(), 5}});
  predict();
  std::rewind(x);
}}

int main(int, char** files) {{
  std::FILE *x = std::fopen(files[1], "rb"), *y = std::fopen(files[2], "wb");
  if (!x || !y) return 1;
{uses}
  std::fclose(x);
  return std::fclose(y);
}}
"""


def trained(layers, rng, **options) -> cnnbp.Network:
    net = cnnbp.Network(layers, input_shape=INPUT_SHAPE, **options)
    for _ in range(3):
        net.train_step(rng.random((6, *INPUT_SHAPE), np.float32), [0, 1, 2, 2, 1, 0])
    return net


def compiled(headers: list[Path], folder: Path) -> Path:
    names = [header.stem for header in headers]
    source, program = folder / "main.cpp", folder / "main"
    included = [f'#include "{header.name}"' for header in headers]
    included += ["#include <cstdio>", "#include <cstdlib>", "#include <vector>"]
    uses = "\n".join(f"  use({name}::network(), x, y);" for name in names)
    source.write_text("\n".join([*included, PROGRAM.format(uses=uses)]))
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    command = ["c++", "-std=c++20", *warnings, f"-I{ask('--include-dir')}", source]
    run(*command, PACKAGE / "lib" / "libcnnbp.a", "-fopenmp", "-o", program)
    return program


def expected(net: cnnbp.Network, x: np.ndarray) -> np.ndarray:
    """What the program predicts, in Python: with the state of an optimizer that begins."""
    again = cnnbp.Network(**vars(net.definition), optimizer=net.optimizer)
    again.load_state_dict(net.state_dict())
    before = again.predict(x)
    again.train_step(x, [0, 1, 2, 1, 0])
    return np.concatenate([before.ravel(), again.predict(x).ravel()])


@needs_library
@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_program_predicts_and_trains_to_the_same_bits(dtype, rng, tmp_path):
    """Every layer, loss and rule: the compiler takes the options in the order of their structs."""
    small = [L.Conv2d(3, 3, activation="leaky_relu"), L.Linear(CLASSES)]
    nets = {"every_layer": trained(EVERY_LAYER, rng, loss="cross_entropy", dtype=dtype)}
    for number, (loss, rule) in enumerate(zip(LOSSES, RULES, strict=True)):
        nets[f"small{number}"] = trained(small, rng, loss=loss, optimizer=rule, dtype=dtype)
    for name, net in nets.items():
        cnnbp.write_cpp(net, tmp_path / f"{name}.hpp")
    x = rng.random((5, *INPUT_SHAPE), np.float32)
    x.tofile(tmp_path / "x.bin")
    program = compiled([tmp_path / f"{name}.hpp" for name in nets], tmp_path)
    run(program, tmp_path / "x.bin", tmp_path / "y.bin")
    outputs = np.fromfile(tmp_path / "y.bin", dtype).reshape(len(nets), -1)
    for name, got in zip(nets, outputs, strict=True):
        assert np.array_equal(got, expected(nets[name], x)), name


def test_every_layer_loss_and_rule_is_written():
    """Those that the claim about programs covers are all that there are."""

    def kinds(module, base):
        found = (getattr(module, name) for name in module.__all__)
        return {k for k in found if isinstance(k, type) and issubclass(k, base) and k is not base}

    assert {type(layer) for _, layer in walk(tuple(EVERY_LAYER))} == kinds(L, L.Layer)
    assert {type(loss) for loss in LOSSES} == kinds(losses, losses.Loss)
    assert {type(rule) for rule in RULES} == kinds(optim, optim.Optimizer)


def test_the_program_writes_what_the_function_writes(rng, tmp_path, capsys):
    net = trained([L.Linear(CLASSES)], rng, loss="cross_entropy")
    net.save(tmp_path / "net.npz")
    cnnbp.write_cpp(net, tmp_path / "digits.hpp")
    by_function = (tmp_path / "digits.hpp").read_text("utf-8")
    (tmp_path / "digits.hpp").unlink()
    with pytest.raises(SystemExit) as left:
        cli.main(["export", str(tmp_path / "net.npz"), str(tmp_path / "digits.hpp")])
    assert not left.value.code
    assert str(tmp_path / "digits.hpp") in capsys.readouterr().out
    assert (tmp_path / "digits.hpp").read_text("utf-8") == by_function


@pytest.mark.parametrize(
    ("file", "options", "space"),
    [
        ("digits.hpp", {}, "digits"),
        ("my-net.v2.hpp", {}, "my_net"),
        ("2.hpp", {"namespace": "two"}, "two"),
    ],
)
def test_the_namespace_is_the_files_name_or_what_is_given(file, options, space, rng, tmp_path):
    cnnbp.write_cpp(trained([L.Linear(3)], rng), tmp_path / file, **options)
    assert f"\nnamespace {space} {{\n" in (tmp_path / file).read_text("utf-8")


@pytest.mark.parametrize(
    ("file", "options", "word"),
    [
        ("2.hpp", {}, "'2'"),
        ("zahl_ä.hpp", {"namespace": "zahl_ä"}, "zahl_ä"),
        ("net.hpp", {"namespace": "a::b"}, "a::b"),
        ("std.hpp", {}, "std"),
        ("class.hpp", {}, "'class'"),
        ("net.hpp", {"namespace": "co_await"}, "co_await"),
        ("net.hpp", {"namespace": 3}, "got 3"),
    ],
)
def test_what_is_no_namespace_is_refused(file, options, word, rng, tmp_path):
    net = trained([L.Linear(3)], rng)
    assert_refused(lambda: cnnbp.write_cpp(net, tmp_path / file, **options), [word, "namespace"])
    assert not (tmp_path / file).exists()


def test_numbers_that_are_none_are_refused(rng, tmp_path):
    net = trained([L.Linear(3)], rng)
    state = net.state_dict()
    state["0.bias"][1] = np.nan
    net.load_state_dict(state)
    assert_refused(lambda: cnnbp.write_cpp(net, tmp_path / "net.hpp"), ["0.bias", "NaN"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_is_told_of(rng):
    with pytest.raises(OSError, match="No space"):
        cnnbp.write_cpp(trained([L.Linear(3)], rng), "/dev/full", namespace="net")


def test_a_header_is_replaced_once_the_new_one_is_whole(rng, tmp_path):
    """A full disk is played by a limit on a file's size."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "net.hpp"
    cnnbp.write_cpp(trained([L.Linear(3)], rng), path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="large"):
            cnnbp.write_cpp(trained([L.Linear(4)], rng), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["net.hpp"]
