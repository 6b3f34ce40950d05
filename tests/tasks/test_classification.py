"""A classifier's cell: its table, where it looks, and its figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorbench.tasks.predictions import COPY


def test_the_table_is_of_the_test_slices_in_order(cells):
    done = cells.done("tiny-classifier")
    table, cell = done.prediction.table, done.cell
    assert table["sample_id"].tolist() == [cell.dataset.samples[index].id for index in cell.split.test]
    assert table["group"].tolist() == [cell.dataset.samples[index].patient for index in cell.split.test]
    assert table["label"].tolist() == cell.labels[cell.split.test].tolist()
    assert table["temperature"].nunique() == 1
    assert table["temperature"].iloc[0] == done.prediction.temperature > 0


def test_the_confusion_counts_what_was_predicted(cells):
    done = cells.done("tiny-classifier")
    confusion = np.array(done.scores.confusion)
    assert confusion.sum() == len(done.prediction.table)
    assert np.trace(confusion) / confusion.sum() == done.by_name["accuracy"]


def test_attention_is_measured_inside_the_masks_beside_chance(cells):
    done = cells.done("tiny-classifier")
    (value,) = (value for value in done.scores.metrics if value.name == "cam_in_mask")
    table = done.prediction.table
    masked = table["label"] < 2  # the third class has no lesion
    assert table.loc[~masked, "cam_inside"].isna().all()
    assert value.n == table["cam_inside"].notna().sum() <= masked.sum()
    assert value.value == pytest.approx(table["cam_inside"].mean())
    assert value.by_chance == pytest.approx(table.loc[table["cam_inside"].notna(), "cam_chance"].mean())


def test_without_masks_a_few_slices_are_explained_for_the_figure_alone(cells, tmp_path):
    done = cells.done("tiny-classifier")
    slices = tuple(replace(where, mask_offset=-1) for where in cells.dataset.slices)
    cell = replace(done.cell, dataset=replace(cells.dataset, slices=slices))
    prediction = done.task.predict(done.network, cell, done.material, cells.tools, tmp_path)
    assert "cam_inside" not in prediction.table
    right = prediction.table["predicted"] == prediction.table["label"]
    shown = prediction.pictures["attended"]
    assert [right[shown].sum(), (~right[shown]).sum()] == [min(6, right.sum()), min(6, (~right).sum())]
    assert len(prediction.pictures["maps"]) == len(shown)
    scores = done.task.score(prediction.table, done.given)
    assert "cam_in_mask" not in {value.name for value in scores.metrics}
    drawn = dict(done.task.draw(cell, done.history, 1, prediction, scores, tmp_path, tmp_path / "figures"))
    assert "attention" in drawn


def test_a_source_that_enlarged_its_test_set_is_scored_on_as_many_copies(cells):
    done = cells.done("tiny-copies", "paper")
    table = done.prediction.table
    assert len(table) == 3 * 30
    numbers = table["sample_id"].str.partition(COPY)
    assert numbers[2].tolist() == [""] * 30 + ["1"] * 30 + ["2"] * 30
    assert numbers[0].tolist() == table["sample_id"].tolist()[:30] * 3
    assert table["label"].tolist() == table["label"].tolist()[:30] * 3
    assert table["cam_inside"][30:].isna().all()
    assert not np.array_equal(table["p/disc"][:30], table["p/disc"][30:60])
    parts = ("cam_in_mask", "accuracy_clean", "accuracy_leaked", "patient_accuracy")
    assert {value.n for value in done.scores.metrics if value.name not in parts} == {90}


def test_only_the_paper_protocol_enlarges_the_test_set(cells):
    done = cells.done("tiny-copies")
    assert not done.prediction.table["sample_id"].str.contains(COPY).any()


def test_a_frozen_backbone_is_predicted_from_its_features_as_from_the_images(cells):
    from tumorbench.tasks.inference import autocast_of, batches_of, classify

    done = cells.done("tiny-transfer")
    autocast = autocast_of(done.cell, cells.tools)
    found = classify(done.network, batches_of(done.material.slices["test"], done.cell), autocast)
    table = done.prediction.table[["p/disc", "p/square", "p/none"]].to_numpy()
    np.testing.assert_allclose(found, table, atol=1e-5)
    assert done.material.learned["train"].images.shape[:2] == (3, 126)  # views of each slice


def test_the_figures_show_confusion_mistakes_calibration_and_attention(cells, tmp_path):
    done = cells.done("tiny-classifier")
    figures = tmp_path / "figures"
    drawn = dict(done.task.draw(done.cell, done.history, 2, done.prediction, done.scores, done.folder, figures))
    titles = ["learning curves", "confusion matrix", "worst mistakes", "predictions", "calibration", "attention"]
    assert list(drawn) == titles
    assert all(path.parent == figures and path.stat().st_size > 1000 for path in drawn.values())
