"""A data set at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorbench.figures.canvas import Images, message, save
from tumorbench.figures.page import Page

__all__ = ["contact_sheet", "pair_sheet"]

COLUMNS = 8
PAIR_COLUMNS = 5
LINES = 2  # of a pair's words


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
    title = f"{len(images)} slices of {len(classes)} classes (height x width in pixels)"
    page = Page(len(rows), columns, 1.4, title, above=1, left=0.2)
    for tiles, own, name in zip(page.tiles, rows, classes, strict=True):
        for tile, image in zip(tiles, own, strict=False):
            tile.show(image, f"{image.shape[0]} x {image.shape[1]}")
        if own:
            tiles[0].beside(name)
        else:
            tiles[0].instead(f"{name}: no image")
    save(page.figure, path)


def pair_sheet(pairs: Sequence[tuple[Images, Images, str]], path: Path) -> None:
    """Pairs of slices side by side, five a row, each with its words above; slices are uint8 ``(height, width)`` of any size."""
    if not pairs:
        message(path, "Pairs", "there is no pair")
        return
    rows = -(-len(pairs) // PAIR_COLUMNS)
    page = Page(rows, 2 * PAIR_COLUMNS, 1.2, f"{len(pairs)} pairs", above=LINES)
    tiles = page.in_order
    for number, (one, other, words) in enumerate(pairs):
        left, right = tiles[2 * number : 2 * number + 2]
        left.show(one)
        right.show(other)
        left.head(f"{number + 1}: {words}", size=6, align="left")
    save(page.figure, path)
