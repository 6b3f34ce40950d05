"""Where a classifier looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from tumorbench.figures.canvas import Images, message, save
from tumorbench.figures.classification import Predictions, show_prediction
from tumorbench.figures.page import Page

__all__ = ["attention_examples"]

SHOWN = 6  # slices a row
HEAT = "turbo"
OUTLINE = "white"
STRONGEST = 0.6  # opacity where the map is largest
LEGEND = 0.3  # inches under the slices


def attention_examples(
    images: Images,
    maps: NDArray[np.floating],
    labels: ArrayLike,
    probabilities: ArrayLike,
    classes: Sequence[str],
    ids: Sequence[str],
    path: Path,
    masks: NDArray[np.integer] | None = None,
) -> None:
    """Grad-CAM of the predicted class over right test predictions (first row) and wrong ones (second), up to 6 each, evenly spaced over those given.

    Each map is shown as a share of its own maximum. images: uint8 ``(n, height, width)``; maps: ``(n, height, width)``, 0 or more; masks: integers of the same
    shape, 0 = outside, whose outline is drawn.
    """
    tests = Predictions(images, np.asarray(labels), np.asarray(probabilities), classes, ids)
    if len(maps) != len(images) or (masks is not None and len(masks) != len(images)):
        raise ValueError("images, maps and masks differ in length")
    right = tests.predicted == tests.labels
    rows = [chosen for chosen in (_spaced(np.flatnonzero(right)), _spaced(np.flatnonzero(~right))) if len(chosen)]
    if not rows:
        message(path, "Grad-CAM", "there is no test slice")
        return
    shown = sum(map(len, rows))
    title = f"Grad-CAM of the predicted class, {shown} test slices: right (blue), wrong (red)"
    below, foot = 2 if any(not maps[index].any() for row in rows for index in row) else 1, LEGEND * (masks is not None)
    page = Page(len(rows), max(map(len, rows)), 1.65, title, above=2, below=below, right=0.6, foot=foot)
    for tiles, chosen in zip(page.tiles, rows, strict=True):
        for tile, index in zip(tiles, chosen, strict=False):
            largest = float(maps[index].max())
            show_prediction(tile, tests, int(index), "" if largest > 0 else "nothing speaks for it")
            if largest > 0:
                tile.cover(maps[index] / largest, HEAT, STRONGEST)
            if masks is not None and masks[index].any():
                tile.outline(masks[index] > 0, OUTLINE)
    _legend(page, outlined=masks is not None)
    save(page.figure, path)


def _spaced(indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Up to 6 of ``indices``, from the first to the last."""
    return indices[np.unique(np.linspace(0, len(indices) - 1, SHOWN).round().astype(int))] if len(indices) else indices


def _legend(page: Page, *, outlined: bool) -> None:
    bar = page.figure.colorbar(ScalarMappable(cmap=colormaps[HEAT]), cax=page.beside_all(0.12))
    bar.set_label("share of the slice's largest value", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    if outlined:
        line = Line2D([], [], color=OUTLINE, linewidth=1, label="tumour mask")
        page.figure.legend(handles=[line], loc="lower center", fontsize=7, facecolor="#444444", labelcolor="white")
