"""The arithmetic of the benchmarks: what is timed is never a test."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import cnnbp

pytest.importorskip("benchmarks", reason="the benchmarks are in the repository alone")

from benchmarks import cases, in_cnnbp
from benchmarks.__main__ import main
from benchmarks.peak import growth
from benchmarks.results import MemoryResult, Result, Run, changes, geometric_mean
from benchmarks.tables import show_run, show_scaling
from benchmarks.turns import take_turns
from geometries import Geometry

RESULT = Result(
    case="a network",
    flops=2_000_000_000,
    fma_peak=100.0,
    others=0.0,
    seconds={
        "PyTorch eager": [3.0, 6.0, 9.0],
        "PyTorch compile": [2.0, 8.0, 4.0],
        "cnnbp fit": [1.0, 2.0, 4.0],
    },
)


def test_a_ratio_is_the_median_of_ratios_within_a_round_to_the_fastest_mode_of_pytorch():
    assert RESULT.contenders("PyTorch") == ["PyTorch compile", "PyTorch eager"]
    assert RESULT.ratio("cnnbp fit") == 2.0  # 2/1, 8/2 and 4/4
    assert RESULT.ratio("PyTorch compile") == 1.0


def test_a_share_of_the_peak_follows_from_the_operations_and_the_median_time():
    assert RESULT.gflops("cnnbp fit") == 1.0
    assert RESULT.share_of_peak("cnnbp fit") == 0.01


def test_without_pytorch_there_is_no_ratio_and_without_operations_no_share():
    alone = replace(RESULT, seconds={"cnnbp fit": [1.0]}, flops=None)
    assert alone.ratio("cnnbp fit") is None
    assert alone.share_of_peak("cnnbp fit") is None


def test_twice_as_fast_and_half_as_fast_are_one_in_the_mean():
    assert geometric_mean([2.0, 0.5]) == pytest.approx(1.0, rel=1e-15)


def test_a_run_that_was_written_reads_back_equal(tmp_path):
    run = Run(circumstances={"threads": 2}, results=[RESULT])
    run.write(tmp_path / "run.json")
    assert Run.read(tmp_path / "run.json") == run


@pytest.mark.parametrize("content", ["", "[1]", '{"results": [{}]}', '{"results": []}'])
def test_a_file_that_cannot_be_compared_is_named(tmp_path, capsys, content):
    Run(circumstances={}, results=[RESULT]).write(tmp_path / "run.json")
    (tmp_path / "other.json").write_text(content)
    for name in ("other.json", "missing.json"):
        assert main(["compare", str(tmp_path / "run.json"), str(tmp_path / name)]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert name in shown.err
        assert shown.err.count("\n") == 1


def test_two_threads_are_compared_with_one_round_by_round():
    seconds = {"cnnbp fit, 1 thread": [2.0, 8.0, 3.0], "cnnbp fit, 2 threads": [1.0, 4.0, 2.0]}
    result = replace(RESULT, seconds=seconds)
    assert result.times_as_fast("cnnbp fit, 2 threads", "cnnbp fit, 1 thread") == 2.0
    out = Console(record=True, width=160)
    show_scaling(Run(circumstances={}, results=[result]), 2, out)
    (line,) = (line for line in out.export_text().splitlines() if "cnnbp fit" in line)
    assert line.split()[-6:] == ["3000.00", "ms", "2000.00", "ms", "2.00", "0.00"]


def test_a_table_has_no_columns_without_figures():
    out = Console(record=True, width=160)
    show_run(Run(circumstances={}, results=[replace(RESULT, bytes_moved=4_000_000_000)]), out)
    (line,) = (line for line in out.export_text().splitlines() if line.startswith("a network: cnn"))
    assert line.split()[-8:] == ["2000.00", "ms", "1.0", "1%", "4000.00", "2.0", "2.00", "0.00"]
    show_run(Run(circumstances={}, results=[replace(RESULT, flops=None)]), out)
    shown = out.export_text().splitlines()[0]
    assert shown.split() == ["what,", "and", "by", "whom", "time", "×", "PyTorch", "others"]


def test_scaling_wants_a_second_thread(capsys):
    assert main(["scaling", "--threads", "1", "--libraries", "cnnbp"]) == 2
    assert "--threads 2" in capsys.readouterr().err


def test_memory_is_compared_with_the_thriftiest_mode_of_pytorch():
    sizes = {"cnnbp fit": 100, "PyTorch eager": 400, "PyTorch eager channels_last": 300}
    result = MemoryResult(case="a network", peak_bytes=sizes)
    assert result.ratio("cnnbp fit") == 3.0
    assert replace(result, peak_bytes={"cnnbp fit": 100}).ratio("cnnbp fit") is None


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone tells peaks")
def test_growth_is_that_of_the_peak_whatever_was_given_back_before_and_after():
    size = 50_000_000
    assert np.ones(3 * size, np.uint8).all()  # an earlier peak
    grown = growth(lambda: np.ones(size, np.uint8).all())
    assert 0.99 * size < grown < 1.01 * size  # each processor counts some pages by itself first
    assert growth(lambda: None) < 0.01 * size


def test_two_runs_are_compared_by_their_own_ratios_to_pytorch_where_both_have_the_case():
    slower_machine = {name: [2 * s for s in times] for name, times in RESULT.seconds.items()}
    faster = {**slower_machine, "cnnbp fit": RESULT.seconds["cnnbp fit"], "cnnbp new": [1.0] * 3}
    before = Run(circumstances={}, results=[RESULT])
    after = Run(
        circumstances={},
        results=[replace(RESULT, seconds=faster), replace(RESULT, case="another network")],
    )
    (change,) = changes(before, after)
    assert (change.contender, change.before, change.after) == ("cnnbp fit", 2.0, 4.0)
    assert change.factor == 2.0


def test_everyone_measures_once_a_round_in_the_same_order():
    calls: list[str] = []

    def measure(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    numbers, _ = take_turns({"a": lambda: measure("a"), "b": lambda: measure("b")}, rounds=3)
    assert "".join(calls) == "ababab"
    assert numbers == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}


def test_rounds_that_other_programs_disturbed_are_taken_again():
    used = iter([0.0, 0.01, 1.5, 0.02])  # the first is before the first round
    number = iter([10.0, 20.0, 30.0])
    numbers, others = take_turns({"a": lambda: next(number)}, 2, lambda: next(used))
    assert numbers == {"a": [10.0, 30.0]}
    assert others == 0.02


def test_on_a_machine_that_is_never_quiet_the_quietest_rounds_are_kept():
    used = iter([0.0, 1.5, 0.5, 1.0, 0.7])
    number = iter([10.0, 20.0, 30.0, 40.0])
    numbers, others = take_turns({"a": lambda: next(number)}, 2, lambda: next(used), patience=2)
    assert numbers == {"a": [20.0, 40.0]}
    assert others == 0.7


def in_this_process() -> in_cnnbp.Side:
    return in_cnnbp.Side(threads=cnnbp.get_num_threads())


def test_a_step_has_three_products_a_layer_but_two_in_the_first_and_a_prediction_has_one():
    first, second, last = 6 * 24**2 * 5**2, 6 * 12 * 8**2 * 5**2, 10 * 192
    training = cases.NETWORKS[0]
    assert in_this_process().flops(training) == 2 * 50 * (2 * first + 3 * second + 3 * last)
    prediction = cases.PredictionCase(network=training, count=16)
    assert in_this_process().flops(prediction) == 2 * 16 * (first + second + last)


@pytest.mark.parametrize(
    ("batch", "lanes"), [(50, 52), (8, 8), (37, 40), (9, 16), (64, 64), (1, 1), (17, 17)]
)
def test_a_pass_moves_input_weight_and_output_once_with_samples_in_lanes(batch, lanes):
    geometry = replace(cases.PASSES[0].geometry, batch=batch)
    assert geometry.input_shape[1:] == (1, 28, 28)
    assert geometry.weight_shape == (6, 1, 5, 5)
    for which in ("forward", "delta", "gradient"):
        case = cases.PassCase(geometry=geometry, which=which)
        assert case.bytes_moved == 4 * (lanes * (28 * 28 + 6 * 24 * 24) + 6 * 25)


def test_taps_on_padding_are_no_work():
    geometry = Geometry(
        batch=3,
        in_channels=4,
        size=(3, 5),
        out_channels=6,
        kernel_size=(3, 3),
        stride=(1, 2),
        padding=((1, 1), (1, 1)),
        groups=2,
    )
    # Rows read 2, 3 and 2 of three; columns 2, 3 and 2.
    case = cases.PassCase(geometry=geometry, which="forward")
    assert case.flops == 2 * 3 * (7 * 7) * 4 * 6 // 2


def test_direct_kernels_are_measured_by_name(tmp_path):
    arguments = ["passes", "--direct", "--libraries", "cnnbp", "--only", "50x6x12", "gradient"]
    path = tmp_path / "direct.json"
    assert main([*arguments, "--rounds", "1", "--seconds", "0.01", "--json", str(path)]) == 0
    (result,) = Run.read(path).results
    assert result.case == "50x6x12-12k5 gradient direct"
    assert set(result.seconds) == {"cnnbp kernel", "cnnbp functional"}


def test_a_measure_with_one_thread_leaves_the_number_of_threads_as_it_was():
    side, seen = in_this_process(), []
    threads = cnnbp.get_num_threads()
    for measure in side.scaling(cases.ScalingCase(network=cases.TINY)).values():
        assert measure(0.0) > 0
        seen.append(cnnbp.get_num_threads())
    assert seen == len(seen) * [threads]


@pytest.fixture
def theirs():
    """PyTorch's side, which flushes denormals and works with one thread: other tests do not."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from benchmarks import in_pytorch

    threads = torch.get_num_threads()
    yield in_pytorch.Side(threads=1, compile_networks=False)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.parametrize("network", cases.NETWORKS, ids=str)
def test_both_libraries_are_given_the_same_networks(network, theirs):
    for case in (network, cases.PredictionCase(network=network, count=3)):
        start, expected = theirs.results_from_start(case, 2)
        found = in_this_process().results_from(case, start, 2)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
