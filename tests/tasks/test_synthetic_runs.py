"""Train on synthetic, test on real, as whole runs: what is trained, and what goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tumorbench import training

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--no-throughput", "--fold", "0")
VALIDATION = {
    f"val_{value}/{name}" for value in ("block_distance", "brightness") for name in ("disc", "square", "none")
}
JUDGED = (*SELECTION, "--judge", "tiny-classifier[width=16]", "--budget", "full", "--seed", "0")


def records(store: Path, model: str) -> dict[str, dict]:
    """Every record of the model by its protocol."""
    found = [json.loads(path.read_text()) for path in store.glob(f"cells/tiny-shapes/{model}/*/record.json")]
    return {record["identity"]["protocol"]: record for record in found}


def values(record: dict) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in record["metrics"]}


def test_a_generator_that_another_cell_has_trained_is_not_trained_again(tumorbench, tmp_path):
    tumorbench("run", *JUDGED, "-m", "tiny-artist", "--protocol", "grouped")
    tumorbench("run", *JUDGED, "-m", "tiny-artist", "--protocol", "tstr")
    found = records(tmp_path / "runs", "tiny-artist")
    assert found["tstr"]["history"] == []
    assert found["tstr"]["cell_key"] != found["grouped"]["cell_key"]
    assert found["tstr"]["timing"]["train_s"] == 0.0 < found["grouped"]["timing"]["train_s"]


def test_a_generator_without_classes_is_trained_once_for_each(tumorbench, tmp_path):
    result = tumorbench("run", *JUDGED, "-m", "tiny-average", "--protocol", "tstr")
    assert result.code == 0, result.err
    average = records(tmp_path / "runs", "tiny-average")["tstr"]
    assert average["parameters"] == {"total": 3 * 32 * 32, "trainable": 3 * 32 * 32}
    assert set(average["history"][0]) == {
        "epoch",
        "learning_rate",
        "wall_s",
        "loss/disc",
        "loss/square",
        "loss/none",
        *VALIDATION,
    }
    assert [entry["epoch"] for entry in average["history"]] == [1, 2, 3, 4]
    assert "epoch 4/4: loss/none" in result.err + result.out


def test_a_killed_run_of_one_network_a_class_continues_with_the_class_and_epoch_where_it_was(
    tumorbench, tmp_path, monkeypatch
):
    selection = (*JUDGED, "-m", "tiny-average", "--protocol", "tstr")
    tumorbench("run", *selection)
    whole = records(tmp_path / "runs", "tiny-average")["tstr"]
    calls, fit = [], training.fit

    def dies_in_the_second_class(*arguments, **options):
        calls.append(None)
        if len(calls) == 2:
            options["deadline"] = 0.0
        return fit(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(training, "fit", dies_in_the_second_class)
        tumorbench("run", *selection, "--store", str(tmp_path / "other"))
    died = records(tmp_path / "other", "tiny-average")["tstr"]
    assert died["status"] == "timeout"
    result = tumorbench("run", *selection, "--store", str(tmp_path / "other"))
    assert result.code == 0, result.err
    continued = records(tmp_path / "other", "tiny-average")["tstr"]
    assert values(continued) == values(whole)
    assert [without_seconds(entry) for entry in continued["history"]] == [
        without_seconds(entry) for entry in whole["history"]
    ]
    assert not list((tmp_path / "other").rglob("progress*.pt"))


def without_seconds(entry: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in entry.items() if name != "wall_s"}


def test_it_runs_only_where_it_is_named(tumorbench):
    cells = json.loads(tumorbench("plan", "-d", "tiny-shapes", "--json").out)
    assert "tstr" not in {cell["protocol"] for cell in cells}
    named = json.loads(tumorbench("plan", "-d", "tiny-shapes", "--protocol", "tstr", "--json").out)
    assert {cell["model"] for cell in named} >= {"tiny-artist", "tiny-average", "tiny-generator", "tiny-noise"}
    assert tumorbench("run", *JUDGED, "-m", "tiny-classifier", "--protocol", "tstr").code == 2
