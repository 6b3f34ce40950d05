"""Where a classifier looks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from tumorbench.figures.canvas import Images, grid, message, save
from tumorbench.figures.classification import Predictions, show_prediction

__all__ = ["attention_examples"]

SHOWN = 6  # slices a row
HEAT = "turbo"
OUTLINE = "white"
STRONGEST = 0.6  # opacity where the map is largest


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
    figure, axes = grid(len(rows), max(map(len, rows)), (1.75, 2.2), title)
    for panels, chosen in zip(axes, rows, strict=True):
        for panel in panels[len(chosen) :]:
            panel.set_visible(False)
        for panel, index in zip(panels, chosen, strict=False):
            show_prediction(panel, tests, int(index))
            _heat(panel, maps[index])
            if masks is not None and masks[index].any():
                panel.contour(masks[index] > 0, levels=[0.5], colors=OUTLINE, linewidths=1)
    _legend(figure, outlined=masks is not None)
    save(figure, path)


def _spaced(indices: NDArray[np.intp]) -> NDArray[np.intp]:
    """Up to 6 of ``indices``, from the first to the last."""
    return indices[np.unique(np.linspace(0, len(indices) - 1, SHOWN).round().astype(int))] if len(indices) else indices


def _heat(panel: Axes, attention: NDArray[np.floating]) -> None:
    """The map over the slice, the more opaque the larger; a map that is 0 throughout says so."""
    largest = float(attention.max())
    if not largest > 0:
        panel.set_xlabel(f"{panel.get_xlabel()}\nnothing speaks for it", fontsize=6)
        return
    share = attention / largest
    panel.imshow(
        share, cmap=HEAT, vmin=0, vmax=1, alpha=STRONGEST * np.asarray(share, np.float64), interpolation="bilinear"
    )


def _legend(figure: Figure, *, outlined: bool) -> None:
    bar = figure.colorbar(ScalarMappable(cmap=colormaps[HEAT]), ax=figure.axes, shrink=0.7, pad=0.01, aspect=30)
    bar.set_label("share of the slice's largest value", fontsize=7)
    bar.ax.tick_params(labelsize=6)
    if outlined:
        line = Line2D([], [], color=OUTLINE, linewidth=1, label="tumour mask")
        figure.legend(handles=[line], loc="outside lower center", fontsize=7, facecolor="#444444", labelcolor="white")
