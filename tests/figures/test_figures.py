import numpy as np
import pytest
from PIL import Image

from tumorbench import figures
from tumorbench.figures import canvas
from tumorbench.metrics.segmentation import dice_of_images, pixel_confusions

CLASSES = ("glioma", "meningioma", "pituitary")
HISTORY = [
    {
        "epoch": epoch,
        "loss": 1 / epoch,
        "val_loss": abs(epoch - 3) + 0.5,
        "val_accuracy": 0.1 * epoch,
        "learning_rate": 1e-3,
        "wall_s": 1.0,
    }
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

    for module in (
        "attention",
        "calibration",
        "curves",
        "classification",
        "segmentation",
        "generation",
        "sheets",
        "canvas",
    ):
        monkeypatch.setattr(f"tumorbench.figures.{module}.save", spy)
    return seen


def segmentations(slices, true, predicted, path):
    """The figure of masks of these slices."""
    dice = dice_of_images(pixel_confusions(true, predicted, 2))
    names = [f"s{i}" for i in range(len(slices))]
    figures.segmentation_examples(dice, lambda place: (slices[place], true[place], predicted[place]), names, path)


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


def test_right_predictions_are_blue_and_wrong_ones_red(slices, tmp_path):
    names, labels = [f"s{i}" for i in range(30)], np.zeros(30, int)
    figures.predictions_grid(slices, labels, chances(labels), CLASSES, names, tmp_path / "right.png")
    figures.predictions_grid(slices, labels, chances(labels + 1), CLASSES, names, tmp_path / "wrong.png")
    shares = {
        name: (share_of(tmp_path / f"{name}.png", BLUE), share_of(tmp_path / f"{name}.png", RED))
        for name in ("right", "wrong")
    }
    assert shares["right"][0] > 100 * shares["right"][1]
    assert shares["wrong"][1] > 100 * shares["wrong"][0]


def test_the_worst_mistake_is_the_most_confident_wrong_answer(slices, titles, tmp_path):
    probabilities = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.0, 0.2, 0.8], [0.0, 1.0, 0.0]])
    figures.worst_mistakes(
        slices[:4], [0, 1, 1, 1], probabilities, CLASSES, ["a", "b", "c", "d"], tmp_path / "worst.png"
    )
    shown = [text for text in titles if "->" in text]
    assert shown == ["meningioma\n-> pituitary 80%", "meningioma\n-> glioma 60%"]
    assert [text for text in titles if text in "abcd"] == ["c", "b"]


def test_no_mistake_is_said_so(slices, titles, tmp_path):
    figures.worst_mistakes(
        slices, [0] * 30, chances([0] * 30), CLASSES, [f"s{i}" for i in range(30)], tmp_path / "worst.png"
    )
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
    figures.learning_curves(
        [{"epoch": 1, "generator": 2.0, "critic": -300.0}, {"epoch": 2, "generator": 1.0, "critic": float("nan")}],
        tmp_path / "curves.png",
    )
    assert {"generator", "critic"} <= set(titles)


def test_no_finished_epoch_is_said_so(titles, tmp_path):
    figures.learning_curves([], tmp_path / "curves.png")
    assert "no epoch was finished" in titles


def test_confusion_rows_are_the_true_classes(titles, tmp_path):
    figures.confusion_matrix([[3, 1], [0, 0]], ("no", "yes"), tmp_path / "confusion.png")
    assert {"no (n = 4)", "yes (n = 0)", "3\n75%", "1\n25%", "0\n0%", "3 of 4 test slices right"} <= set(titles)


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


def test_a_contact_sheet_says_each_slices_size(slices, titles, tmp_path):
    DRAWN["contact_sheet"](slices, None, tmp_path / "sheet.png")
    assert [text for text in titles if " x " in text and "(" not in text] == ["24 x 24", "9 x 24", "24 x 5"]
    assert {"glioma", "meningioma: no image", "pituitary"} <= set(titles)


def test_the_reliability_diagram_says_the_metric_s_error_before_and_after_scaling(titles, tmp_path):
    from tumorbench.metrics import calibration

    rng = np.random.default_rng(3)
    labels, probabilities = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3) / 4, 200)
    before, after = (
        calibration.ece(labels, probabilities, CLASSES)["ece"],
        calibration.ece_scaled(labels, probabilities, 3.0)["ece_scaled"],
    )
    figures.reliability_diagram(labels, probabilities.astype(np.float32), tmp_path / "calibration.png", temperature=3.0)
    assert [text for text in titles if text.startswith("ECE")] == [f"ECE {before:.3f}", f"ECE {after:.3f}"]
    counts = calibration.reliability(labels, probabilities).counts
    shown = [text for text in titles if text.isdecimal() and int(text) in counts]
    assert [str(count) for count in counts if count] == shown[: (counts > 0).sum()]
    assert "temperature 3.00, fitted on validation" in titles


