"""The commands and their options."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

import cnnbp
from cnnbp import data
from cnnbp.arguments import read_path
from cnnbp.cli import INTERRUPTED
from cnnbp.cli.delivery import Delivery
from cnnbp.cli.places import check_header
from cnnbp.cli.plan import LENET, TOOLBOX, Beginning, Continuation, Plan
from cnnbp.cli.session import Environment
from cnnbp.definition import DType, default_optimizer
from cnnbp.losses import LossName, read_loss
from cnnbp.spec import output_activation

app = typer.Typer(
    help="Train convolutional networks on the CPU.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _expand(path: Path | None) -> Path | None:
    """Read a path that the shell has left as it is, as in ``--out=~/pictures``."""
    return None if path is None else read_path(path, "path")


PathOption = partial(typer.Option, callback=_expand)
DataPath = Annotated[
    Path,
    typer.Argument(callback=_expand, help="A folder with MNIST's IDX files, .npz or .mat."),
]
SavedNetwork = Annotated[
    Path, typer.Argument(callback=_expand, help="A network that 'train --save' wrote.")
]
SEED_HELP = "Seed of the first weights, the order, and the split of data without test part."
Seed = Annotated[int, typer.Option(min=0, help=SEED_HELP)]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads to compute with; they do not change the results.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and all else to standard error.")
]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Print the version or the help when there is no command."""
    if version:
        print(f"cnnbp {cnnbp.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def demo(
    out: Annotated[Path, PathOption(help="Folder for the pictures.")] = Path("cnnbp-demo"),
    pictures: Annotated[bool, typer.Option(help="Whether to draw pictures.")] = True,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Train two small networks on 5,000 handwritten digits, in seconds and offline."""
    plans = [replace(plan, seed=seed) for plan in (TOOLBOX, LENET)]
    _carry_out(plans, data.digits(), threads, Delivery(out if pictures else None, None, as_json))


@app.command()
def train(
    path: DataPath,
    net: Annotated[
        str | None,
        typer.Option(
            help="Layers: 6c5 convolution, 6l5 the same with learned combinations, "
            "2s / 2m / 2t mean / max / trained pooling, 500 hidden.",
            show_default=TOOLBOX.spec,
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the images.")] = 10,
    batch_size: Annotated[int, typer.Option(min=1, help="Images per update.")] = 50,
    loss: Annotated[
        LossName | None, typer.Option(help="What is minimised.", show_default="mse")
    ] = None,
    activation: Annotated[
        Literal["sigmoid", "tanh", "relu"] | None,
        typer.Option(help="Of hidden layers.", show_default="sigmoid with mse, else relu"),
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="Learning rate.", show_default="1 with mse, else 0.02")
    ] = None,
    momentum: Annotated[
        float | None, typer.Option(help="At least 0, below 1.", show_default="0 with mse, else 0.9")
    ] = None,
    dtype: Annotated[
        DType | None, typer.Option(help="Type of all numbers.", show_default="float32")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=SEED_HELP, show_default="0")] = None,
    load: Annotated[
        Path | None,
        PathOption(
            help="A network that 'train --save' wrote, to train for --epochs more. It brings what "
            "--net, --loss, --activation, --dtype and --seed say; --lr and --momentum replace what "
            "its optimizer has, which goes on where it was."
        ),
    ] = None,
    threads: Threads = None,
    out: Annotated[Path | None, PathOption(help="Folder for a picture of the result.")] = None,
    save: Annotated[Path | None, PathOption(help="File for the network, .npz.")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a network on your own images, or go on training one that was saved."""
    plan: Plan
    if load is None:
        plan = Beginning(
            name="train",
            title="The network",
            spec=TOOLBOX.spec if net is None else net,
            epochs=epochs,
            batch_size=batch_size,
            loss=loss or "mse",
            optimizer=_descent(loss or "mse", lr, momentum),
            activation=activation,
            dtype=dtype or "float32",
            seed=seed or 0,
        )
    else:
        _refuse_beside_load(net=net, loss=loss, activation=activation, dtype=dtype, seed=seed)
        plan = Continuation(
            name="train",
            title="The network",
            load=load,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            momentum=momentum,
        )
    _carry_out([plan], data.load(path), threads, Delivery(out, save, as_json, path))


@app.command()
def evaluate(
    network: SavedNetwork, path: DataPath, threads: Threads = None, as_json: AsJson = False
) -> None:
    """Test a saved network on the test part of PATH, or on all of it if there is none."""
    from cnnbp.cli import asking

    _use(threads)
    asking.evaluate(network, path, as_json)


@app.command()
def predict(
    network: SavedNetwork,
    path: Annotated[
        Path,
        typer.Argument(
            callback=_expand,
            help="Images as in 'train', those to test on or else all; .npz needs no labels.",
        ),
    ],
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print a line for each image: its place from 0, the class read, and how sure that is.

    That is the probability of the class or, where a loss such as mse knows none, its output.
    """
    from cnnbp.cli import asking

    _use(threads)
    asking.predict(network, path, as_json)


@app.command()
def explain(
    path: Annotated[
        Path | None,
        typer.Argument(
            callback=_expand, help="Images as in 'train'.", show_default="cnnbp's digits"
        ),
    ] = None,
    digit: Annotated[int, typer.Option(min=0, help="Which of the test images.")] = 0,
    net: Annotated[
        str | None, typer.Option(help="Layers as in 'train'.", show_default=TOOLBOX.spec)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the images first.", show_default="10")
    ] = None,
    load: Annotated[
        Path | None, PathOption(help="A network that 'train --save' wrote, in place of --net.")
    ] = None,
    out: Annotated[Path, PathOption(help="Folder for the picture.")] = Path("cnnbp-explain"),
    pictures: Annotated[bool, typer.Option(help="Whether to draw a picture.")] = True,
    seed: Seed = 0,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Walk through one backward pass on one digit, layer by layer, equation by equation."""
    from cnnbp.cli.lesson import Lesson

    if load is not None and (net is not None or epochs is not None):
        raise ValueError("--load brings a trained network; leave out --net and --epochs")
    plan = replace(
        TOOLBOX,
        spec=TOOLBOX.spec if net is None else net,
        epochs=10 if epochs is None else epochs,
        seed=seed,
    )
    _use(threads)
    images = data.digits() if path is None else data.load(path)
    Lesson(digit, load or plan, seed, out if pictures else None, as_json, path).give(images)


@app.command()
def export(
    network: SavedNetwork,
    header: Annotated[
        Path, typer.Argument(callback=_expand, help="The C++ header to write: digits.hpp.")
    ],
) -> None:
    """Write a saved network as a C++ header, for programs that link the library."""
    check_header(header, network)
    cnnbp.write_cpp(cnnbp.Network.load(network), header)
    print(f"wrote {header}: its first lines show how to use it")


@app.command()
def info(as_json: AsJson = False) -> None:
    """Show version, instruction set, threads, and where the C++ library is."""
    from cnnbp.__main__ import describe, gather

    if as_json:
        print(json.dumps({"environment": asdict(Environment.current()), **gather()}, indent=2))
    else:
        print(describe())


def _use(threads: int | None) -> None:
    if threads is not None:
        cnnbp.set_num_threads(threads)


def _descent(loss: LossName, lr: float | None, momentum: float | None) -> cnnbp.optim.SGD:
    wanted = read_loss(loss)
    usual = default_optimizer(wanted, ends_with_sigmoid=output_activation(wanted) == "sigmoid")
    return cnnbp.optim.SGD(
        lr=usual.lr if lr is None else lr,
        momentum=usual.momentum if momentum is None else momentum,
    )


def _refuse_beside_load(**options: object) -> None:
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise ValueError(
            f"--load brings a network with all that defines it; leave out {' and '.join(given)}"
        )


def _carry_out(
    plans: Sequence[Plan], images: data.Dataset, threads: int | None, to: Delivery
) -> None:
    _use(threads)
    to.prepare(plans)
    if not to.deliver(plans, images):
        raise typer.Exit(INTERRUPTED)
