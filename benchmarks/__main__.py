"""The benchmarks' commands: ``networks``, ``predict``, ``passes`` and ``compare``."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec

from benchmarks import cases
from benchmarks.comparison import Comparison, Method
from benchmarks.results import Run, changes
from benchmarks.tables import console, show_changes, show_run

LIBRARIES = ["cnnbp", "PyTorch"]
CASES: dict[str, Sequence[cases.Case]] = {
    "networks": cases.NETWORKS,
    "predict": cases.PREDICTIONS,
    "passes": cases.PASSES,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    out = console()
    if options.command == "compare":
        try:
            before, after = Run.read(options.before), Run.read(options.after)
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            return 2
        show_changes(changes(before, after), out)
        return 0
    listed = CASES[options.command]
    chosen = [case for case in listed if all(word in str(case) for word in options.only)]
    if not chosen:
        print(f"no case matches {options.only}; they are:", *listed, sep="\n", file=sys.stderr)
        return 2
    if "PyTorch" in options.libraries and find_spec("torch") is None:
        print('PyTorch is missing: pip install ".[bench]", or --libraries cnnbp', file=sys.stderr)
        return 2
    method = Method(
        rounds=options.rounds,
        seconds=options.seconds,
        threads=options.threads,
        libraries=options.libraries,
        compile_networks=options.compile,
    )
    with closing(Comparison(method)) as comparison:
        run = comparison.run(chosen, on_case=_say)
    show_run(run, out)
    if options.json:
        run.write(options.json)
    return 0


def _say(case: str) -> None:
    print(f"{case} …", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--only", nargs="+", default=[], help="words that a case must have")
    every.add_argument("--rounds", type=int, default=7, help="turns for everyone (%(default)s)")
    every.add_argument("--threads", type=int, default=2, help="of every library (%(default)s)")
    every.add_argument("--json", metavar="FILE", help="write the results there")
    every.add_argument("--libraries", nargs="+", default=LIBRARIES, choices=LIBRARIES)
    whole = argparse.ArgumentParser(add_help=False, parents=[every])
    whole.add_argument("--seconds", type=float, default=0.2, help="of a turn (%(default)s)")
    whole.add_argument(
        "--no-compile", dest="compile", action="store_false", help="leave torch.compile out"
    )
    commands.add_parser("networks", parents=[whole], help="training steps")
    commands.add_parser("predict", parents=[whole], help="outputs of 1, 16 and 1000 images")
    passes = commands.add_parser("passes", parents=[every], help="convolutions, pass by pass")
    passes.add_argument("--seconds", type=float, default=0.05, help="of a turn (%(default)s)")
    passes.set_defaults(compile=False)
    compare = commands.add_parser("compare", help="two files that --json wrote")
    compare.add_argument("before")
    compare.add_argument("after")
    return parser


if __name__ == "__main__":
    sys.exit(main())
