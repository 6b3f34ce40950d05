"""Records of a share of the epochs are published, verified, replayed and rescored, and pass for no other budget's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tumorbench.contracts.cell import CellIdentity, cell_key

SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--fold", "0", "--seed", "0", "--no-throughput")
RESULTS = Path("leaderboards/results/cells/tiny-shapes/tiny-classifier")


@pytest.fixture(scope="session")
def kept_shares(tmp_path_factory) -> Path:
    """Where the one run and its publication are kept."""
    return tmp_path_factory.mktemp("kept-shares")


@pytest.fixture
def shares(tumorbench, tiny, kept_shares) -> dict[str, Path]:
    """The published records of one classifier, by budget: in full, and two shares of its four epochs."""
    if not (kept_shares / "leaderboards").exists():
        for budget in ("full", "1of2", "3of4"):
            assert tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--budget", budget).code == 0
        assert tumorbench("publish").code == 0
        for name in ("runs", "leaderboards"):
            shutil.copytree(tiny / name, kept_shares / name)
    for name in ("runs", "leaderboards"):
        shutil.copytree(kept_shares / name, tiny / name, dirs_exist_ok=True)
    return {path.parent.name.split("-")[3]: path for path in sorted(RESULTS.glob("*/record.json"))}


def test_shares_and_full_ones_of_one_model_are_sound_beside_one_another(shares, sound):
    assert sorted(shares) == ["1of2", "3of4", "full"]
    assert sound(3)


def test_their_boards_have_a_table_each_and_a_rank_of_its_own(shares, tumorbench):
    board = Path("leaderboards/classification.md").read_text()
    assert [line for line in board.splitlines() if line.startswith("### ")] == [
        "### Full budget",
        "### 3of4 budget",
        "### 1of2 budget",
    ]
    rows = json.loads(tumorbench("leaderboard", "--published", "leaderboards", "--json").out)
    assert [(row["budget"], row["rank"], row["cells"]) for row in rows] == [
        ("full", 1, 1),
        ("3of4", 1, 1),
        ("1of2", 1, 1),
    ]
    assert tumorbench("leaderboard", "--published", "leaderboards", "--check").code == 0


def passed_for(path: Path, budget: str, epochs: int) -> None:
    """The record, published as one of another budget."""
    content = json.loads(path.read_text())
    recipe = content["identity"]["recipe"] | {"epochs": epochs}
    identity = CellIdentity.model_validate(content["identity"] | {"budget": budget, "recipe": recipe})
    folder = path.parent.with_name(f"grouped-fold0-seed0-{budget}-{cell_key(identity)[:12]}")
    shutil.rmtree(folder, ignore_errors=True)
    path.parent.rename(folder)
    content |= {"identity": identity.model_dump(mode="json"), "cell_key": cell_key(identity)}
    (folder / path.name).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("budget", "epochs", "said"),
    [
        ("full", 2, "its recipe has epochs 2, and the model's card says 4"),
        ("full", 4, "its history has 2 epochs of the 4 of its recipe"),
        ("3of4", 2, "its recipe has epochs 2, and the model's card says 3"),
    ],
)
def test_a_share_that_says_it_is_full_or_another_share_is_refused(shares, problems, budget, epochs, said):
    passed_for(shares["1of2"], budget, epochs)
    assert said in problems()["tiny-classifier grouped"]


def test_a_record_that_spells_its_share_otherwise_is_refused(shares, problems):
    path = shares["1of2"]
    content = json.loads(path.read_text())
    content["identity"]["budget"] = "2of4"
    path.write_text(json.dumps(content))
    assert any("2of4 is spelled 1of2" in line for line in problems()["tiny-classifier grouped"])


def test_a_share_is_run_again_as_that_share(shares, tumorbench):
    key = json.loads(shares["1of2"].read_text())["cell_key"]
    result = tumorbench("replay", key, "--json")
    assert (result.code, json.loads(result.out)["differences"]) == (0, []), result.err


def test_migrate_and_rescore_leave_a_share_as_it_is(shares, tumorbench):
    before = {path: path.read_bytes() for path in Path("runs").glob("cells/**/record.json")}
    assert tumorbench("migrate").code == 0
    assert tumorbench("rescore").code == 0
    assert {path: path.read_bytes() for path in Path("runs").glob("cells/**/record.json")} == before
    assert len(shares) == len(before)
