import numpy as np
import pytest
from PIL import Image

from tumorbench import figures
from tumorbench.figures import canvas

CLASSES = ("glioma", "meningioma", "pituitary")
HISTORY = [
    {"epoch": epoch, "loss": 1 / epoch, "val_loss": abs(epoch - 3) + 0.5, "val_accuracy": 0.1 * epoch, "learning_rate": 1e-3, "wall_s": 1.0}
    for epoch in range(1, 6)
]
BLUE, RED, MISSED, EXTRA = (31, 95, 191), (198, 40, 40), (0, 158, 215), (230, 110, 0)


@pytest.fixture
def slices():
    return np.random.default_rng(7).integers(0, 256, (30, 24, 24), dtype=np.uint8)


@pytest.fixture
def blobs():
    masks = np.zeros((30, 24, 24), int)
    masks[:, 6:14, 6:14] = 1
    return masks


@pytest.fixture
def titles(monkeypatch):
    """Every text of the figures that are saved in the test, in drawing order."""
    from matplotlib.text import Text

    seen, save = [], canvas.save

    def spy(figure, path):
        seen.extend(text.get_text() for text in figure.findobj(Text) if text.get_text())
        save(figure, path)

    for module in ("curves", "classification", "segmentation", "generation", "sheets", "canvas"):
        monkeypatch.setattr(f"tumorbench.figures.{module}.save", spy)
    return seen


def chances(labels):
    return np.eye(3)[labels] * 0.7 + 0.1


def pixels(path):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB")).astype(int)


def share_of(path, colour):
    """The share of pixels within a few levels of ``colour``."""
    return (np.abs(pixels(path) - colour).max(axis=2) < 12).mean()


DRAWN = {
    "learning_curves": lambda slices, blobs, path: figures.learning_curves(HISTORY, path),
    "confusion_matrix": lambda slices, blobs, path: figures.confusion_matrix([[5, 1, 0], [0, 7, 2], [1, 0, 9]], CLASSES, path),
    "worst_mistakes": lambda slices, blobs, path: figures.worst_mistakes(slices, [0] * 30, chances([1] * 30), CLASSES, [f"s{i}" for i in range(30)], path),
    "predictions_grid": lambda slices, blobs, path: figures.predictions_grid(
        slices, [0] * 30, chances([0, 1] * 15), CLASSES, [f"s{i}" for i in range(30)], path
    ),
    "segmentation_examples": lambda slices, blobs, path: figures.segmentation_examples(slices, blobs, np.roll(blobs, 3, 1), [f"s{i}" for i in range(30)], path),
    "sample_grid": lambda slices, blobs, path: figures.sample_grid(slices, path, labels=[0, 1, 2] * 10, classes=CLASSES, title="made"),
    "intensity_histograms": lambda slices, blobs, path: figures.intensity_histograms(slices[:20], slices[20:] // 2, path),
    "contact_sheet": lambda slices, blobs, path: figures.contact_sheet([slices[0], slices[1, :9], slices[2, :, :5]], [0, 2, 2], CLASSES, path),
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


def test_right_predictions_are_blue_and_wrong_ones_red(slices, tmp_path):
    names, labels = [f"s{i}" for i in range(30)], np.zeros(30, int)
    figures.predictions_grid(slices, labels, chances(labels), CLASSES, names, tmp_path / "right.png")
    figures.predictions_grid(slices, labels, chances(labels + 1), CLASSES, names, tmp_path / "wrong.png")
    shares = {name: (share_of(tmp_path / f"{name}.png", BLUE), share_of(tmp_path / f"{name}.png", RED)) for name in ("right", "wrong")}
    assert shares["right"][0] > 100 * shares["right"][1]
    assert shares["wrong"][1] > 100 * shares["wrong"][0]


def test_the_worst_mistake_is_the_most_confident_wrong_answer(slices, titles, tmp_path):
    probabilities = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.2, 0.8], [0.0, 1.0, 0.0]])
    figures.worst_mistakes(slices[:4], [0, 1, 1, 1], probabilities, CLASSES, ["a", "b", "c", "d"], tmp_path / "worst.png")
    shown = [text for text in titles if "->" in text]
    assert shown == ["meningioma\n-> pituitary 80%", "meningioma\n-> glioma 60%"]
    assert [text for text in titles if text in "abcd"] == ["c", "b"]


