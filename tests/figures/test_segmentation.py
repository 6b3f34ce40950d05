"""Masks from the worst to the best."""

import numpy as np
from shown_pictures import EXTRA, MISSED, segmentations, share_of


def test_missed_and_false_foreground_have_colours_of_their_own(slices, blobs, tmp_path):
    nothing = np.zeros_like(blobs)
    segmentations(slices, blobs, nothing, tmp_path / "missed.png")
    segmentations(slices, nothing, blobs, tmp_path / "extra.png")
    assert share_of(tmp_path / "missed.png", MISSED) > 4 * share_of(tmp_path / "extra.png", MISSED)
    assert share_of(tmp_path / "extra.png", EXTRA) > 4 * share_of(tmp_path / "missed.png", EXTRA)


def test_segmentations_run_from_the_worst_to_the_best_dice(slices, blobs, titles, tmp_path):
    predicted = np.stack([np.roll(mask, shift % 9, 0) for shift, mask in enumerate(blobs)])
    segmentations(slices, blobs, predicted, tmp_path / "masks.png")
    rows = [text.split("\n")[0] for text in titles if ": Dice " in text]
    assert rows == [
        "worst: Dice 0.000",
        "lower quartile: Dice 0.250",
        "median: Dice 0.500",
        "upper quartile: Dice 0.875",
        "best: Dice 1.000",
    ]


def test_slices_without_any_foreground_are_not_picked(slices, blobs, titles, tmp_path):
    segmentations(slices, blobs * 0, blobs * 0, tmp_path / "masks.png")
    assert "no test slice has foreground, true or predicted" in titles
