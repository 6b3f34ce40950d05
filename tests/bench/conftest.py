"""The gate of the speed checks: exact counts hold hard, times only as ratios to a calibration in the same minute, against a committed baseline.

pytest tests/bench -o python_files='bench_*.py'                      checks
pytest tests/bench -o python_files='bench_*.py' --update-baseline    writes baseline.json anew (on another CPU or torch: all of it)
pytest tests/bench -o python_files='bench_*.py' --benchmark-disable  checks the exact counts only

A ratio is the arithmetic, in GFLOP, that the calibration does in the CPU time of the workload: the median of paired rounds, on one thread. It says "more than
10 % slower" in the summary and fails at 25 %, if a second measurement agrees. Ratios of another CPU are not comparable, and the summary says so.
pytest-benchmark shows and stores absolute times; its own comparison is not used (it skips what the baseline lacks, and knows no ratios).
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import pytest

from tumorbench.hardware import describe_hardware, tune_allocator

BASELINE = Path(__file__).with_name("baseline.json")
UPDATE = "pytest tests/bench -o python_files='bench_*.py' --update-baseline"
WARN, FAIL = 1.10, 1.25
SECONDS = 1.5  # of paired rounds a workload
NOTES = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    parser.addoption("--update-baseline", action="store_true", help="write tests/bench/baseline.json from this run")


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info["tumorbench"] = describe_machine() | {"threads": 1, "allocator": tune_allocator()}


def pytest_terminal_summary(terminalreporter, config):
    if notes := config.stash.get(NOTES, []):
        terminalreporter.section("speed against the baseline")
        for note in notes:
            terminalreporter.write_line(note)


def describe_machine():
    """What decides whether two runs compare: torch's release for the counts, the kind of CPU for the ratios."""
    import torch

    hardware = describe_hardware("cpu")
    return {"torch": torch.__version__.split("+")[0], "cpu": f"{hardware['cpu']}, {hardware['cpu_capability']}"}


def judge_workload(name, baseline, machine, measured, measure_again):
    """(failure or None, note): what the baseline says of this workload.

    measured: ``counts``, and ``ratio`` (None where times were not asked for). measure_again: gives a second ratio.
    """
    if baseline is None or name not in baseline["workloads"]:
        return f"{name}: no baseline; write it with: {UPDATE}", f"{name}: no baseline"
    stored, counts, ratio = baseline["workloads"][name], measured["counts"], measured["ratio"]
    if counts != stored["counts"]:
        cause = "the code does something else"
        if machine["torch"] != baseline["torch"]:
            cause = f"torch differs (baseline {baseline['torch']}, here {machine['torch']}), or {cause}"
        return (
            f"{name}: exact counts changed: {stored['counts']} -> {counts}; {cause}. If that is meant: {UPDATE}",
            f"{name}: exact counts changed",
        )
    if ratio is None:
        return None, f"{name}: counts hold; times not checked"
    if machine["cpu"] != baseline["cpu"]:
        return (
            None,
            f"{name}: counts hold; time NOT comparable: the baseline is of {baseline['cpu']!r}, this is {machine['cpu']!r}",
        )
    if ratio > FAIL * stored["ratio"]:
        ratio = min(ratio, measure_again())
    change = ratio / stored["ratio"]
    note = f"{name}: ratio {ratio:.3g}, baseline {stored['ratio']:.3g} ({change - 1:+.0%})"
    if change > FAIL:
        return f"{note}: more than 25 % slower, measured twice", note
    if change > WARN:
        note += "  WARNING: more than 10 % slower"
    elif change < 1 / FAIL:
        note += "  faster: the baseline wants writing anew"
    return None, note


def updated_baseline(name, baseline, machine, measured):
    """The baseline with this workload; without any other's entries where they are of another CPU or torch."""
    same = baseline is not None and all(baseline[key] == machine[key] for key in machine)
    return machine | {"workloads": (baseline["workloads"] if same else {}) | {name: measured}}


def count_operations(action):
    """Floating-point operations, and operations dispatched to torch's backends, of one call; the same in every run of one torch release."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import FlopCounterMode

    class Dispatched(TorchDispatchMode):
        operations = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.operations += 1
            return function(*args, **(kwargs or {}))

    with Dispatched() as dispatched:
        action()
    with FlopCounterMode(display=False) as counter:
        action()
    return {"flops": counter.get_total_flops(), "operations": dispatched.operations}


def paired_ratio(action, reference):
    """GFLOP that the reference does in the time of one call: the median of paired rounds, half of them with the reference first.

    On one thread a process's CPU time is its wall time less what other processes took, so no round need be thrown away on a busy machine.
    """
    repeats = max(1, round(0.05 / cpu_s(action, 1)))
    ratios, started = [], time.perf_counter()
    while len(ratios) < 5 or time.perf_counter() - started < SECONDS:
        first, second = (
            ((reference.action, 1), (action, repeats))
            if len(ratios) % 2
            else ((action, repeats), (reference.action, 1))
        )
        taken = {called: cpu_s(called, times) for called, times in (first, second)}
        ratios.append(reference.flops * taken[action] / taken[reference.action] / 1e9)
    return statistics.median(ratios)


def cpu_s(action, repeats):
    """CPU seconds of one call."""
    started = time.process_time()
    for _ in range(repeats):
        action()
    return (time.process_time() - started) / repeats


@pytest.fixture(scope="session")
def reference():
    """The calibration on one thread, which makes the ratios of a two-core and a sixty-core machine of one kind the same."""
    tune_allocator()
    import torch

    from tumorbench.speed.rounds import Reference

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Reference("cpu", "fp32")
    torch.set_num_threads(threads)


@pytest.fixture
def gate(request, benchmark, reference):
    """``gate(name, action, **exact)`` times the action, counts its torch operations where it has some, and holds both against the baseline."""

    def check(name, action, **exact):
        for _ in range(3):
            action()
        ratio = None if benchmark.disabled else paired_ratio(action, reference)
        measured = {"counts": count_operations(action) | exact, "ratio": ratio}
        benchmark.extra_info.update(measured)
        benchmark.pedantic(action, rounds=5)
        baseline = json.loads(BASELINE.read_text(encoding="utf-8")) if BASELINE.exists() else None
        if request.config.getoption("update_baseline"):
            assert ratio is not None, "--update-baseline needs times: leave out --benchmark-disable and -n"
            written = updated_baseline(name, baseline, describe_machine(), measured)
            BASELINE.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n", encoding="utf-8")
            return
        failure, note = judge_workload(
            name, baseline, describe_machine(), measured, lambda: paired_ratio(action, reference)
        )
        request.config.stash.setdefault(NOTES, []).append(note)
        benchmark.extra_info["verdict"] = failure or note
        if failure:
            pytest.fail(failure, pytrace=False)

    return check


@pytest.fixture
def judge():
    return judge_workload


@pytest.fixture
def update():
    return updated_baseline
