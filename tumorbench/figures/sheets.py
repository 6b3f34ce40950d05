"""A data set at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorbench.figures.canvas import Images, grid, message, save, show_slice

__all__ = ["contact_sheet", "pair_sheet"]

COLUMNS = 8
PAIR_COLUMNS = 5


def contact_sheet(images: Sequence[Images], labels: Sequence[int], classes: Sequence[str], path: Path) -> None:
    """A row of at most 8 slices for each class, each with its size in pixels; slices are uint8 ``(height, width)`` of any size."""
    rows = [
        [image for image, label in zip(images, labels, strict=True) if label == index][:COLUMNS]
        for index in range(len(classes))
    ]
    columns = max(map(len, rows), default=0)
    if not columns:
        message(path, "Contact sheet", "there is no image")
        return
    figure, axes = grid(
        len(rows), columns, (1.5, 1.65), f"{len(images)} slices of {len(classes)} classes (height x width in pixels)"
    )
    for panels, own, name in zip(axes, rows, classes, strict=True):
        for panel, image in zip(panels, own, strict=False):
            show_slice(panel, image, f"{image.shape[0]} x {image.shape[1]}")
        for panel in panels[len(own) :]:
            panel.set_axis_off()
        if own:
            panels[0].set_ylabel(name, fontsize=9)
        else:
            panels[0].text(0, 0.5, f"{name}: no image", fontsize=9, va="center", transform=panels[0].transAxes)
    save(figure, path)


def pair_sheet(pairs: Sequence[tuple[Images, Images, str]], path: Path) -> None:
    """Pairs of slices side by side, five a row, each with its words above; slices are uint8 ``(height, width)`` of any size."""
    if not pairs:
        message(path, "Pairs", "there is no pair")
        return
    rows = -(-len(pairs) // PAIR_COLUMNS)
    figure, axes = grid(rows, 2 * PAIR_COLUMNS, (1.3, 1.75), f"{len(pairs)} pairs")
    panels = axes.ravel()
    for panel in panels[2 * len(pairs) :]:
        panel.set_axis_off()
    for number, (one, other, words) in enumerate(pairs):
        left, right = panels[2 * number : 2 * number + 2]
        show_slice(left, one)
        show_slice(right, other)
        left.set_title(f"{number + 1}: {words}", fontsize=6, loc="left")
    save(figure, path)
