"""Records of models that were trained elsewhere, published, verified and replayed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tumorbench as tb
from tumorbench import registry
from tumorbench.publish.verify import ELSEWHERE
from tumorbench.store import file_sha256
from tumorbench.tables.stored import read_stored


@pytest.fixture
def place(tumorbench, tiny):
    """The published record of an evaluated classifier. Returns its path."""
    rng = np.random.default_rng(3)
    tb.evaluate(lambda images: rng.random((len(images), 3)), dataset="tiny-shapes", name="elsewhere")
    published = tumorbench("publish")
    assert published.code == 0, published.err
    (path,) = tiny.glob("leaderboards/results/cells/tiny-shapes/elsewhere/*/record.json")
    return path


def found_by_verify(tumorbench):
    return json.loads(tumorbench("verify", "--json").out)


def test_it_is_scored_again_without_its_model_and_what_that_leaves_open_is_said(tumorbench, place):
    report = found_by_verify(tumorbench)
    assert report["problems"] == {}
    assert ELSEWHERE in next(iter(report["left_open"].values()))
    assert report["levels"] == {}


def test_its_group_on_the_published_board_is_checked_for_drift(tumorbench, place, tiny):
    board = tiny / "leaderboards/classification.md"
    assert "elsewhere" in board.read_text().partition("## Evaluated")[2]
    assert tumorbench("leaderboard", "--published", "leaderboards", "--check").code == 0
    board.write_text(board.read_text().replace("elsewhere", "everywhere"))
    assert tumorbench("leaderboard", "--published", "leaderboards", "--check").code == 1


def test_a_score_that_its_predictions_do_not_give_is_found(tumorbench, place):
    record = json.loads(place.read_text())
    metric = next(each for each in record["metrics"] if each["name"] == "accuracy")
    metric["value"], metric["interval"] = 0.99, [0.98, 1.0]
    place.write_text(json.dumps(record))
    assert any(
        "accuracy is 0.99" in line
        for line in found_by_verify(tumorbench)["problems"][str(place.relative_to(place.parents[6]))]
    )


def test_a_slice_that_is_left_out_is_found(tumorbench, place):
    predictions = place.parent / "predictions.parquet"
    read_stored(predictions)[1:].to_parquet(predictions, index=False)
    record = json.loads(place.read_text())
    record["artifacts"][0]["sha256"] = file_sha256(predictions)
    place.write_text(json.dumps(record))
    problems = next(iter(found_by_verify(tumorbench)["problems"].values()))
    assert any("lacks 1 slices that its split tests" in line for line in problems)


def test_one_that_pretends_to_a_training_or_to_be_trained_is_found(tumorbench, place):
    sound = json.loads(place.read_text())
    place.write_text(json.dumps(sound | {"parameters": {"total": 1, "trainable": 1}}))
    assert any(
        "has parameters of a training" in line
        for lines in found_by_verify(tumorbench)["problems"].values()
        for line in lines
    )
    place.write_text(json.dumps(sound | {"identity": sound["identity"] | {"origin": "trained"}}))
    problems = [line for lines in found_by_verify(tumorbench)["problems"].values() for line in lines]
    assert "its cell key is not that of its identity" in problems
    assert any("is not installed" in line for line in problems)


def test_it_cannot_be_replayed_and_no_sample_has_it(tumorbench, place, tiny):
    key = json.loads(place.read_text())["cell_key"]
    found = tumorbench("replay", key[:12])
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert "was trained elsewhere" in found.err
    sample = tumorbench("replay", "--sample", "1")
    assert (sample.code, "no finished record to run again" in sample.err) == (2, True)


def test_its_predictions_under_two_names_are_named_as_copies_and_those_of_a_trained_model_stay_sound(tumorbench, tiny):
    tumorbench("run", "-d", "tiny-shapes", "-m", "tiny-classifier", "--protocol", "grouped", "--no-throughput")
    table = pd.read_parquet(next(tiny.glob("runs/cells/*/tiny-classifier/*/predictions.parquet")))
    tb.evaluate(table, dataset="tiny-shapes", name="borrowed")
    found = tumorbench("publish")
    assert "borrowed" in found.err
    assert "its predictions are those of tiny-classifier" in found.err
    assert {path.parts[-3] for path in tiny.glob("leaderboards/results/cells/**/record.json")} == {"tiny-classifier"}


def test_a_metric_that_came_later_is_computed_from_its_predictions(tumorbench, tiny, monkeypatch):
    here = replace(registry.find(), extractors={})  # which take seconds
    monkeypatch.setattr(registry, "find", lambda: here)
    found = tb.evaluate(
        lambda labels: np.random.default_rng(0).random((len(labels), 16, 16)),
        dataset="tiny-shapes",
        name="noise",
        task="generation",
    )
    path = next(tiny.glob("runs/cells/*/noise/*/record.json"))
    record = json.loads(path.read_text())
    record["metrics"] = [each for each in record["metrics"] if each["name"] != "ks_d"]
    record["instruments"] = [each for each in record["instruments"] if each["metric"] != "ks_d"]
    path.write_text(json.dumps(record))
    assert tumorbench("rescore").code == 0
    assert tb.results("runs")[0].metric("ks_d") == found[0].metric("ks_d")
