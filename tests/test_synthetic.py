"""Train on synthetic, test on real: images that show what they are asked for teach a classifier, and noise does not."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--no-throughput", "--fold", "0")
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
    assert {f"tstr_{arm}{what}" for arm in ("real", "generated", "mixed", "augmented") for what in ("", "_train", "_f1_macro")} == set(artist)


def test_a_generator_that_another_cell_has_trained_is_not_trained_again(tumorbench, tmp_path):
    tumorbench("run", *JUDGED, "-m", "tiny-artist", "--protocol", "grouped")
    tumorbench("run", *JUDGED, "-m", "tiny-artist", "--protocol", "tstr")
    found = records(tmp_path / "runs", "tiny-artist")
    assert found["tstr"]["history"] == found["grouped"]["history"]
    assert found["tstr"]["cell_key"] != found["grouped"]["cell_key"]


def test_every_arm_and_seed_of_the_classifier_is_in_the_predictions(tumorbench, tmp_path):
    tumorbench("run", *JUDGED, "-m", "tiny-noise", "--protocol", "tstr-paper")
    table = pd.read_parquet(next(tmp_path.glob("runs/cells/tiny-shapes/tiny-noise/*/predictions.parquet")))
    assert table.groupby(["arm", "classifier_seed"]).size().tolist() == [30] * 12
    record = records(tmp_path / "runs", "tiny-noise")["tstr-paper"]
    expected = {arm: (rows["predicted"] == rows["label"]).mean() for arm, rows in table.groupby("arm")}
    assert {arm: values(record)[f"tstr_{arm}"] for arm in expected} == pytest.approx(expected)
    low, high = next(metric["interval"] for metric in record["metrics"] if metric["name"] == "tstr_mixed")
    assert low <= values(record)["tstr_mixed"] <= high


def test_it_runs_only_where_it_is_named_and_for_generators_that_make_a_class(tumorbench, tmp_path):
    cells = json.loads(tumorbench("plan", "-d", "tiny-shapes", "--json").out)
    assert "tstr" not in {cell["protocol"] for cell in cells}
    named = json.loads(tumorbench("plan", "-d", "tiny-shapes", "--protocol", "tstr", "--json").out)
    assert {cell["model"] for cell in named} >= {"tiny-artist", "tiny-noise"}
    assert "tiny-generator" not in {cell["model"] for cell in named}
    assert tumorbench("run", *JUDGED, "-m", "tiny-generator", "--protocol", "tstr").code == 2


def test_epochs_of_a_generator_are_compared_on_held_out_images(tumorbench, tmp_path):
    tumorbench("run", *SELECTION, "-m", "tiny-noise", "-m", "tiny-artist", "--protocol", "grouped")
    noise, artist = (records(tmp_path / "runs", model)["grouped"]["history"] for model in ("tiny-noise", "tiny-artist"))
    assert {"val_pixel_kid", "val_brightness"} <= set(noise[0])
    assert min(entry["val_pixel_kid"] for entry in noise) > 10 * max(abs(entry["val_pixel_kid"]) for entry in artist)
