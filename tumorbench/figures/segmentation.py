"""What a segmenter found and missed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from tumorbench.figures.canvas import Images, message, save, shortened
from tumorbench.figures.page import Page

__all__ = ["segmentation_examples"]

PICKS = {"worst": 0.0, "lower quartile": 0.25, "median": 0.5, "upper quartile": 0.75, "best": 1.0}
COLUMNS = ("image", "true mask", "predicted mask", "difference", "overlay")
HIT, MISSED, EXTRA = (
    (230, 230, 230),
    (0, 158, 215),
    (230, 110, 0),
)  # found, only in the true mask, only in the prediction
LEGEND = {HIT: "in both", MISSED: "missed (true only, or another class)", EXTRA: "false alarm (predicted only)"}


def segmentation_examples(
    dice: NDArray[np.float64],
    shown: Callable[[int], tuple[Images, NDArray[Any], NDArray[Any]]],
    sample_ids: Sequence[str],
    path: Path,
) -> None:
    """The test slices of the worst, quartile, median and best foreground Dice: image, true mask, prediction, difference, overlay.

    dice: of each slice, NaN where both masks are empty; these are not picked. shown: gives the image, uint8
    ``(height, width)``, the true and the predicted mask, integers of the same shape, 0 = background, of the slice at
    that place.
    """
    order = np.flatnonzero(~np.isnan(dice))
    order = order[np.argsort(dice[order], kind="stable")]
    if not len(order):
        message(path, "Segmentations", "no test slice has foreground, true or predicted")
        return
    picks: dict[int, str] = {}
    for name, quantile in PICKS.items():
        picks.setdefault(int(order[round(quantile * (len(order) - 1))]), name)
    title = f"Segmentations of {len(order):,} test slices, by Dice"
    page = Page(len(picks), len(COLUMNS), 1.8, title, above=1, left=0.4, foot=0.55)
    for row, (tiles, (index, name)) in enumerate(zip(page.tiles, picks.items(), strict=True)):
        for tile, picture, heading in zip(tiles, _pictures(*shown(index)), COLUMNS, strict=True):
            tile.show(picture, "" if row else heading, size=9)
        tiles[0].beside(f"{name}: Dice {dice[index]:.3f}\n{shortened(sample_ids[index])}", 7.5)
    _legend(page.figure)
    save(page.figure, path)


def _pictures(image: Images, truth: NDArray[Any], predicted: NDArray[Any]) -> tuple[Images, ...]:
    """One for each of ``COLUMNS``, uint8 grey or RGB."""
    top = max(int(truth.max()), int(predicted.max()), 1)  # several foreground classes show as several greys
    difference = np.zeros((*truth.shape, 3), np.uint8)
    overlay = np.repeat(image[..., None], 3, axis=2).astype(np.float64)
    regions = (
        (HIT, (truth > 0) & (predicted == truth)),
        (MISSED, (truth > 0) & (predicted != truth)),
        (EXTRA, (truth == 0) & (predicted > 0)),
    )
    for colour, region in regions:
        difference[region] = colour
    for colour, mask in ((MISSED, truth > 0), (EXTRA, predicted > 0)):
        overlay[_outline(mask)] = colour
    return (
        image,
        (truth * (255 // top)).astype(np.uint8),
        (predicted * (255 // top)).astype(np.uint8),
        difference,
        overlay.astype(np.uint8),
    )


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The border of ``mask``, from inside: one pixel wide, wider in large slices."""
    from scipy import ndimage

    outline: NDArray[np.bool_] = mask & ~ndimage.binary_erosion(mask, iterations=max(1, len(mask) // 128))
    return outline


def _legend(figure: Figure) -> None:
    entries = [
        Patch(
            facecolor=(colour[0] / 255, colour[1] / 255, colour[2] / 255), edgecolor="black", linewidth=0.5, label=label
        )
        for colour, label in LEGEND.items()
    ]
    figure.legend(
        handles=entries,
        loc="lower center",
        ncols=len(entries),
        fontsize=8,
        title="difference; outlines of the overlay in the same colours",
        title_fontsize=8,
    )
