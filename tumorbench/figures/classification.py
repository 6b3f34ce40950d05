"""What a classifier got right and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tumorbench.figures.canvas import BLUE, RED, Images, message, save, shortened
from tumorbench.figures.page import Page, Tile

__all__ = ["Predictions", "confusion_matrix", "predictions_grid", "show_prediction", "worst_mistakes"]

COLUMNS = 4
MISTAKES = 12
SIDE = 5  # 25 predictions


def confusion_matrix(confusion: ArrayLike, classes: Sequence[str], path: Path) -> None:
    """Counts ``[true][predicted]`` with each row's percentages; a cell's colour is its share of the true class."""
    counts = np.asarray(confusion)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    side = 2.2 + 0.85 * len(classes)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (true, predicted), count in np.ndenumerate(counts):
        share = shares[true, predicted]
        axes.text(
            predicted,
            true,
            f"{count:,}\n{share:.0%}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if share > 0.5 else "black",  # noqa: PLR2004 - half of the row
        )
    axes.set_xticks(range(len(classes)), classes, rotation=30, ha="right", fontsize=8)
    axes.set_yticks(
        range(len(classes)),
        [f"{name} (n = {int(total):,})" for name, total in zip(classes, totals[:, 0], strict=True)],
        fontsize=8,
    )
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(f"{int(np.trace(counts)):,} of {int(counts.sum()):,} test slices right", fontsize=11)
    figure.colorbar(picture, ax=axes, label="share of the true class", shrink=0.8)
    save(figure, path)


@dataclass(frozen=True, slots=True)
class Predictions:
    """A test set as a classifier sees it. probabilities: ``(n, classes)``."""

    images: Images
    labels: NDArray[Any]
    probabilities: NDArray[Any]
    classes: Sequence[str]
    sample_ids: Sequence[str]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.probabilities) == len(self.sample_ids):
            raise ValueError("images, labels, probabilities and sample_ids differ in length")

    @property
    def predicted(self) -> NDArray[Any]:
        """The most probable class of each row."""
        return np.asarray(self.probabilities.argmax(axis=1))


def worst_mistakes(
    images: Images,
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    sample_ids: Sequence[str],
    path: Path,
) -> None:
    """The wrong test predictions of the highest confidence, at most 12, most confident first; a sentence where there is none.

    images: uint8 ``(n, height, width)``; probabilities: ``(n, classes)``.
    """
    tests = Predictions(images, np.asarray(labels), np.asarray(probabilities), classes, sample_ids)
    wrong = np.flatnonzero(tests.predicted != tests.labels)
    if not len(wrong):
        message(path, "Worst mistakes", f"there is none: all {len(tests.labels):,} test slices are right")
        return
    chosen = wrong[np.argsort(-tests.probabilities[wrong, tests.predicted[wrong]], kind="stable")][:MISTAKES]
    title = f"The {len(chosen)} most confident of {len(wrong):,} mistakes on {len(tests.labels):,} test slices"
    _tiles(tests, chosen, min(COLUMNS, len(chosen)), title, path)


def predictions_grid(
    images: Images,
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    sample_ids: Sequence[str],
    path: Path,
) -> None:
    """Up to 25 test predictions, evenly spaced over the test set: right ones in blue, wrong ones in red."""
    tests = Predictions(images, np.asarray(labels), np.asarray(probabilities), classes, sample_ids)
    if not len(tests.labels):
        message(path, "Test predictions", "there is no test slice")
        return
    chosen = np.unique(np.linspace(0, len(tests.labels) - 1, SIDE * SIDE).round().astype(int))
    right = int((tests.predicted == tests.labels)[chosen].sum())
    _tiles(
        tests,
        chosen,
        min(SIDE, len(chosen)),
        f"{len(chosen)} test predictions: {right} right (blue), {len(chosen) - right} wrong (red)",
        path,
    )


def _tiles(tests: Predictions, chosen: NDArray[Any], columns: int, title: str, path: Path) -> None:
    """The chosen slices, each headed by its true class, the predicted one and its probability."""
    page = Page(-(-len(chosen) // columns), columns, 1.6, title, above=2, below=1)
    for tile, index in zip(page.in_order, chosen, strict=False):
        show_prediction(tile, tests, int(index))
    save(page.figure, path)


def show_prediction(tile: Tile, tests: Predictions, index: int, remark: str = "") -> None:
    """The slice, headed by its true class, the predicted one and its probability, with its id and a remark below."""
    true, predicted = int(tests.labels[index]), int(tests.predicted[index])
    heading = f"{tests.classes[true]}\n-> {tests.classes[predicted]} {tests.probabilities[index, predicted]:.0%}"
    tile.show(tests.images[index], heading, BLUE if true == predicted else RED)
    tile.below("\n".join(filter(None, (shortened(tests.sample_ids[index], 26), remark))))
