"""Cells end with a record whatever happens, are computed once, and continue where a killed run stopped."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")


def records(store: Path) -> dict[str, dict]:
    """Every record of a store by its model."""
    return {
        (record := json.loads(path.read_text()))["identity"]["model"]: record
        for path in sorted(store.glob("cells/**/record.json"))
    }


def metrics(record: dict) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in record["metrics"]}


def numbers(record: dict) -> tuple:
    """What a run computed, without the times it took."""
    history = [{name: value for name, value in entry.items() if name != "wall_s"} for entry in record["history"]]
    predictions = [each["sha256"] for each in record["artifacts"] if each["kind"] in ("predictions", "checkpoint")]
    return metrics(record), history, predictions, record["best_epoch"], record["confusion"]


def test_every_family_trains_and_scores_better_than_chance(tumorbench, tmp_path):
    models = ("-m", "tiny-classifier", "-m", "tiny-segmenter", "-m", "tiny-generator")
    result = tumorbench("run", *SELECTION, *models, "--budget", "full", "--fold", "0", "--seed", "0")
    assert result.code == 0, result.err
    found = records(tmp_path / "runs")
    assert metrics(found["tiny-classifier"])["accuracy"] > 0.6
    assert metrics(found["tiny-segmenter"])["dice"] > 0.5
    assert metrics(found["tiny-generator"])["ks_d"] < 1
    assert found["tiny-generator"]["metrics"][0]["real_vs_real"] is not None


def test_the_record_says_what_was_run_and_its_files_are_what_it_says(tumorbench, tmp_path):
    import hashlib

    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    path = next(tmp_path.glob("runs/cells/**/record.json"))
    record = json.loads(path.read_text())
    assert (
        record["command"]
        == "tumorbench run -d tiny-shapes -m 'tiny-classifier' --protocol grouped --fold 0 --budget quick --seed 0"
    )
    assert record["sizes"] == {"train": 126, "val": 18, "test": 36}
    assert record["leakage"] == {
        "test_samples": 36,
        "groups_on_both_sides": 0,
        "test_samples_of_shared_groups": 0,
        "identical_test_images": 0,
        "near_identical_test_images": 0,
        "unknown_patient_test_images": 0,
        "pretraining_test_images": None,
    }
    assert len(record["artifacts"]) > 3
    for artifact in record["artifacts"]:
        assert hashlib.sha256((path.parent / artifact["path"]).read_bytes()).hexdigest() == artifact["sha256"]


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        ("tiny-nan", "failed", "not finite in epoch 1"),
        ("tiny-crash", "failed", "ZeroDivisionError: a fault of the model"),
        ("tiny-oom", "oom", "OutOfMemoryError"),
    ],
)
def test_a_failing_cell_ends_with_its_status_and_the_run_goes_on(tumorbench, tmp_path, model, status, reason):
    result = tumorbench("run", *SELECTION, "-m", model, "-m", "tiny-classifier")
    found = records(tmp_path / "runs")
    assert result.code == 1
    assert found[model]["status"] == status
    assert reason in found[model]["reason"]
    assert reason in result.out
    assert found["tiny-classifier"]["status"] == "ok"


def test_missing_weights_skip_the_cell_without_failing_the_run(tumorbench, tmp_path):
    result = tumorbench("run", *SELECTION, "-m", "tiny-weightless")
    assert result.code == 0
    assert records(tmp_path / "runs")["tiny-weightless"]["status"] == "skipped"
    assert "give --weights FILE" in result.out


def test_a_cell_that_takes_too_long_times_out_and_continues_later(tumorbench, tmp_path):
    first = tumorbench("run", *SELECTION, "-m", "tiny-slow", "--timeout", "1.6")
    assert first.code == 1
    record = records(tmp_path / "runs")["tiny-slow"]
    assert record["status"] == "timeout"
    assert len(record["history"]) in (1, 2)
    assert f"out of time in epoch {len(record['history']) + 1}" in record["reason"]
    assert tumorbench("run", *SELECTION, "-m", "tiny-slow").code == 0
    assert records(tmp_path / "runs")["tiny-slow"]["status"] == "ok"


def test_the_same_command_again_computes_nothing(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    path = next(tmp_path.glob("runs/cells/**/record.json"))
    before = path.read_bytes(), path.stat().st_mtime_ns
    again = tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    assert "1 cell, 1 of them cached" in again.err
    assert "epoch" not in again.err
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_force_computes_again_with_the_same_numbers(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    before = records(tmp_path / "runs")["tiny-classifier"]
    again = tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--force")
    assert "epoch 1/3" in again.err
    assert numbers(records(tmp_path / "runs")["tiny-classifier"]) == numbers(before)


def test_a_failure_is_recorded_but_not_cached(tumorbench):
    tumorbench("run", *SELECTION, "-m", "tiny-nan")
    assert "1 cell, 0 of them cached" in tumorbench("run", *SELECTION, "-m", "tiny-nan").err


def test_deterministic_runs_into_two_stores_give_identical_predictions(tumorbench, tmp_path):
    models = ("tiny-classifier", "tiny-segmenter", "tiny-generator")
    for store in ("one", "two"):
        assert (
            tumorbench(
                "run",
                *SELECTION,
                *(part for model in models for part in ("-m", model)),
                "--deterministic",
                "--store",
                store,
            ).code
            == 0
        )
    one, two = records(tmp_path / "one"), records(tmp_path / "two")
    for model in models:
        assert numbers(one[model]) == numbers(two[model])
        assert one[model]["determinism"]["mode"] == "deterministic"


def test_seeds_give_different_numbers_and_are_cells_of_their_own(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier", "--seeds", "2")
    found = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("runs/cells/**/record.json"))]
    assert {record["identity"]["seed"] for record in found} == {0, 1}
    assert found[0]["history"][0]["loss"] != found[1]["history"][0]["loss"]


def test_a_killed_run_ends_with_the_numbers_of_an_uninterrupted_one(tumorbench_process, tmp_path):
    command = ("run", *SELECTION, "-m", "tiny-slow", "--checkpoint-every", "0")
    killed = tumorbench_process(*command, "--store", "killed")
    progress, deadline = tmp_path / "killed/cells/tiny-shapes/tiny-slow", time.monotonic() + 120
    while not list(progress.glob("*/progress.pt")):
        assert time.monotonic() < deadline, "no epoch was finished in 120 s"
        assert killed.poll() is None, killed.communicate()[1]
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    assert not list(progress.glob("*/record.json"))

    for store in ("killed", "whole"):
        process = tumorbench_process(*command, "--store", store)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    continued, whole = (records(tmp_path / store)["tiny-slow"] for store in ("killed", "whole"))
    assert continued["timing"]["resumed_from_epoch"] in (1, 2)
    assert whole["timing"]["resumed_from_epoch"] is None
    assert numbers(continued) == numbers(whole)


def test_all_takes_the_synthetic_set_only_where_no_real_one_is(tumorbench):
    plan = json.loads(tumorbench("plan", "--all", "--json").out)
    assert {cell["dataset"] for cell in plan if cell["cell_key"]} == {"tiny-shapes", "phantom"}
    absent = {cell["dataset"]: cell["reason"] for cell in plan if cell["status"] == "unavailable"}
    assert "tumorbench data fetch figshare3064" in absent["figshare3064"]
    assert set(absent) == {"figshare3064", "kaggle3264", "kaggle7023", "yesno253"}


def test_published_records_are_scored_again_and_tampering_is_found(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier", "-m", "tiny-segmenter")
    assert tumorbench("publish").code == 0
    verified = tumorbench("verify")
    assert "2 records checked, 0 files with problems" in verified.out, verified.err
    assert tumorbench("leaderboard", "--published", "leaderboards", "--check").code == 0

    path = next(tmp_path.glob("leaderboards/results/cells/**/tiny-classifier/**/record.json"))
    record = json.loads(path.read_text())
    record["metrics"][0]["value"] = 0.999
    path.write_text(json.dumps(record))
    found = tumorbench("verify")
    assert found.code == 1
    assert "0.999 in the record" in found.err
    assert tumorbench("leaderboard", "--published", "leaderboards", "--check").code == 1


def test_no_picture_of_a_real_slice_is_published(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier", "-m", "tiny-segmenter", "-m", "tiny-generator")
    tumorbench("publish")
    names = {path.name for path in (tmp_path / "leaderboards").rglob("*") if path.is_file()}
    assert "predictions.parquet" in names
    assert "samples.png" in names  # generated ones
    assert not names & {
        "worst-mistakes.png",
        "predictions.png",
        "masks.png",
        "real-samples.png",
        "closest-pairs-in-pixels.png",
        "checkpoint.pt",
    }


def test_a_record_is_replayed_to_the_same_numbers(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    key = records(tmp_path / "runs")["tiny-classifier"]["cell_key"]
    result = tumorbench("replay", key[:10])
    assert result.code == 0, result.err
    count = len(records(tmp_path / "runs")["tiny-classifier"]["metrics"])
    assert f"{count} of {count} metrics are equal" in result.out


def test_a_replay_forgives_the_rounding_of_other_batches_and_names_what_is_beyond_it(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier")
    (path,) = (tmp_path / "runs" / "cells").rglob("record.json")
    record = json.loads(path.read_text())
    changed = {"cross_entropy": 2e-6, "ece": 1e-3}
    for metric in record["metrics"]:
        metric["value"] += changed.get(metric["name"], 0)
    path.write_text(json.dumps(record))
    result = tumorbench("replay", str(path.parent), "--json")
    assert result.code == 1, result.err
    assert [each["metric"] for each in json.loads(result.out)["differences"]] == ["ece"]


def test_compare_pairs_the_cells_of_two_models(tumorbench):
    tumorbench("run", *SELECTION, "-m", "tiny-classifier", "-m", "tiny-slow", "--fold", "0", "--fold", "1")
    rows = {
        row["metric"]: row for row in json.loads(tumorbench("compare", "tiny-classifier", "tiny-slow", "--json").out)
    }
    assert rows["accuracy"]["cells"] == 2
    assert rows["accuracy"]["difference"] == pytest.approx(
        rows["accuracy"]["tiny-classifier"] - rows["accuracy"]["tiny-slow"]
    )