def test_without_a_temperature_the_reliability_diagram_has_one_panel(titles, tmp_path):
    figures.reliability_diagram([0, 1], [[0.8, 0.2], [0.8, 0.2]], tmp_path / "calibration.png")
    assert [text for text in titles if text.startswith(("ECE", "as predicted", "temperature"))] == [
        "as predicted",
        "ECE 0.300",
    ]


def test_attention_is_shown_on_right_slices_first_and_then_on_wrong_ones(slices, titles, tmp_path):
    labels, maps = [0] * 20 + [1] * 10, np.ones((30, 24, 24))
    figures.attention_examples(
        slices, maps, labels, chances([0] * 30), CLASSES, [f"s{i}" for i in range(30)], tmp_path / "attention.png"
    )
    assert [text for text in titles if "->" in text] == ["glioma\n-> glioma 80%"] * 6 + [
        "meningioma\n-> glioma 80%"
    ] * 6
    assert [text for text in titles if text[0] == "s" and text[1:].isdecimal()] == [
        "s0",
        "s4",
        "s8",
        "s11",
        "s15",
        "s19",
        "s20",
        "s22",
        "s24",
        "s25",
        "s27",
        "s29",
    ]


def test_the_heat_lies_where_the_map_is_large_and_the_outline_only_with_masks(slices, blobs, tmp_path):
    def drawn(name, maps, **masks):
        figures.attention_examples(slices[:1] * 0, maps, [0], chances([0]), CLASSES, ["a"], tmp_path / name, **masks)
        return pixels(tmp_path / name)

    left, right = np.zeros((2, 1, 24, 24))
    left[:, :, :8], right[:, :, 16:] = 1, 1
    reds = {
        name: np.argwhere((picture[..., 0] > 60) & (picture[..., 1:].max(axis=2) < 30))[:, 1]
        for name, picture in (("left", drawn("l.png", left)), ("right", drawn("r.png", right)))
    }
    assert np.median(reds["left"]) < np.median(reds["right"])
    plain, outlined = drawn("p.png", left), drawn("o.png", left, masks=blobs[:1])
    assert plain.shape != outlined.shape or (plain != outlined).any()


def test_a_map_that_is_zero_throughout_says_that_nothing_speaks_for_the_class(slices, titles, tmp_path):
    figures.attention_examples(
        slices[:2], np.zeros((2, 24, 24)), [0, 1], chances([0, 0]), CLASSES, ["a", "b"], tmp_path / "attention.png"
    )
    assert [text for text in titles if "nothing" in text] == ["a\nnothing speaks for it", "b\nnothing speaks for it"]


def test_maps_or_masks_of_another_number_are_refused(slices, blobs, tmp_path):
    shown = (
        slices[:2],
        np.zeros((2, 24, 24)),
        [0, 1],
        chances([0, 0]),
        CLASSES,
        ["a", "b"],
        tmp_path / "attention.png",
    )
    with pytest.raises(ValueError, match="differ in length"):
        figures.attention_examples(*shown, masks=blobs)
    with pytest.raises(ValueError, match="differ in length"):
        figures.attention_examples(shown[0], np.zeros((3, 24, 24)), *shown[2:])


def test_no_generated_image_is_said_so(slices, titles, tmp_path):
    none = slices[:0]
    figures.closest_pairs_figure(none, none, [], tmp_path / "a.png", title="pairs")
    figures.reconstructions(none, none, tmp_path / "b.png", title="rebuilt")
    figures.sample_grid(none, tmp_path / "c.png", labels=[], title="made")
    figures.progress_strip(none.reshape(0, 3, 24, 24), [], tmp_path / "d.png", title="progress")
    assert [text for text in titles if text.startswith(("there is", "no image"))] == ["there is no image"] * 3 + [
        "no image was kept during training"
    ]


@pytest.mark.parametrize(
    ("draw", "title"),
    [
        (lambda path: figures.reliability_diagram([], np.zeros((0, 3)), path), "Calibration"),
        (
            lambda path: figures.attention_examples(
                np.zeros((0, 4, 4), np.uint8), np.zeros((0, 4, 4)), [], np.zeros((0, 3)), CLASSES, [], path
            ),
            "Grad-CAM",
        ),
    ],
    ids=["calibration", "attention"],
)
def test_no_test_slice_is_said_so(draw, title, titles, tmp_path):
    draw(tmp_path / "figure.png")
    assert {title, "there is no test slice"} <= set(titles)
