"""What `submit` makes is what a pull request adds: with it the repository's own checks pass."""

import json
import re
import shlex
import shutil
import subprocess

import pytest

CELLS = 5


@pytest.fixture
def submitted(published, tumorbench, tmp_path):
    """Calls ``submit`` on the store ``runs``; nothing is published yet. Returns what was printed."""
    shutil.rmtree(tmp_path / "leaderboards")

    def call(*options: str) -> str:
        result = tumorbench("submit", *options)
        assert result.code == 0, result.err
        return result.out

    return call


@pytest.fixture
def submission(submitted, tmp_path):
    """The folder that it makes."""
    submitted()
    return tmp_path / "submission"


def test_the_printed_commands_make_boards_that_verify_in_a_clone_wherever_it_is(
    submitted, tumorbench, tmp_path, monkeypatch
):
    printed = submitted("--out", "of mine/new rows")
    copy, leaderboard, verify, commit = [line.strip() for line in printed.splitlines() if line.startswith("  ")]
    clone = tmp_path / "elsewhere" / "clone"
    clone.mkdir(parents=True)
    monkeypatch.chdir(clone)
    subprocess.run(shlex.split(copy), check=True)
    for line in (leaderboard, verify):
        done = tumorbench(*line.split()[1:])
        assert done.code == 0, done.err
    assert f"{CELLS} records checked, 0 files with problems" in done.out
    assert commit == "git add leaderboards && git commit"


def test_the_text_of_the_pull_request_names_no_folder_of_this_machine(submission, tmp_path):
    assert str(tmp_path) not in (submission / "PULL_REQUEST.md").read_text()


def test_it_holds_records_predictions_splits_and_cards_and_nothing_else(submission):
    places = {path.relative_to(submission).parts[:3] for path in submission.rglob("*") if path.is_file()}
    assert places == {
        ("PULL_REQUEST.md",),
        ("leaderboards", "results", "cells"),
        ("leaderboards", "results", "splits"),
        ("leaderboards", "cards", "models"),
        ("leaderboards", "cards", "datasets"),
    }
    assert (
        len(list(submission.glob("leaderboards/results/cells/**/predictions.parquet"))) == CELLS - 1
    )  # images are not


def test_a_card_says_which_package_its_model_comes_from(submission):
    card = json.loads((submission / "leaderboards/cards/models/tiny-classifier.json").read_text())
    assert (card["package"], card["package_version"]) == ("tiny-plugin", "1.0")
    assert card["card"]["factory"] == "tiny_plugin_networks:TinyClassifier"


def test_its_text_names_every_cell_and_the_three_checks(submission):
    text = (submission / "PULL_REQUEST.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `tiny-shapes`")]
    assert len(rows) == CELLS
    assert re.search(r"`tiny-classifier` 1 .*`grouped`.*balanced_accuracy 0\.\d+ \(0\.\d+ to [01]\.\d+\)", text)
    for check in ("tumorbench verify`", "tumorbench verify --data", "tumorbench replay --sample 3"):
        assert check in text
    left_open = text.partition("leaves open\n")[2].partition("\n## ")[0]
    assert "in 1 record: its numbers, which are of generated images" in left_open


@pytest.mark.usefixtures("published")
def test_models_and_data_sets_can_be_chosen(tumorbench, tmp_path):
    result = tumorbench("submit", "-m", "tiny-segmenter", "--out", "own", "--json")
    assert result.code == 0
    told = json.loads(result.out)
    (record,) = told["records"]
    assert told["commands"][0] == f"cp -r {tmp_path}/own/leaderboards ."
    assert record.startswith("own/leaderboards/results/cells/tiny-shapes/tiny-segmenter/grouped-")
    assert [path.stem for path in tmp_path.glob("own/leaderboards/cards/models/*")] == ["tiny-segmenter"]
    nothing = tumorbench("submit", "-d", "elsewhere", "--out", "other")
    assert (nothing.code, nothing.err.count("\n")) == (2, 1)
    assert "runs has no finished record of elsewhere" in nothing.err
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("published")
def test_an_edited_record_is_named_and_left_out(tumorbench, path_of, change, tmp_path):
    path = path_of(tmp_path / "runs")
    change(path, metrics=[])
    result = tumorbench("submit")
    assert result.code == 1
    assert f"tumorbench: {path.relative_to(tmp_path)} is left out: " in result.err
    assert f"submission holds {CELLS - 1} records; " in result.out


@pytest.mark.usefixtures("published")
def test_a_folder_that_holds_something_is_not_touched(tumorbench, tmp_path):
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "mine.txt").write_text("mine")
    result = tumorbench("submit")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert [path.name for path in (tmp_path / "submission").iterdir()] == ["mine.txt"]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("was_there", [True, False])
def test_where_a_record_cannot_be_signed_nothing_is_left_and_the_same_call_can_be_made_again(
    tumorbench, tmp_path, was_there
):
    folder = tmp_path / "submission"
    if was_there:
        folder.mkdir()
    result = tumorbench("submit", "--sign", "no-key")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert folder.exists() == was_there
    assert not list(tmp_path.glob("submission/*"))
    assert tumorbench("submit").code == 0
