"""What a generator made, beside the real images."""

import numpy as np
import pytest
from shown_pictures import CLASSES, pixels

from tumorbench import figures


def test_the_histograms_state_the_kolmogorov_smirnov_distance(titles, tmp_path):
    real, generated = np.array([[[0, 0], [0, 200]]], np.uint8), np.array([[[0, 200], [200, 200]]], np.uint8)
    figures.intensity_histograms(real, generated, tmp_path / "histograms.png")
    assert "D = 0.500 at intensity 0" in titles  # 3/4 of the real pixels are 0, 1/4 of the generated ones


def shade_of(path):
    """The levels of the slices of one grey each in a figure, in reading order of their centres."""
    picture = pixels(path)
    found = []
    for level in range(40, 240, 10):
        rows, columns = np.nonzero((picture == level).all(axis=2))
        if len(rows) > 2000:
            found.append((np.median(rows), np.median(columns), level))  # text has a few pixels of every grey
    ordered = []
    while found:
        top = min(row for row, _, _ in found)
        ordered += sorted((column, level) for row, column, level in found if row < top + 20)
        found = [each for each in found if each[0] >= top + 20]
    return [level for _, level in ordered]


def flat(*levels):
    return np.array([np.full((24, 24), level, np.uint8) for level in levels])


def test_samples_with_labels_have_a_row_for_each_class(titles, tmp_path):
    figures.sample_grid(flat(50, 100, 150, 200), tmp_path / "grid.png", labels=[2, 0, 2, 0], classes=CLASSES)
    assert shade_of(tmp_path / "grid.png") == [100, 200, 50, 150]
    assert [text for text in titles if text.startswith(CLASSES)] == ["glioma", "meningioma: no image", "pituitary"]


def test_a_row_of_samples_has_at_most_eight(slices, titles, tmp_path):
    figures.sample_grid(slices, tmp_path / "grid.png", labels=[0, 1] * 15)
    assert {"16 samples, a row for each class", "0", "1"} <= set(titles)


def test_each_generated_image_stands_above_its_training_image_with_their_distance(titles, tmp_path):
    figures.closest_pairs_figure(flat(50, 60), flat(150, 160), [0.01234, 2.5], tmp_path / "pairs.png", unit="pixels")
    assert shade_of(tmp_path / "pairs.png") == [50, 60, 150, 160]
    assert {
        "generated",
        "training",
        "0.0123",
        "2.5",
        "Generated images above their nearest training images (distance in pixels)",
    } <= set(titles)


def test_each_real_image_stands_above_its_reconstruction_with_the_difference(titles, tmp_path):
    figures.reconstructions(flat(50, 60), flat(101, 60), tmp_path / "pairs.png")
    assert shade_of(tmp_path / "pairs.png")[:2] == [50, 60]
    assert {"real", "reconstructed", "0.200", "0.000"} <= set(titles)


def test_progress_has_a_row_for_each_latent_and_a_column_for_each_epoch(titles, tmp_path):
    figures.progress_strip(flat(50, 60, 150, 160, 200, 210).reshape(3, 2, 24, 24), [1, 5, 9], tmp_path / "strip.png")
    assert shade_of(tmp_path / "strip.png") == [50, 150, 200, 60, 160, 210]
    assert [text for text in titles if text.startswith("epoch")] == ["epoch 1", "epoch 5", "epoch 9"]


def test_of_many_epochs_the_first_and_the_last_are_shown(titles, tmp_path):
    figures.progress_strip(np.zeros((50, 1, 8, 8), np.uint8), list(range(1, 51)), tmp_path / "strip.png")
    shown = [text for text in titles if text.startswith("epoch")]
    assert (len(shown), shown[0], shown[-1]) == (12, "epoch 1", "epoch 50")


@pytest.mark.parametrize(
    "draw",
    [
        lambda slices, path: figures.closest_pairs_figure(slices[:2], slices[:3], [0, 1], path),
        lambda slices, path: figures.closest_pairs_figure(slices[:2], slices[:2], [0], path),
        lambda slices, path: figures.reconstructions(slices[:2], slices[:3], path),
        lambda slices, path: figures.progress_strip(slices.reshape(6, 5, 24, 24), [1, 2], path),
    ],
    ids=["pairs", "distances", "reconstructions", "epochs"],
)
def test_images_that_belong_together_must_be_as_many(draw, slices, tmp_path):
    with pytest.raises(ValueError, match="differs in length"):
        draw(slices, tmp_path / "figure.png")


def test_no_generated_image_is_said_so(slices, titles, tmp_path):
    none = slices[:0]
    figures.closest_pairs_figure(none, none, [], tmp_path / "a.png", title="pairs")
    figures.reconstructions(none, none, tmp_path / "b.png", title="rebuilt")
    figures.sample_grid(none, tmp_path / "c.png", labels=[], title="made")
    figures.progress_strip(none.reshape(0, 3, 24, 24), [], tmp_path / "d.png", title="progress")
    assert [text for text in titles if text.startswith(("there is", "no image"))] == ["there is no image"] * 3 + [
        "no image was kept during training"
    ]
