"""A segmenter's cell: masks of lesions, or masks that tell the classes apart."""

from __future__ import annotations

import numpy as np
import pytest

from tumorbench.metrics.segmentation import pixel_confusion
from tumorbench.tasks import native
from tumorbench.tasks.outlines import Outlines, differing
from tumorbench.tasks.predictions import pixels_of


def test_the_table_has_each_slice_with_its_pixel_confusion_and_mask(cells):
    done = cells.done("tiny-segmenter")
    table = done.prediction.table
    outlines = ["surfaces", "lesions", "ceiling_surfaces", "ceiling_lesions", "spacing_mm"]
    assert list(table)[:7] == ["sample_id", "group", "cluster", "leaked", "label", "confusion", "ceiling"]
    assert list(table)[7:] == [*outlines, "mask_png"]
    assert all(sum(confusion) == 32 * 32 for confusion in table["confusion"])
    assert done.scores.confusion is None
    assert done.by_name["dice"] > 0.3


def test_the_stored_mask_and_the_data_set_s_own_give_the_confusion(cells):
    done = cells.done("tiny-joint")
    place = {sample.id: number for number, sample in enumerate(done.cell.dataset.samples)}
    for row in done.prediction.table.itertuples():
        true = native.true_mask(done.cell, place[row.sample_id])
        confusion = pixel_confusion(true, pixels_of(row.mask_png), 4)
        assert confusion.ravel().tolist() == row.confusion


def test_the_stored_mask_and_the_data_set_s_own_give_distances_and_lesions(cells):
    for model in ("tiny-segmenter", "tiny-joint"):
        done = cells.done(model)
        place = {sample.id: number for number, sample in enumerate(done.cell.dataset.samples)}
        for row in done.prediction.table.itertuples():
            true = native.true_mask(done.cell, place[row.sample_id])
            assert not differing(row.surfaces, row.lesions, Outlines.of(true, pixels_of(row.mask_png)))
        assert done.by_name["hd95"] > 0
        assert done.by_name["hd95_mm"] is None  # its card does not say how large a pixel is
        ceilings = {value.name: value.ceiling for value in done.scores.metrics}
        assert ceilings["hd95"] < done.by_name["hd95"]
        assert (ceilings["lesion_recall"], done.by_name["lesion_recall"] > 0.3) == (1, True)


def test_a_table_of_before_distances_gives_the_other_values_and_lacks_nothing_else(cells):
    done = cells.done("tiny-segmenter")
    old = done.prediction.table.drop(columns=["surfaces", "lesions", "spacing_mm"])
    scores = done.task.score(old, done.given)
    kept = {value.name: value.value for value in scores.metrics}
    assert kept == {name: value for name, value in done.by_name.items() if name in kept}
    reasons = {each.metric: each.reason for each in scores.instruments if each.reason}
    assert set(reasons) == {name for name in done.by_name if name not in kept} >= {"hd95", "lesion_recall"}
    assert reasons["lesion_recall"] == (
        "its predictions were stored without lesions, which it needs; run the cell again"
    )
    record = scores.added_to(done.record.model_copy(update={"metrics": (), "instruments": ()}))
    assert done.task.lacking(record, cells.registry) == []


def test_a_table_of_masks_at_the_network_s_size_gives_no_value_and_says_why(cells):
    done = cells.done("tiny-segmenter")
    old = done.prediction.table.drop(columns="ceiling")
    scores = done.task.score(old, done.given)
    assert scores.metrics == []
    assert {each.reason for each in scores.instruments} == {
        "its masks are at the network's size, and are scored at the data set's own; run the cell again"
    }
    assert (done.task.holds(old, "dice"), done.task.holds(done.prediction.table, "dice")) == (False, True)


def test_of_an_old_table_that_tells_the_classes_apart_these_are_still_scored(cells):
    done = cells.done("tiny-joint")
    old = done.task.score(done.prediction.table.drop(columns="ceiling"), done.given)
    kept = {value.name: value.value for value in old.metrics}
    assert kept == {name: value for name, value in done.by_name.items() if name in kept}
    assert "accuracy" in kept
    assert not any(name.startswith("dice") for name in kept)


def test_masks_of_classes_are_learned_as_one_more_than_the_label(cells):
    done = cells.done("tiny-joint")
    for part in done.material.slices.values():
        for label, mask in zip(part.labels.tolist(), part.masks.numpy(), strict=True):
            assert set(np.unique(mask)) == ({0, 1 + label} if label < 2 else {0})


def test_a_network_that_tells_the_classes_apart_is_scored_as_both(cells):
    done = cells.done("tiny-joint")
    table = done.prediction.table
    assert {"confusion", "mask_png", "predicted", "p/disc", "p/square", "p/none"} <= set(table)
    np.testing.assert_allclose(table[["p/disc", "p/square", "p/none"]].sum(axis=1), 1, atol=1e-5)
    assert {"dice", "dice/disc", "accuracy", "f1/none"} <= set(done.by_name)
    assert np.array(done.scores.confusion).sum() == 36


def test_a_class_without_any_lesion_in_training_is_told_by_the_most_suspicious_pixel(cells):
    done = cells.done("tiny-joint")
    none = done.prediction.table["label"] == 2
    assert done.prediction.table.loc[none, "p/none"].mean() > done.prediction.table.loc[~none, "p/none"].mean()


@pytest.mark.parametrize(
    ("model", "titles"),
    [
        ("tiny-segmenter", ["learning curves", "masks"]),
        ("tiny-joint", ["learning curves", "masks", "confusion matrix"]),
    ],
)
def test_the_figures_show_masks_and_where_it_classifies_the_confusion(cells, tmp_path, model, titles):
    done = cells.done(model)
    drawn = dict(done.task.draw(done.cell, done.history, 2, done.prediction, done.scores, done.folder, tmp_path))
    assert list(drawn) == titles
    assert all(path.stat().st_size > 1000 for path in drawn.values())
