"""On a machine that others use, there is no figure instead of a wrong one, and it is said which figures are old."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch
from torch import nn

from tumorbench import registry
from tumorbench.contracts.families import Classifier
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.errors import NotMeasurable
from tumorbench.run.context import Context
from tumorbench.run.plan import Selection, make_plan
from tumorbench.speed import measure
from tumorbench.speed.clock import clock
from tumorbench.speed.rounds import Reference, Rounds, busy
from tumorbench.speed.throughput import measure_each, one_of_each_dataset
from tumorbench.store import Store

SELECTION = ("-d", "tiny-shapes", "-m", "tiny-classifier", "--device", "cpu", "--budget", "quick")
BENCH, RUN = ("bench", *SELECTION), ("run", *SELECTION, "--protocol", "grouped", "--fold", "0")
WHAT = "tiny-classifier on tiny-shapes at 32 px"
SPIN = "print('spinning', flush=True)\nwhile True: pass"
PROBLEM = Problem("classification", ("a", "b"), 1, 32)
RECIPE = Recipe(
    preprocessing=Preprocessing(size=32),
    epochs=1,
    batch_size=8,
    quick=Quick(epochs=1, steps_per_epoch=1, batch_size=2),
)


class Linear(Classifier):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, problem.outputs))

    def forward(self, images):
        return self.layers(images)


@contextmanager
def loaded_machine():
    """Processes that spin hold every CPU."""
    command = [sys.executable, "-c", SPIN]
    spinning = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(os.cpu_count())]
    try:
        for process in spinning:
            process.stdout.readline()
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture(scope="module", autouse=True)
def _warm():
    """What torch imports late is there before the machine is loaded."""
    measure(lambda: Linear(PROBLEM), PROBLEM, RECIPE, "cpu", "fp32", seconds=0.05, discard=False)


def context_in(folder):
    return Context(registry.find(), Store(folder / "runs").open(), folder, "cpu")


@pytest.fixture
def stored(tiny):
    """A record of long ago in the store; it was measured whatever else runs here."""
    context = context_in(tiny)
    cells = make_plan(Selection(False, ("tiny-shapes",), ("tiny-classifier",), ("grouped",), "quick"), context).cells
    found = measure_each([cells[0].cell], context.tools(), context.store, print, discard=False).found
    (path,) = (tiny / "runs/throughput").glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started_at": "2020-01-02T03:04:05+00:00"}))
    return found[0].throughput


def test_the_kernel_tells_that_a_thread_waited_for_a_cpu():
    matrix = torch.ones(512, 512)
    with loaded_machine():
        timed = clock(lambda: matrix @ matrix, "cpu", 50)
    if timed.ran is None:
        pytest.skip("this kernel does not tell how long threads wait")
    assert busy(timed)


def test_on_a_loaded_machine_there_is_an_error_and_no_figure():
    told = r"^not measurable now: .* \(load [\d.]+ on \d+ CPUs\)"
    with loaded_machine(), pytest.raises(NotMeasurable, match=told):
        measure(lambda: Linear(PROBLEM), PROBLEM, RECIPE, "cpu", "fp32", seconds=0.2)


def test_disturbed_rounds_are_counted_and_the_error_says_what_they_got():
    reference = Reference("cpu", "fp32")
    told = r"[1-9]\d* of [1-9]\d* rounds of training were disturbed: \d+ threads? got \d+% of the CPU time"
    with loaded_machine(), pytest.raises(NotMeasurable, match=told):
        Rounds.timed(reference.action, reference, "cpu", 0.1, "training")


def test_bench_on_a_loaded_machine_exits_with_1_and_run_with_0_and_neither_writes_a_figure(tumorbench, tiny):
    assert tumorbench(*RUN, "--no-throughput").code == 0
    with loaded_machine():
        alone, after_cells = tumorbench(*BENCH), tumorbench(*RUN, "--json")
    assert (alone.code, alone.out) == (1, "")
    assert [record["status"] for record in json.loads(after_cells.out)] == ["ok"]
    assert after_cells.code == 0
    for result in (alone, after_cells):
        (told,) = [line for line in result.err.splitlines() if line.startswith("tumorbench: ")]
        assert told.startswith(f"tumorbench: throughput of {WHAT}: not measurable now: ")
    assert not list(tiny.glob("runs/throughput/*"))


def test_a_cached_figure_says_so_and_when_it_was_measured(tumorbench, stored):
    result = tumorbench(*BENCH)
    assert result.code == 0
    assert result.out.splitlines()[-1].endswith("2020-01-02 03:04 UTC, cached")
    assert "  cached, measured 2020-01-02 03:04 UTC" in result.err.splitlines()
    (shown,) = json.loads(tumorbench(*BENCH, "--json").out)
    assert (shown["cached"], shown["train_images_per_s"]) == (True, stored.train_images_per_s)


def test_seeds_and_folds_have_one_speed(tiny):
    selection = Selection(False, ("tiny-shapes",), ("tiny-classifier",), ("grouped",), "full")
    cells = [each.cell for each in make_plan(selection, context_in(tiny)).cells]
    assert len({(cell.identity.fold, cell.identity.seed) for cell in cells}) == 15
    assert one_of_each_dataset(cells) == cells[:1]


def test_a_record_counts_its_rounds(stored):
    assert stored.rounds >= 15
    assert stored.discarded_rounds == 0
