"""A share of the full recipe's epochs is a budget of its own: its cells, checkpoints and weights are its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tumorbench as tb
from tumorbench.contracts.record import Record
from tumorbench.errors import Stopped
from tumorbench.run.cell import CellOptions, run_cell
from tumorbench.run.plan import Selection, make_plan

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--fold", "0", "--seed", "0", "--no-throughput")
EPOCHS = 4  # of the full recipe


def found(root: Path, model: str = "tiny-classifier") -> dict[str, Record]:
    """The model's records by their budget."""
    paths = root.glob(f"runs/cells/tiny-shapes/{model}/*/record.json")
    return {
        each.identity.budget: each for each in map(Record.model_validate_json, (path.read_text() for path in paths))
    }


@pytest.fixture
def cell_of(context):
    """The cell of a budget of the classifier."""

    def plan(budget: str):
        asked = Selection(datasets=("tiny-shapes",), models=("tiny-classifier",), protocols=("grouped",), budget=budget)
        return make_plan(asked, context).cells[0].cell

    return plan


def test_a_share_has_its_share_of_the_epochs_and_its_name_wherever_it_is_told(tumorbench, tmp_path):
    result = tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--budget", "2/4")
    assert result.code == 0, result.err
    assert result.err.startswith("1of2 budget on ")
    record = found(tmp_path)["1of2"]
    assert [entry["epoch"] for entry in record.history] == [1, 2]
    (card,) = [card for card in tb.models() if card.id == "tiny-classifier"]
    assert record.identity.recipe == card.recipe.model_copy(update={"epochs": EPOCHS // 2})
    assert record.command.endswith("--budget 1of2 --seed 0")
    (folder,) = tmp_path.glob("runs/cells/tiny-shapes/tiny-classifier/*")
    assert folder.name.startswith("grouped-fold0-seed0-1of2-")
    again = tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--budget", "1of2")
    assert "1 cell, 1 of them cached" in again.err
    assert tb.results("runs").frame()["budget"].unique().tolist() == ["1of2"]
    assert tb.results("runs").pivot().index.get_level_values("budget").tolist() == ["1of2"]
    (state,) = json.loads(tumorbench("status", "--json").out)
    (planned,) = json.loads(
        tumorbench("plan", *SELECTION[:-1], "-m", "tiny-classifier", "--budget", "1of2", "--json").out
    )
    assert (state["budget"], state["state"]) == ("1of2", "done")
    assert (planned["budget"], planned["cell_key"], planned["status"]) == ("1of2", record.cell_key, "cached")
    assert "1of2" in tumorbench("export", "--store", "runs").out
    assert "### 1of2 budget" in (tmp_path / "runs/boards/classification.md").read_text()


@pytest.mark.parametrize(("first", "second"), [("1of2", "full"), ("full", "1of2"), ("1of2", "3of4")])
def test_no_budget_goes_on_from_the_checkpoint_of_another(context, cell_of, first, second):
    def interrupt(_entry, _epochs):
        raise Stopped

    with pytest.raises(Stopped):
        run_cell(cell_of(first), context, CellOptions(on_epoch=interrupt))
    left = context.store.cell_folder(cell_of(first).identity, cell_of(first).key)
    assert any("checkpoint" in path.name or path.suffix == ".pt" for path in left.rglob("*"))
    other = run_cell(cell_of(second), context, CellOptions())
    assert other.timing.resumed_from_epoch is None
    assert [entry["epoch"] for entry in other.history] == list(range(1, other.identity.recipe.epochs + 1))
    assert run_cell(cell_of(first), context, CellOptions()).timing.resumed_from_epoch == 1


def test_what_a_share_starts_from_is_a_cell_of_that_share(tumorbench, tmp_path):
    assert tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--budget", "full").code == 0
    result = tumorbench("run", *SELECTION, "-m", "tiny-heir", "--budget", "1of2")
    assert result.code == 0, result.err
    origins = found(tmp_path)
    assert found(tmp_path, "tiny-heir")["1of2"].identity.starts_from == origins["1of2"].cell_key
    assert origins["1of2"].cell_key != origins["full"].cell_key


def test_who_judges_the_images_of_a_share_learns_for_its_own_full_recipe(context):
    asked = Selection(
        datasets=("tiny-shapes",), models=("tiny-artist",), protocols=("tstr",), folds=(0,), budget="1of2"
    )
    context.judge = "tiny-classifier"
    cells = make_plan(asked, context).cells
    judged = next(cell.identity for cell in cells if cell.identity.judge)
    assert judged.judge.recipe.epochs == EPOCHS
    assert judged.recipe.epochs == EPOCHS // 2
