"""Every figure is drawn, small, and the same each time."""

import numpy as np
import pytest
from shown_pictures import CLASSES, HISTORY, chances, pixels, segmentations

from tumorbench import figures

DRAWN = {
    "learning_curves": lambda slices, blobs, path: figures.learning_curves(HISTORY, path),
    "confusion_matrix": lambda slices, blobs, path: figures.confusion_matrix(
        [[5, 1, 0], [0, 7, 2], [1, 0, 9]], CLASSES, path
    ),
    "worst_mistakes": lambda slices, blobs, path: figures.worst_mistakes(
        slices, [0] * 30, chances([1] * 30), CLASSES, [f"s{i}" for i in range(30)], path
    ),
    "predictions_grid": lambda slices, blobs, path: figures.predictions_grid(
        slices, [0] * 30, chances([0, 1] * 15), CLASSES, [f"s{i}" for i in range(30)], path
    ),
    "reliability_diagram": lambda slices, blobs, path: figures.reliability_diagram(
        [0, 1, 2] * 10, chances([0, 1, 1] * 10), path, temperature=2.0
    ),
    "attention_examples": lambda slices, blobs, path: figures.attention_examples(
        slices,
        np.roll(blobs, 3, 1) * 0.5,
        [0] * 30,
        chances([0, 1] * 15),
        CLASSES,
        [f"s{i}" for i in range(30)],
        path,
        masks=blobs,
    ),
    "segmentation_examples": lambda slices, blobs, path: segmentations(slices, blobs, np.roll(blobs, 3, 1), path),
    "sample_grid": lambda slices, blobs, path: figures.sample_grid(
        slices, path, labels=[0, 1, 2] * 10, classes=CLASSES, title="made"
    ),
    "closest_pairs_figure": lambda slices, blobs, path: figures.closest_pairs_figure(
        slices[:5], slices[5:10], np.arange(5) / 8, path, unit="pixels"
    ),
    "progress_strip": lambda slices, blobs, path: figures.progress_strip(
        slices.reshape(6, 5, 24, 24), [1, 2, 4, 8, 16, 32], path
    ),
    "reconstructions": lambda slices, blobs, path: figures.reconstructions(slices[:5], slices[:5] // 2, path),
    "intensity_histograms": lambda slices, blobs, path: figures.intensity_histograms(
        slices[:20], slices[20:] // 2, path
    ),
    "contact_sheet": lambda slices, blobs, path: figures.contact_sheet(
        [slices[0], slices[1, :9], slices[2, :, :5]], [0, 2, 2], CLASSES, path
    ),
    "pair_sheet": lambda slices, blobs, path: figures.pair_sheet(
        [(slices[0], slices[1, :9], "0.99, a / b"), (slices[2], slices[3], "1.00, a / a")], path
    ),
    "differences_figure": lambda slices, blobs, path: figures.differences_figure(
        [("accuracy", [("a", 0.1, (0.05, 0.2), True), ("b", -0.1, None, False)]), ("f1", [("a", 0, (-1, 1), False)])],
        "a - b",
        path,
    ),
}


def test_every_figure_is_drawn_here():
    assert set(DRAWN) == set(figures.__all__)


@pytest.mark.parametrize("name", DRAWN)
def test_a_figure_is_a_small_png_with_the_same_bytes_each_time(name, slices, blobs, tmp_path):
    for attempt in ("first", "second"):
        DRAWN[name](slices, blobs, tmp_path / attempt / "figure.png")
    first = (tmp_path / "first" / "figure.png").read_bytes()
    assert first == (tmp_path / "second" / "figure.png").read_bytes()
    assert len(first) < 300_000
    assert len(np.unique(pixels(tmp_path / "first" / "figure.png").reshape(-1, 3), axis=0)) > 20
