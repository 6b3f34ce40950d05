"""The table of predictions holds all that its scores follow from, and survives Parquet."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumorbench import registry
from tumorbench.metrics.segmentation import pixel_confusions
from tumorbench.tasks import predictions
from tumorbench.tasks.scores.instruments import metrics_of
from tumorbench.tasks.scores.masks import score_masks
from tumorbench.tasks.scores.scoring import score_classes

CLASSES = ("a", "b", "c")


@pytest.fixture(scope="module")
def here():
    return registry.find()


def through_parquet(table: pd.DataFrame, tmp_path) -> pd.DataFrame:
    table.to_parquet(tmp_path / "predictions.parquet", index=False)
    return pd.read_parquet(tmp_path / "predictions.parquet")


def values_of(applied) -> dict[str, float | None]:
    return {value.name: value.value for each in applied for value in each.metric_values}


def test_a_table_of_classes_has_one_row_a_slice_and_survives_parquet(here, tmp_path):
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), 40).astype(np.float32)
    labels = rng.integers(0, 3, 40)
    ids, groups = [f"s{i}" for i in range(40)], [f"p{i // 2}" for i in range(40)]
    table = predictions.of_classes({"sample_id": ids, "group": groups}, labels, probabilities, CLASSES)
    assert list(table) == ["sample_id", "group", "label", "predicted", "p/a", "p/b", "p/c"]
    assert table["predicted"].tolist() == probabilities.argmax(1).tolist()
    metrics = metrics_of(here, "classification")
    before, after = (score_classes(each, CLASSES, metrics) for each in (table, through_parquet(table, tmp_path)))
    assert before == after
    assert values_of(before)["accuracy"] == (probabilities.argmax(1) == labels).mean()
    expected = -np.log(probabilities[range(40), labels]).mean()
    assert values_of(before)["cross_entropy"] == pytest.approx(expected, rel=1e-6)
    counts = {value.name: value.n for each in before for value in each.metric_values}
    answers = counts.pop("patient_accuracy")  # one for each patient and class of theirs
    assert (answers, set(counts.values())) == (len(set(zip(groups, labels.tolist(), strict=True))), {40})


def test_a_temperature_and_shares_of_attention_are_columns_of_their_own():
    shares = np.array([0.5, np.nan]), np.array([0.25, 0.0])
    table = predictions.of_classes(
        {"sample_id": ["a", "b"], "group": ["", ""]},
        np.array([0, 1]),
        np.eye(3, dtype=np.float32)[:2],
        CLASSES,
        temperature=2.0,
        attention=shares,
    )
    assert list(table)[7:] == ["temperature", "cam_inside", "cam_chance"]
    assert table["temperature"].tolist() == [2.0, 2.0]


def test_a_table_of_masks_survives_parquet_and_holds_the_masks_themselves(here, tmp_path):
    rng = np.random.default_rng(2)
    true, predicted = (rng.integers(0, 2, (6, 8, 8)).astype(np.uint8) for _ in range(2))
    confusions, ceilings = pixel_confusions(true, predicted, 2), pixel_confusions(true, true, 2)
    masks = [predictions.png_of(mask) for mask in predicted]
    columns = {"sample_id": [str(i) for i in range(6)]}
    table = predictions.of_masks(columns, np.zeros(6, np.int64), masks, confusions, ceilings)
    assert list(table) == ["sample_id", "label", "confusion", "ceiling", "mask_png"]
    read = through_parquet(table, tmp_path)
    before, after = (score_masks(each, ("tumour",), metrics_of(here, "segmentation")) for each in (table, read))
    assert before == after
    overlap = ((true == 1) & (predicted == 1)).sum()
    assert values_of(before)["dice"] == pytest.approx(2 * overlap / (true.sum() + predicted.sum()))
    for png, mask in zip(read["mask_png"], predicted, strict=True):
        np.testing.assert_array_equal(predictions.pixels_of(png), mask)


def test_beside_each_value_of_masks_stands_what_a_network_of_that_size_can_reach(here):
    found, right = np.array([[90, 4], [3, 3]]), np.array([[93, 1], [1, 5]])
    table = predictions.of_masks({"sample_id": ["a"]}, np.zeros(1, np.int64), [b""], found[None], right[None])
    values = [
        value
        for each in score_masks(table, ("lesion",), metrics_of(here, "segmentation"))
        for value in each.metric_values
    ]
    by_name = {value.name: (value.value, value.ceiling) for value in values}
    assert by_name["dice"] == pytest.approx((6 / 13, 10 / 12))
    assert by_name["pixel_accuracy"] == pytest.approx((0.93, 0.98))
    assert by_name["keras_meaniou_bug"][1] is None


def test_a_mask_of_512_by_512_pixels_takes_about_a_kilobyte():
    rows, columns = np.ogrid[:512, :512]
    mask = np.zeros((512, 512), np.uint8)
    for label in range(1, 4):
        mask[(rows - 100 * label) ** 2 / 3 + (columns - 250) ** 2 < 40**2] = label
    assert len(predictions.png_of(mask)) < 1500


def test_a_table_of_generated_images_holds_each_image_and_the_label_it_was_asked_for(tmp_path):
    images = np.random.default_rng(3).integers(0, 255, (5, 9, 9), np.uint8)
    read = through_parquet(predictions.of_images(np.array([0, 1, 0, 1, 1]), images), tmp_path)
    assert list(read) == ["sample_id", "label", "image_png"]
    assert (read["sample_id"].tolist()[0], read["label"].tolist()) == ("generated-0", [0, 1, 0, 1, 1])
    found = predictions.images_of(read)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, images)


def test_kinds_of_one_lesion_are_scored_as_a_lesion_and_each_for_itself(here):
    confusion = np.array([[90, 2, 0], [1, 3, 1], [0, 1, 2]])  # of disc: 3 right of 5, of square: 2 of 3
    both = confusion[None], confusion[None]
    table = predictions.of_masks({"sample_id": ["a"]}, np.zeros(1, np.int64), [b""], *both)
    metrics = [metric for metric in metrics_of(here, "segmentation") if metric.spec.id == "dice"]
    found = values_of(score_masks(table, ("disc", "square"), metrics, lesions=True))
    assert found["dice"] == pytest.approx(2 * 7 / (8 + 9))  # lesion against background: 7 in both, 8 true, 9 predicted
    assert found["dice/disc"] == pytest.approx(2 * 3 / (5 + 6))
    assert found["dice/square"] == pytest.approx(2 * 2 / (3 + 3))
    plain = values_of(score_masks(table, ("disc", "square"), metrics))
    assert plain["dice"] == pytest.approx((found["dice/disc"] + found["dice/square"]) / 2)
