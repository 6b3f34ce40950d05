"""What `plan`, `run` and `show` print: JSON is JSON, and each cell is told as it is."""

from __future__ import annotations

import json
import re

SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped")
RUN = (*SELECTION, "--no-throughput")
SHAPE = {"dataset", "model", "protocol", "fold", "seed", "budget", "status", "reason", "cell_key"}


def test_plan_is_an_array_of_cells(tumorbench, tiny):
    before = json.loads(tumorbench("plan", *SELECTION, "-m", "tiny-classifier", "--fold", "0", "--fold", "1", "--json").out)
    assert all(set(cell) >= SHAPE for cell in before)
    assert [(cell["fold"], cell["status"]) for cell in before] == [(0, "to run"), (1, "to run")]
    assert len({cell["cell_key"] for cell in before if re.fullmatch("[0-9a-f]{64}", cell["cell_key"])}) == 2

    tumorbench("run", *RUN, "-m", "tiny-classifier")
    after = json.loads(tumorbench("plan", *SELECTION, "-m", "tiny-classifier", "--fold", "0", "--fold", "1", "--json").out)
    assert [(cell["cell_key"], cell["status"]) for cell in after] == [(before[0]["cell_key"], "cached"), (before[1]["cell_key"], "to run")]
    assert after[1]["seconds"] > 0
    assert not list(tiny.glob("runs/cells/tiny-shapes/tiny-classifier/grouped-fold1*"))


def test_json_is_all_that_stands_on_stdout(tumorbench, tiny):
    ran = tumorbench("run", *RUN, "-m", "tiny-classifier", "-m", "tiny-slow", "--json")
    assert (ran.code, ran.err) == (0, "")
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
