"""The benchmarks' commands; each one's line below says what it is."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from typing import TypeVar

from benchmarks import cases
from benchmarks.comparison import Comparison, Method
from benchmarks.memory import measure_memory
from benchmarks.results import Report, Run, changes
from benchmarks.tables import console, show_changes, show_memory, show_run, show_scaling

LIBRARIES = ["cnnbp", "PyTorch"]
TIMED: dict[str, Sequence[cases.Case]] = {
    "networks": cases.NETWORKS,
    "predict": cases.PREDICTIONS,
    "epoch": cases.EPOCHS,
    "scaling": cases.SCALINGS,
    "passes": cases.PASSES,
}
C = TypeVar("C", bound=cases.Case)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "compare":
            found = changes(Run.read(options.before), Run.read(options.after))
            show_changes(found, console())
            return 0
        if "PyTorch" in options.libraries and find_spec("torch") is None:
            raise ValueError('PyTorch is missing: pip install ".[bench]", or --libraries cnnbp')
        report = _memory(options) if options.command == "memory" else _times(options)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        report.write(options.json)
    return 0


def _times(options: argparse.Namespace) -> Report:
    chosen = _chosen(TIMED[options.command], options.only)
    if options.command == "scaling" and options.threads < 2:
        raise ValueError("scaling compares one thread with several: --threads 2 or more")
    if options.command == "passes" and options.direct:
        chosen = [replace(case, algorithm="direct") for case in chosen]
    method = Method(
        rounds=options.rounds,
        seconds=options.seconds,
        threads=options.threads,
        libraries=options.libraries,
        compile_networks=options.compile,
    )
    with closing(Comparison(method)) as comparison:
        run = comparison.run(chosen, on_case=_say)
    if options.command == "scaling":
        show_scaling(run, options.threads, console())
    else:
        show_run(run, console())
    return run


def _memory(options: argparse.Namespace) -> Report:
    chosen = _chosen(cases.NETWORKS, options.only)
    run = measure_memory(chosen, options.libraries, options.threads, on_case=_say)
    show_memory(run, console())
    return run


def _chosen(listed: Sequence[C], words: Sequence[str]) -> list[C]:
    chosen = [case for case in listed if all(word in str(case) for word in words)]
    if not chosen:
        raise ValueError("\n".join([f"no case matches {words}; they are:", *map(str, listed)]))
    return chosen


def _say(case: str) -> None:
    print(f"{case} …", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--only", nargs="+", default=[], help="words that a case must have")
    every.add_argument("--threads", type=int, default=2, help="of every library (%(default)s)")
    every.add_argument("--json", metavar="FILE", help="write the results there")
    every.add_argument("--libraries", nargs="+", default=LIBRARIES, choices=LIBRARIES)
    timed = argparse.ArgumentParser(add_help=False, parents=[every])
    timed.add_argument("--rounds", type=int, default=7, help="turns for everyone (%(default)s)")
    compiled = argparse.ArgumentParser(add_help=False, parents=[timed])
    compiled.add_argument("--seconds", type=float, default=0.2, help="of a turn (%(default)s)")
    compiled.add_argument(
        "--no-compile", dest="compile", action="store_false", help="leave torch.compile out"
    )

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("networks", parents=[compiled], help="training steps")
    commands.add_parser("predict", parents=[compiled], help="outputs of 1, 16 and 1000 images")
    commands.add_parser("epoch", parents=[compiled], help="60,000 images, data handling included")
    passes = commands.add_parser("passes", parents=[timed], help="convolutions, pass by pass")
    passes.add_argument("--seconds", type=float, default=0.05, help="of a turn (%(default)s)")
    passes.add_argument("--direct", action="store_true", help="without Winograd's algorithm")
    passes.set_defaults(compile=False)
    scaling = commands.add_parser("scaling", parents=[timed], help="one thread against several")
    scaling.add_argument("--seconds", type=float, default=0.5, help="of a turn (%(default)s)")
    scaling.set_defaults(compile=False)
    commands.add_parser("memory", parents=[every], help="peak memory of training")
    compare = commands.add_parser("compare", help="two files that --json wrote")
    compare.add_argument("before")
    compare.add_argument("after")
    return parser


if __name__ == "__main__":
    sys.exit(main())
