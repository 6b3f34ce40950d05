"""What `plan`, `run` and `show` print: JSON is JSON, and each cell is told as it is."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from tumorbench.cli.announcing import opening

SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped")
RUN = (*SELECTION, "--no-throughput")
QUICK = "quick budget on cpu (no CUDA device is used; give --budget full for the whole recipe)"
SHAPE = {"dataset", "model", "protocol", "fold", "seed", "budget", "status", "reason", "cell_key"}


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("asked", "device", "line"),
    [
        (None, "cuda", "full budget on cuda"),
        (None, "cpu", QUICK),
        ("full", "cpu", "full budget on cpu"),
        ("quick", "cuda", "quick budget on cuda"),
        ("1of20", "cpu", "1of20 budget on cpu (1/20 of each recipe's epochs, all else as in full)"),
    ],
)
def test_the_opening_names_the_budget_that_is_run(asked, device, line):
    assert opening(asked, device) == line


def test_budget_and_device_are_told_before_anything_is_decoded(tumorbench, tiny):
    first, second, third = tumorbench("run", *RUN, "-m", "tiny-classifier", "--device", "cpu").err.splitlines()[:3]
    assert first == QUICK
    assert second.startswith("decoding: ")
    assert third == "1 cell, 0 of them cached"


def test_budget_and_device_are_told_before_anything_is_decoded_on_a_terminal_too(tumorbench, tiny, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "stderr", Terminal())
    tumorbench("run", *RUN, "-m", "tiny-classifier", "--device", "cpu")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sys.stderr.getvalue()).replace("\r", "\n").split("\n")
    assert next(line for line in lines if line.strip()).rstrip() == QUICK
    assert any("decoding" in line for line in lines)


def test_an_absent_data_set_is_listed_after_the_opening_and_fails_nothing(tumorbench, tiny):
    result = tumorbench("run", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput", "--device", "cpu")
    told = [line for line in result.err.splitlines() if not line.startswith("decoding: ")]
    assert (result.code, told[0]) == (0, QUICK)
    assert any(line.startswith("unavailable: kaggle7023: kaggle7023 is not in") for line in told)


def test_plan_is_an_array_of_cells(tumorbench, tiny):
    before = json.loads(
        tumorbench("plan", *SELECTION, "-m", "tiny-classifier", "--fold", "0", "--fold", "1", "--json").out
    )
    assert all(set(cell) >= SHAPE for cell in before)
    assert [(cell["fold"], cell["status"]) for cell in before] == [(0, "to run"), (1, "to run")]
    assert len({cell["cell_key"] for cell in before if re.fullmatch("[0-9a-f]{64}", cell["cell_key"])}) == 2

    tumorbench("run", *RUN, "-m", "tiny-classifier")
    after = json.loads(
        tumorbench("plan", *SELECTION, "-m", "tiny-classifier", "--fold", "0", "--fold", "1", "--json").out
    )
    assert [(cell["cell_key"], cell["status"]) for cell in after] == [
        (before[0]["cell_key"], "cached"),
        (before[1]["cell_key"], "to run"),
    ]
    assert after[1]["seconds"] > 0
    assert not list(tiny.glob("runs/cells/tiny-shapes/tiny-classifier/grouped-fold1*"))


def test_json_is_all_that_stands_on_stdout(tumorbench, tiny):
    ran = tumorbench("run", *RUN, "-m", "tiny-classifier", "-m", "tiny-slow", "--json")
    assert ran.code == 0
    assert all(line.startswith("  epoch ") for line in ran.err.splitlines()), "the executor of the tests tells them"
    assert [record["status"] for record in json.loads(ran.out)] == ["ok", "ok"]
    key = json.loads(ran.out)[0]["cell_key"]
    for arguments in (
        ("plan", *SELECTION, "-m", "tiny-classifier"), ("show", key), ("compare", "tiny-classifier", "tiny-slow"), ("data", "verify", "tiny-shapes"),
        ("data", "audit", "tiny-shapes"), ("data", "info", "tiny-shapes"), ("plugins",),
    ):  # fmt: skip
        result = tumorbench(*arguments, "--json")
        assert (result.code, result.err) == (0, ""), arguments
        assert json.loads(result.out), arguments


def test_a_failed_cell_is_in_the_json_and_in_the_exit_code(tumorbench, tiny):
    result = tumorbench("run", *RUN, "-m", "tiny-crash", "--json")
    assert (result.code, json.loads(result.out)[0]["status"]) == (1, "failed")


def test_show_tells_one_record_by_the_beginning_of_its_key_or_its_path(tumorbench, tiny):
    record = json.loads(tumorbench("run", *RUN, "-m", "tiny-classifier", "--json").out)[0]
    path = next(tiny.glob("runs/cells/**/record.json"))
    text = tumorbench("show", record["cell_key"][:8]).out
    assert text.startswith("tiny-classifier on tiny-shapes, grouped fold 0, seed 0, quick budget: ok")
    assert f"predictions: {path.relative_to(tiny).parent / 'predictions.parquet'}" in text
    for name in (record["cell_key"][:8], path):
        assert json.loads(tumorbench("show", name, "--json").out) == record
    assert tumorbench("show", "nothing").code == 2
