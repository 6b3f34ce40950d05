"""A campaign: cells in the order in which they need one another, shared with whoever else works on the store."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from tumorbench.contracts.cell import CellIdentity
from tumorbench.run.campaign import How, Watch, run_all
from tumorbench.run.executors import start
from tumorbench.run.lease import Lease
from tumorbench.run.lost import command_of
from tumorbench.run.plan import Plan

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")


def statuses(out: str) -> dict[str, tuple[str, str]]:
    return {record["identity"]["model"]: (record["status"], record["reason"]) for record in json.loads(out)}


def test_a_cell_is_skipped_when_the_one_that_it_starts_from_fails(tumorbench):
    result = tumorbench("run", *SELECTION, "-m", "tiny-orphan", "-m", "tiny-classifier", "--json")
    found = statuses(result.out)
    assert result.code == 1
    assert {model: status for model, (status, _) in found.items()} == {
        "tiny-nan": "failed",
        "tiny-orphan": "skipped",
        "tiny-classifier": "ok",
    }
    assert found["tiny-orphan"][1].startswith("it starts from a cell of tiny-nan that is failed: ")


def test_a_cell_that_another_process_holds_is_passed_over_and_taken_up_at_the_end(context, planned):
    cells = [planned("tiny-classifier"), planned("tiny-segmenter")]
    folder = context.store.cell_folder(cells[0].identity, cells[0].key)
    folder.mkdir(parents=True)
    other = Lease.acquire(folder)
    seen: list[tuple[str, str]] = []

    def ended(cell, record, _cached):
        seen.append((cell.identity.model, record.status))
        if cell.identity.model == "tiny-segmenter":
            other.release()

    watch = Watch(on_held=lambda cell, _lease: seen.append((cell.identity.model, "held")), on_done=ended)
    executor = start("in-process", context.registry, store=context.store.root)
    run_all(Plan("quick", cells), context, How(executor="in-process"), executor, watch)
    assert seen == [("tiny-classifier", "held"), ("tiny-segmenter", "ok"), ("tiny-classifier", "ok")]


def test_two_processes_with_one_command_share_the_cells(tumorbench_process):
    command = ("run", *SELECTION, "-m", "tiny-classifier", "--seeds", "3", "--executor", "local")
    processes = [tumorbench_process(*command) for _ in range(2)]
    ended = [(*process.communicate(timeout=400), process.returncode) for process in processes]
    assert [code for *_, code in ended] == [0, 0], ended
    assert all("3 of 3 cells done" in out for out, *_ in ended)
    computed = [re.findall(r"^  ok in \d+ s: .* seed (\d)", err, re.MULTILINE) for _, err, _ in ended]
    assert sorted(computed[0] + computed[1]) == ["0", "1", "2"]


def test_the_record_s_command_asks_for_exactly_this_cell(tumorbench, tmp_path):
    models = ("tiny-heir[width=4]", "tiny-noise")
    for model in models:
        tumorbench(
            "run", *SELECTION[:-3], "-m", model, "--protocol", "grouped", "--fold", "2", "--seed", "7", *SELECTION[-1:]
        )
    for path in tmp_path.glob("runs/cells/*/*/*/record.json"):
        record = json.loads(path.read_text())
        words = re.sub("'", "", record["command"]).split()[1:]
        cell = json.loads(tumorbench("plan", *words[1:], "--json").out)[-1]  # after those that it starts from
        assert (cell["cell_key"], cell["status"]) == (record["cell_key"], "cached")


def test_a_command_names_the_classifier_that_judges_and_a_file_of_weights(planned):
    identity = planned("tiny-classifier").identity
    recipe = identity.recipe.model_copy(update={"pretrained": "sha256:" + "0" * 64})
    judge = {"model": "tiny-classifier[width=16]", "model_version": "1", "recipe": recipe.model_dump()}
    asked = CellIdentity.model_validate(identity.model_dump() | {"protocol": "tstr", "judge": judge, "recipe": recipe})
    assert command_of(asked).endswith("--seed 0 --judge 'tiny-classifier[width=16]' --weights FILE")


def test_planning_writes_nothing(tumorbench, tmp_path):
    before = {path for path in tmp_path.rglob("*") if "cache" not in path.parts}
    assert tumorbench("plan", *SELECTION[:-1], "-m", "tiny-classifier").code == 0
    assert tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--dry-run").code == 0
    assert {path for path in tmp_path.rglob("*") if "cache" not in path.parts} == before


def test_a_default_precision_is_no_part_of_the_key_and_the_resolved_one_is_in_the_record(tumorbench, planned, tmp_path):
    cell = planned("tiny-classifier")
    assert cell.identity.recipe.precision == "auto"
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    (path,) = tmp_path.glob("runs/cells/*/*/*/record.json")
    record = json.loads(path.read_text())
    assert (record["cell_key"], record["identity"]["recipe"]["precision"]) == (cell.key, "auto")
    assert record["precision"] in ("fp32", "bf16")
    assert replace(cell.cell, precision="bf16").key == cell.key


def test_planning_loads_no_torch(tiny):
    program = (
        "import sys\n"
        "from tumorbench.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as leaving:\n    assert not leaving.code, leaving.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", program, "plan", *SELECTION[:-1], "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {cell["model"] for cell in json.loads(done.stdout)} >= {"tiny-classifier", "tiny-segmenter", "tiny-artist"}
