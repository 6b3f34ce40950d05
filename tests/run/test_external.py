"""Trained on one data set and tested on another, or pre-trained without what is tested."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

SUPPORT = Path(__file__).parents[1] / "support"
PATIENTS = {f"{name}-{patient}" for name in ("disc", "square") for patient in range(10, 20)}  # of both sets
EXTERNAL = ("-d", "scans", "--train-on", "others", "--protocol", "external", "--budget", "quick")


@pytest.fixture
def pair(tiny, install_plugin) -> Path:
    """``pair-plugin`` is installed beside ``tiny-plugin``. Returns the working folder."""
    install_plugin("pair-plugin", pair_plugin=(SUPPORT / "pair_plugin.py").read_text())
    return tiny


def records(folder: Path) -> dict[str, tuple[Path, dict]]:
    """Every record below the folder with its path, by its model."""
    found = [(path, json.loads(path.read_text())) for path in sorted(folder.glob("cells/*/*/*/record.json"))]
    return {record["identity"]["model"]: (path, record) for path, record in found}


def split_of(folder: Path, record: dict) -> dict[str, list[str]]:
    """The stored split of a record, by ids."""
    found = map(json.loads, (path.read_text() for path in folder.glob("splits/*/*.json")))
    return next(each for each in found if each["fingerprint"] == record["identity"]["split_fingerprint"])


def patient_of(name: str) -> str:
    return name.rpartition(":")[2].rpartition("-")[0]


def test_a_cell_learns_from_the_other_set_without_what_it_is_tested_on(tumorbench, pair):
    result = tumorbench("run", *EXTERNAL, "-m", "tiny-classifier", "-m", "tiny-segmenter")
    assert result.code == 0, result.err
    for path, record in records(pair / "runs").values():
        parts = split_of(pair / "runs", record)
        learned = {*parts["train"], *parts["val"]}
        tested = {patient_of(each) for each in parts["test"]}
        assert all(each.startswith("others:") for each in learned)
        assert tested & PATIENTS
        assert not {patient_of(each) for each in learned} & tested
        assert record["classes"] == ["disc", "square"]
        assert record["identity"]["trained_on"]["dataset"] == "others"
        assert record["taken_out"]["training_slices"] >= 2 * len(tested & PATIENTS)
        assert record["taken_out"]["test_slices"] == 12
        assert record["leakage"]["identical_test_images"] == record["leakage"]["near_identical_test_images"] == 0
        assert set(pd.read_parquet(path.parent / "predictions.parquet")["sample_id"]) == set(parts["test"])


def test_the_test_part_is_that_of_the_grouped_fold_without_the_classes_that_were_not_learned(tumorbench, pair):
    tumorbench("run", *EXTERNAL, "-m", "tiny-classifier", "--fold", "2")
    external = split_of(pair / "runs", records(pair / "runs")["tiny-classifier"][1])["test"]
    grouped = ("-d", "scans", "--protocol", "grouped", "--budget", "quick", "-m", "tiny-transfer", "--fold", "2")
    tumorbench("run", *grouped)
    own = split_of(pair / "runs", records(pair / "runs")["tiny-transfer"][1])["test"]
    assert external == [each for each in own if not each.startswith("none")]


def test_a_finished_cell_is_cached_and_another_set_to_train_on_makes_another_cell(tumorbench, pair):
    tumorbench("run", *EXTERNAL, "-m", "tiny-classifier")
    (cell,) = json.loads(tumorbench("plan", *EXTERNAL, "-m", "tiny-classifier", "--json").out)
    assert (cell["status"], cell["trained_on"]) == ("cached", "others")
    grouped = ("-d", "scans", "--protocol", "grouped", "--budget", "quick", "-m", "tiny-classifier")
    (other,) = json.loads(tumorbench("plan", *grouped, "--json").out)
    assert (other["status"], other["trained_on"]) == ("to run", None)
    assert other["cell_key"] != cell["cell_key"]


def test_the_record_s_command_names_the_set_trained_on_and_replays_to_the_same_numbers(tumorbench, pair):
    tumorbench("run", *EXTERNAL, "-m", "tiny-classifier")
    record = records(pair / "runs")["tiny-classifier"][1]
    assert "--protocol external --train-on others --fold 0" in record["command"]
    assert tumorbench("run", *record["command"].replace("'", "").split()[2:]).err.count("epoch") == 0
    result = tumorbench("replay", record["cell_key"][:10])
    assert result.code == 0, result.err


def test_a_killed_cell_goes_on_and_a_worker_of_its_own_computes_it(tumorbench, pair):
    result = tumorbench("run", *EXTERNAL, "-m", "tiny-classifier", "--executor", "local")
    assert result.code == 0, result.err
    assert records(pair / "runs")["tiny-classifier"][1]["status"] == "ok"


def test_classes_are_mapped_by_the_tested_set_s_card(tumorbench, pair):
    selection = ("-d", "answers", "--train-on", "scans", "--protocol", "external", "--budget", "quick")
    result = tumorbench("run", *selection, "-m", "tiny-classifier")
    assert result.code == 0, result.err
    record = records(pair / "runs")["tiny-classifier"][1]
    assert record["classes"] == ["no", "yes"]
    assert sum(record["sizes"].values()) - record["sizes"]["test"] == 180  # three classes of 60 slices


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-d", "scans", "-m", "tiny-classifier", "--protocol", "external"), "--train-on DATASET go together"),
        (("-d", "scans", "-m", "tiny-classifier", "--train-on", "others"), "--protocol external and --train-on"),
        ((*EXTERNAL, "-m", "tiny-artist"), "not generators"),
        (
            ("-d", "scans", "-m", "tiny-classifier", "--protocol", "external", "--train-on", "scans"),
            "name another set with --train-on",
        ),
        (
            ("-d", "scans", "-m", "tiny-classifier", "--protocol", "external", "--train-on", "answers"),
            "0 classes in common",
        ),
        (
            ("-d", "answers", "-m", "tiny-segmenter", "--protocol", "external", "--train-on", "scans"),
            "no model has a task",
        ),
        (("-d", "scans", "-m", "tiny-classifier", "--protocol", "external", "--train-on", "othes"), "others"),
        (("-d", "scans", "-m", "tiny-classifier", "--leave-out", "others"), "--protocol paper"),
    ],
)
def test_what_cannot_be_trained_so_is_refused_in_one_line(tumorbench, pair, arguments, reason):
    result = tumorbench("plan", *arguments)
    assert result.code == 2
    assert reason in result.err
    assert [line for line in result.err.splitlines() if not line.startswith("decoding")] == [
        result.err.splitlines()[-1]
    ]


def test_published_external_records_verify_and_their_row_names_the_set_trained_on(tumorbench, pair):
    tumorbench("run", *EXTERNAL, "-m", "tiny-classifier")
    assert tumorbench("publish").code == 0
    result = tumorbench("verify")
    assert result.code == 0, result.err
    page = (pair / "leaderboards" / "scans.md").read_text()
    rows = [line for line in page.splitlines() if "`external` (trained on `others`; not ranked)" in line]
    taken = records(pair / "runs")["tiny-classifier"][1]["taken_out"]["training_slices"]
    assert any(f"{taken} matching training slices taken out" in row for row in rows)


HEIR = ("run", "-d", "scans", "-m", "descendant", "--budget", "quick")


def test_weights_that_another_set_trained_have_not_seen_what_grouped_tests(tumorbench, pair):
    result = tumorbench(*HEIR, "--protocol", "grouped", "--fold", "1")
    assert result.code == 0, result.err
    (_, heir), (_, origin) = (records(pair / "runs")[name] for name in ("descendant", "origin"))
    assert heir["identity"]["starts_from"] == origin["cell_key"]
    assert origin["identity"]["leaves_out"]["dataset"] == "scans"
    learned = {patient_of(each) for each in split_of(pair / "runs", origin)["train"]}
    tested = {patient_of(each) for each in split_of(pair / "runs", heir)["test"]}
    assert tested & PATIENTS
    assert not learned & tested
    assert heir["leakage"]["pretraining_test_images"] == 0
    assert origin["taken_out"]["training_slices"] >= 2 * len(tested & PATIENTS)
    assert "--protocol paper --leave-out scans --fold 1" in origin["command"]
    assert tumorbench("run", *origin["command"].replace("'", "").split()[2:]).err.count("epoch") == 0
    page = (pair / "runs" / "boards" / "scans.md").read_text()
    assert "without what scans tests" in page + (pair / "runs" / "boards" / "others.md").read_text()
    rows = [line for line in page.splitlines() if "`descendant`" in line and "`grouped`" in line]
    assert rows
    assert not any("not ranked" in row for row in rows)


def test_a_row_whose_pretraining_saw_the_test_does_not_rank_and_says_so(tumorbench, pair):
    """As before pre-training left anything out: the weights of the whole other set."""
    tumorbench(*HEIR, "--protocol", "grouped")
    path, record = records(pair / "runs")["descendant"]
    record["leakage"]["pretraining_test_images"] = 8
    path.write_text(json.dumps(record))
    tumorbench("leaderboard", "--store", "runs")
    page = (pair / "runs" / "boards" / "scans.md").read_text()
    rows = [line for line in page.splitlines() if "`descendant`" in line and "`grouped`" in line]
    assert any("`grouped` (not ranked)" in row for row in rows)
    assert any("pre-training saw 8 of 36 test images" in row for row in rows)


def test_weights_of_a_card_that_names_a_data_set_have_seen_what_matches_it(tumorbench, pair):
    result = tumorbench("run", "-d", "scans", "-m", "schooled", "--protocol", "grouped", "--budget", "quick")
    assert result.code == 0, result.err
    record = records(pair / "runs")["schooled"][1]
    tested = {patient_of(each) for each in split_of(pair / "runs", record)["test"]}
    assert record["leakage"]["pretraining_test_images"] >= 2 * len(tested & PATIENTS) > 0