def test_no_mistake_is_said_so(slices, titles, tmp_path):
    figures.worst_mistakes(slices, [0] * 30, chances([0] * 30), CLASSES, [f"s{i}" for i in range(30)], tmp_path / "worst.png")
    assert "there is none: all 30 test slices are right" in titles


def test_predictions_of_differing_lengths_are_refused(slices, tmp_path):
    with pytest.raises(ValueError, match="differ in length"):
        figures.predictions_grid(slices, [0] * 29, chances([0] * 30), CLASSES, ["s"] * 30, tmp_path / "grid.png")


def test_the_epoch_whose_weights_count_is_marked_and_a_constant_learning_rate_is_not_drawn(titles, tmp_path):
    figures.learning_curves(HISTORY, tmp_path / "curves.png", best_epoch=3)
    assert "kept: epoch 3" in titles
    assert {"loss", "accuracy"} <= set(titles)
    assert "learning_rate" not in titles
    assert "wall_s" not in titles


def test_each_loss_of_an_adversarial_pair_has_a_panel(titles, tmp_path):
    figures.learning_curves([{"epoch": 1, "generator": 2.0, "critic": -300.0}, {"epoch": 2, "generator": 1.0, "critic": float("nan")}], tmp_path / "curves.png")
    assert {"generator", "critic"} <= set(titles)


def test_no_finished_epoch_is_said_so(titles, tmp_path):
    figures.learning_curves([], tmp_path / "curves.png")
    assert "no epoch was finished" in titles


def test_confusion_rows_are_the_true_classes(titles, tmp_path):
    figures.confusion_matrix([[3, 1], [0, 0]], ("no", "yes"), tmp_path / "confusion.png")
    assert {"no (n = 4)", "yes (n = 0)", "3\n75%", "1\n25%", "0\n0%", "3 of 4 test slices right"} <= set(titles)


def test_missed_and_false_foreground_have_colours_of_their_own(slices, blobs, tmp_path):
    nothing, names = np.zeros_like(blobs), [f"s{i}" for i in range(30)]
    figures.segmentation_examples(slices, blobs, nothing, names, tmp_path / "missed.png")
    figures.segmentation_examples(slices, nothing, blobs, names, tmp_path / "extra.png")
    assert share_of(tmp_path / "missed.png", MISSED) > 4 * share_of(tmp_path / "extra.png", MISSED)
    assert share_of(tmp_path / "extra.png", EXTRA) > 4 * share_of(tmp_path / "missed.png", EXTRA)


def test_segmentations_run_from_the_worst_to_the_best_dice(slices, blobs, titles, tmp_path):
    predicted = np.stack([np.roll(mask, shift % 9, 0) for shift, mask in enumerate(blobs)])
    figures.segmentation_examples(slices, blobs, predicted, [f"s{i}" for i in range(30)], tmp_path / "masks.png")
    rows = [text.split("\n")[0] for text in titles if ": Dice " in text]
    assert rows == ["worst: Dice 0.000", "lower quartile: Dice 0.250", "median: Dice 0.500", "upper quartile: Dice 0.875", "best: Dice 1.000"]


def test_slices_without_any_foreground_are_not_picked(slices, blobs, titles, tmp_path):
    figures.segmentation_examples(slices, blobs * 0, blobs * 0, [f"s{i}" for i in range(30)], tmp_path / "masks.png")
    assert "no test slice has foreground, true or predicted" in titles


def test_the_histograms_state_the_kolmogorov_smirnov_distance(titles, tmp_path):
    real, generated = np.array([[[0, 0], [0, 200]]], np.uint8), np.array([[[0, 200], [200, 200]]], np.uint8)
    figures.intensity_histograms(real, generated, tmp_path / "histograms.png")
    assert "D = 0.500 at intensity 0" in titles  # 3/4 of the real pixels are 0, 1/4 of the generated ones


def test_a_contact_sheet_says_each_slices_size(slices, titles, tmp_path):
    DRAWN["contact_sheet"](slices, None, tmp_path / "sheet.png")
    assert [text for text in titles if " x " in text and "(" not in text] == ["24 x 24", "9 x 24", "24 x 5"]
    assert {"glioma", "meningioma: no image", "pituitary"} <= set(titles)
