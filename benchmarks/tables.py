"""Results as tables: coloured on a terminal, plain text elsewhere."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.results import Change, MemoryRun, Report, Result, Run, geometric_mean, on_threads
from benchmarks.turns import QUIET

#: Columns of a line where there is no terminal to ask.
PLAIN_WIDTH = 160
#: A ratio that fell below this part of its former value is pointed out.
SLOWER = 0.95


def console() -> Console:
    """Return a console that is wide enough for the tables where it is not a terminal."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=PLAIN_WIDTH)


def show_run(run: Run, out: Console) -> None:
    """Print all results, and the mean and the worst ratio of each of cnnbp's modes."""
    out.print(_results_table(run.results))
    for result in run.results:
        modes = result.contenders("PyTorch")
        if len(modes) > 2:
            times = ", ".join(f"{_mode(m)} {_time(result.typical_seconds(m))}" for m in modes)
            out.print(f"{result.case}, PyTorch: {times}", highlight=False)
    _show_disturbance(run, out)
    for line in _summary(run.results):
        out.print(line, highlight=False)
    _show_circumstances(run, out)


def _results_table(results: Sequence[Result]) -> Table:
    lines = [
        (result, contender, _figures(result, contender))
        for result in results
        for contender in result.contenders("cnnbp") + result.contenders("PyTorch")[:1]
    ]
    headings = [h for h in lines[0][2] if any(figures[h] for _, _, figures in lines)]
    table = _table("what, and by whom", *headings)
    for result, contender, figures in lines:
        table.add_row(f"{result.case}: {contender}", *(figures[h] for h in headings))
    return table


def _figures(result: Result, contender: str) -> dict[str, str]:
    seconds = result.typical_seconds(contender)
    megabytes = result.bytes_moved and result.bytes_moved / 1e6
    return {
        "time": _time(seconds),
        "GFLOP/s": _number(result.gflops(contender), ".1f"),
        "of FMA peak": _number(result.share_of_peak(contender), ".0%"),
        "MB": _number(megabytes, ".2f"),
        "GB/s": _number(megabytes and megabytes / seconds / 1e3, ".1f"),
        "× PyTorch": _number(result.ratio(contender), ".2f"),
        "others": _number(result.others, ".2f"),
    }


def _summary(results: Sequence[Result]) -> list[str]:
    lines = []
    peaks = [result.fma_peak for result in results if result.fma_peak]
    if peaks:
        lines.append(f"FMA peak: {geometric_mean(peaks):.0f} GFLOP/s")
    for mode in dict.fromkeys(name for r in results for name in r.contenders("cnnbp")):
        ratios = [x for r in results if mode in r.seconds and (x := r.ratio(mode)) is not None]
        if ratios:
            mean, worst = geometric_mean(ratios), min(ratios)
            lines.append(
                f"{mode}: {mean:.2f} times PyTorch in the geometric mean, {worst:.2f} at worst"
            )
    return lines


def show_scaling(run: Run, threads: int, out: Console) -> None:
    """Print how many times as fast every contender is with so many threads as with one."""
    headings = on_threads("time", 1), on_threads("time", threads), "times as fast", "others"
    table = _table("what, and by whom", *headings)
    for result in run.results:
        suffix = on_threads("", 1)
        for alone in (name for name in result.seconds if name.endswith(suffix)):
            contender = alone.removesuffix(suffix)
            together = on_threads(contender, threads)
            table.add_row(
                f"{result.case}: {contender}",
                _time(result.typical_seconds(alone)),
                _time(result.typical_seconds(together)),
                _number(result.times_as_fast(together, alone), ".2f"),
                _number(result.others, ".2f"),
            )
    out.print(table)
    _show_disturbance(run, out)
    _show_circumstances(run, out)


def show_memory(run: MemoryRun, out: Console) -> None:
    """Print what every contender took, and how many times as much PyTorch's thriftiest mode."""
    table = _table("what, and by whom", "MB", "PyTorch ÷ this")
    for result in run.results:
        for contender, size in result.peak_bytes.items():
            ratio = _number(result.ratio(contender), ".2f")
            table.add_row(f"{result.case}: {contender}", f"{size / 1e6:.1f}", ratio)
    out.print(table)
    _show_circumstances(run, out)


def _show_disturbance(run: Run, out: Console) -> None:
    disturbance = max(result.others for result in run.results)
    if disturbance > QUIET:
        out.print(
            f"Other programs used up to {disturbance:.1f} cores: the figures are worth little.",
            style="bold red",
        )


def _show_circumstances(report: Report, out: Console) -> None:
    for name, value in report.circumstances.items():
        out.print(f"{name}: {value}", style="dim", highlight=False)


def show_changes(found: Iterable[Change], out: Console) -> None:
    """Print how the ratios to PyTorch differ between two runs."""
    found = list(found)
    table = _table("what, and by whom", "× PyTorch before", "after", "factor")
    for change in found:
        table.add_row(
            f"{change.case}: {change.contender}",
            f"{change.before:.2f}",
            f"{change.after:.2f}",
            f"{change.factor:.2f}" + (" slower" if change.factor < SLOWER else ""),
        )
    out.print(table)
    if found:
        mean = geometric_mean(change.factor for change in found)
        out.print(f"geometric mean of the factors: {mean:.3f}", highlight=False)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _mode(contender: str) -> str:
    return contender.split(maxsplit=1)[1]


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.1f} µs"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
