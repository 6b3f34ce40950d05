"""The checks of one model: exact counts, what an epoch reads, memory, time.

Collected by ``bench``, never from a path.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tumorbench.errors import BadInput, NotMeasurable
from tumorbench.testing.bench_asked import BASELINE, NOTES, name_and_pixels
from tumorbench.testing.bench_baseline import changed, judged_bound, judged_ratio

if TYPE_CHECKING:
    from tumorbench.contracts.cards import ModelSpec
    from tumorbench.speed.rounds import Reference
    from tumorbench.speed.subject import Subject

__all__ = ["test_counts", "test_epoch_reads_nothing", "test_memory", "test_time"]

SECONDS = 2.0  # of paired rounds


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One case for each model that was named, in the order of the command line."""
    asked = dict.fromkeys(metafunc.config.getoption("tumorbench_bench"))
    metafunc.parametrize("asked", asked, scope="module", ids=["{}@{}".format(*name_and_pixels(each)) for each in asked])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """One thread: ratios of machines of one kind are the same however many CPUs they have."""
    from tumorbench.hardware import tune_allocator

    tune_allocator()
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Check:
    """One model, and what the baseline has of it."""

    def __init__(self, asked: str, request: pytest.FixtureRequest) -> None:
        from tumorbench.hardware import describe_hardware
        from tumorbench.registry import find

        config = request.config
        name, self.pixels = name_and_pixels(asked)
        self.id = f"{name}@{self.pixels}"
        try:
            self.spec: ModelSpec = find().model(name)
        except BadInput as error:
            pytest.fail(str(error), pytrace=False)
        self.baseline, self.updates = config.stash[BASELINE], bool(config.getoption("tumorbench_bench_update"))
        self._notes = config.stash[NOTES]
        machine = describe_hardware("cpu")
        self.cpu = f"{machine['cpu']}, {machine['cpu_capability']}"

    def note(self, said: str) -> None:
        """The line is in the summary."""
        self._notes.append(f"{self.id}: {said}")

    def judge(self, holds: bool, said: str) -> None:
        """The line is in the summary; the check fails where it does not hold."""
        self.note(said)
        if not holds:
            pytest.fail(f"{self.id}: {said}", pytrace=False)

    def update(self, **measured: Any) -> None:
        """The baseline has what was measured."""
        self.baseline.update(self.id, self.cpu, measured)
        self.note(f"{', '.join(measured)} written to {self.baseline.path.name}")

    def stored(self, what: str, *, of_this_cpu: bool = False) -> Any:
        """What the baseline has; a failure where it has nothing, a skip where it is of another kind of CPU."""
        try:
            found = self.baseline.of(self.id, what)
        except BadInput as error:
            pytest.fail(str(error), pytrace=False)
        if of_this_cpu and self.baseline.cpu != self.cpu:
            pytest.skip(f"{what} does not compare: the baseline is of {self.baseline.cpu!r}, this is {self.cpu!r}")
        return found


@pytest.fixture
def check(asked: str, request: pytest.FixtureRequest) -> Check:
    """The model of this case."""
    return Check(asked, request)


def test_counts(check: Check) -> None:
    """Arithmetic, operations and waits for the device are those of the baseline, exactly."""
    from tumorbench.testing.bench_counts import exact_counts

    counts, waits = exact_counts(check.spec, check.pixels)
    if check.updates:
        check.update(counts=counts)
    elif found := changed(check.stored("counts"), counts):
        where = f"; the host waits: {', '.join(dict.fromkeys(waits))}" if waits else ""
        check.judge(holds=False, said=f"counts changed: {found}{where}. If that is meant: {check.baseline.command}")
    waiting = f"; the host waits {len(waits)} times" if waits else ""
    check.note(f"counts hold{waiting}")


def test_epoch_reads_nothing(check: Check, tmp_path: Path) -> None:
    """An epoch after the first decodes no image and opens no file."""
    from tumorbench.testing.bench_counts import reads_of_an_epoch

    found = reads_of_an_epoch(check.spec, check.pixels, tmp_path)
    told = f": {', '.join(list(dict.fromkeys(found))[:5])}" if found else ""
    check.judge(not found, f"{len(found)} decodes and opened files in an epoch after the first{told}")


def test_memory(check: Check) -> None:
    """Page faults of a step and peak memory are within their bounds."""
    from tumorbench.testing.bench_counts import memory_of

    measured = memory_of(check.spec, check.pixels)
    if check.updates:
        check.update(**measured)
        return
    for name, value in measured.items():
        check.judge(*judged_bound(name, check.stored(name, of_this_cpu=True), value))


def test_time(check: Check, request: pytest.FixtureRequest) -> None:
    """A training step is not slower than the baseline, as ratio to the reference beside it."""
    if not request.config.pluginmanager.hasplugin("benchmark"):
        pytest.skip("pytest-benchmark is not installed: times are not checked")
    stored = None if check.updates else check.stored("ratio", of_this_cpu=True)
    benchmark = request.getfixturevalue("benchmark")  # which warns where it is asked for and not used
    if benchmark.disabled:
        pytest.skip("pytest-benchmark is disabled: times are not checked")
    from tumorbench.speed.rounds import Reference
    from tumorbench.testing.bench_counts import subject_of

    subject, reference = subject_of(check.spec, check.pixels), Reference("cpu", "fp32")
    measured: list[dict[str, float]] = []
    ratio = _ratio(subject, reference, measured)
    if stored is None:
        check.update(ratio=ratio)
    else:
        holds, said = judged_ratio(stored, ratio, lambda: _ratio(subject, reference, measured))
    batch = subject.batch(4)
    benchmark.extra_info.update({"ratio": ratio, "measurements": measured, "baseline": stored})
    benchmark.pedantic(lambda: subject.train(batch), rounds=5)
    if stored is not None:
        discarded = sum(int(each["discarded"]) for each in measured)
        check.judge(holds, f"{said}; {discarded} disturbed rounds discarded")


def _ratio(subject: Subject, reference: Reference, measured: list[dict[str, float]]) -> float:
    """GFLOP that the reference does in the time of one step: the median of the undisturbed paired rounds.

    Too few: a skip.
    """
    from tumorbench.speed.rounds import Rounds

    batch = subject.batch(4)
    for _ in range(2):
        subject.train(batch)
    try:
        rounds = Rounds.timed(lambda: subject.train(batch), reference, "cpu", SECONDS, "a training step")
    except NotMeasurable as error:
        pytest.skip(str(error))
    ratio = 1 / rounds.share(1e9, reference.flops)
    measured.append({"ratio": ratio, "rounds": len(rounds.kept), "discarded": rounds.discarded})
    return ratio
