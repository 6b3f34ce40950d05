"""Train on synthetic, test on real: images that show what they are asked for teach a classifier, and noise does not."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tumorbench import training

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--no-throughput", "--fold", "0")
VALIDATION = {
    f"val_{value}/{name}" for value in ("block_distance", "brightness") for name in ("disc", "square", "none")
}
JUDGED = (*SELECTION, "--judge", "tiny-classifier[width=16]", "--budget", "full")


def records(store: Path, model: str) -> dict[str, dict]:
    """Every record of the model by its protocol."""
    found = [json.loads(path.read_text()) for path in store.glob(f"cells/tiny-shapes/{model}/*/record.json")]
    return {record["identity"]["protocol"]: record for record in found}


def values(record: dict) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in record["metrics"]}


def test_images_that_show_their_class_teach_and_noise_does_not(tumorbench, tmp_path):
    result = tumorbench("run", *JUDGED, "-m", "tiny-artist", "-m", "tiny-noise", "--protocol", "tstr")
    assert result.code == 0, result.err
    artist, noise = (values(records(tmp_path / "runs", model)["tstr"]) for model in ("tiny-artist", "tiny-noise"))
    assert artist["tstr_real"] == noise["tstr_real"]  # the same classifier on the same images
    assert artist["tstr_real"] > 0.6
    assert artist["tstr_generated"] > noise["tstr_generated"] + 0.15
    assert {
        f"tstr_{arm}{what}"
        for arm in ("real", "generated", "mixed", "augmented")
        for what in ("", "_train", "_f1_macro")
    } == set(artist)


def test_a_generator_that_another_cell_has_trained_is_not_trained_again(tumorbench, tmp_path):
    tumorbench("run", *JUDGED, "-m", "tiny-artist", "--protocol", "grouped")
    tumorbench("run", *JUDGED, "-m", "tiny-artist", "--protocol", "tstr")
    found = records(tmp_path / "runs", "tiny-artist")
    assert found["tstr"]["history"] == found["grouped"]["history"]
    assert found["tstr"]["cell_key"] != found["grouped"]["cell_key"]
    assert found["tstr"]["timing"]["train_s"] == 0.0 < found["grouped"]["timing"]["train_s"]


def test_every_arm_and_seed_of_the_classifier_is_in_the_predictions(tumorbench, tmp_path):
    tumorbench("run", *JUDGED, "-m", "tiny-noise", "--protocol", "tstr-paper")
    table = pd.read_parquet(next(tmp_path.glob("runs/cells/tiny-shapes/tiny-noise/*/predictions.parquet")))
    assert table.groupby(["arm", "classifier_seed"]).size().tolist() == [30] * 12
    record = records(tmp_path / "runs", "tiny-noise")["tstr-paper"]
    expected = {arm: (rows["predicted"] == rows["label"]).mean() for arm, rows in table.groupby("arm")}
    assert {arm: values(record)[f"tstr_{arm}"] for arm in expected} == pytest.approx(expected)
    low, high = next(metric["interval"] for metric in record["metrics"] if metric["name"] == "tstr_mixed")
    assert low <= values(record)["tstr_mixed"] <= high


def test_a_generator_without_classes_is_trained_once_for_each(tumorbench, tmp_path):
    result = tumorbench("run", *JUDGED, "-m", "tiny-average", "-m", "tiny-noise", "--protocol", "tstr")
    assert result.code == 0, result.err
    average, noise = (records(tmp_path / "runs", model)["tstr"] for model in ("tiny-average", "tiny-noise"))
    assert (
        values(average)["tstr_generated"] > values(noise)["tstr_generated"] + 0.15
    )  # a mean over all classes would teach nothing
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
    assert tumorbench("run", *selection, "--store", str(tmp_path / "other")).code == 0
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


def test_epochs_of_a_generator_are_compared_on_held_out_images(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-noise", "-m", "tiny-artist", "--protocol", "grouped")
    noise, artist = (records(tmp_path / "runs", model)["grouped"]["history"] for model in ("tiny-noise", "tiny-artist"))
    assert {"val_block_distance", "val_brightness"} <= set(noise[0])
    parts = records(tmp_path / "runs", "tiny-noise")["grouped"]["parts"]
    assert parts["val"]["brightness"] == pytest.approx(noise[-1]["val_brightness"], abs=0.01)
    assert parts["test"]["n"] == 36
    figures = next(tmp_path.glob("runs/cells/tiny-shapes/tiny-noise/grouped-*/figures"))
    assert {"closest-pairs-in-pixels.png", "samples.png"} <= {path.name for path in figures.iterdir()}
    assert min(entry["val_block_distance"] for entry in noise) > 3 * max(
        entry["val_block_distance"] for entry in artist
    )
