"""What a classifier got right and wrong, and how sure it was."""

import numpy as np
import pytest
from shown_pictures import BLUE, CLASSES, RED, chances, share_of

from tumorbench import figures


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


def test_confusion_rows_are_the_true_classes(titles, tmp_path):
    figures.confusion_matrix([[3, 1], [0, 0]], ("no", "yes"), tmp_path / "confusion.png")
    assert {"no (n = 4)", "yes (n = 0)", "3\n75%", "1\n25%", "0\n0%", "3 of 4 test slices right"} <= set(titles)


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
