"""Slices in rows and columns on one page, with words above, below and beside them.

All of them are drawn in one axes whose unit is the inch: an axes for each slice takes matplotlib ten times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

__all__ = ["Page", "Tile"]

EDGE, GAP, HEAD = 0.08, 0.1, 0.38  # inches around the page, between tiles, and above them for the title
LINE = 0.14  # inches of a line of text
NEAR = 0.03  # inches from a slice to its words


@dataclass(frozen=True, slots=True)
class Tile:
    """A place for one slice. left, top: of its square, inches from the page's upper left corner."""

    axes: Axes
    left: float
    top: float
    side: float

    def extent(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Where a picture of ``shape``, (height, width, ...), lies, as large as fits, in the middle: left, right, bottom, top."""
        height, width = (self.side * size / max(shape[:2]) for size in shape[:2])
        left, top = self.left + (self.side - width) / 2, self.top + (self.side - height) / 2
        return left, left + width, top + height, top

    def show(self, image: NDArray[Any], heading: str = "", colour: str = "black", size: float = 8) -> None:
        """The slice, uint8 grey or RGB, in a frame of ``colour``; ``heading`` above it, ``size`` points high."""
        left, right, bottom, top = extent = self.extent(image.shape)
        self.axes.imshow(
            image, cmap="gray", vmin=0, vmax=255, interpolation="antialiased", extent=extent, aspect="auto"
        )
        width = 0.8 if colour == "black" else 2
        frame = Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=width)
        self.axes.add_patch(frame)
        self.head(heading, colour, size)

    def head(self, text: str, colour: str = "black", size: float = 8, align: str = "center") -> None:
        """Words above the slice, as wide as the tile or to the right of its left side."""
        where = self.left if align == "left" else self.left + self.side / 2
        self.axes.text(where, self.top - NEAR, text, ha=align, va="bottom", fontsize=size, color=colour)

    def below(self, text: str) -> None:
        """Small words under the slice."""
        self.axes.text(self.left + self.side / 2, self.top + self.side + NEAR, text, ha="center", va="top", fontsize=6)

    def beside(self, text: str, size: float = 9) -> None:
        """Words that run upwards on the slice's left."""
        middle = self.top + self.side / 2
        self.axes.text(self.left - NEAR, middle, text, ha="right", va="center", rotation="vertical", fontsize=size)

    def instead(self, text: str) -> None:
        """Words in the place of a slice, and of those on its right."""
        self.axes.text(self.left, self.top + self.side / 2, text, ha="left", va="center", fontsize=9)

    def cover(self, shares: NDArray[np.floating], cmap: str, strongest: float) -> None:
        """A map of values from 0 to 1 over the slice, the more opaque the larger, at most ``strongest``."""
        opacity = strongest * np.asarray(shares, np.float64)
        extent = self.extent(shares.shape)
        self.axes.imshow(
            shares, cmap=cmap, vmin=0, vmax=1, alpha=opacity, interpolation="bilinear", extent=extent, aspect="auto"
        )

    def outline(self, mask: NDArray[np.bool_], colour: str) -> None:
        """The border of ``mask``, bool ``(height, width)``, over the slice."""
        left, right, bottom, top = self.extent(mask.shape)
        height, width = mask.shape
        across = left + (np.arange(width) + 0.5) * (right - left) / width
        down = top + (np.arange(height) + 0.5) * (bottom - top) / height
        self.axes.contour(across, down, mask, levels=[0.5], colors=colour, linewidths=1)


class Page:
    """A page of ``rows x columns`` tiles whose slices are at most ``side`` inches wide and high.

    above, below: lines of text over and under each slice. left, right, foot: inches that are kept free beside and under
    all of them. tiles: row -> column -> tile.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        side: float,
        title: str,
        *,
        above: int = 0,
        below: int = 0,
        left: float = 0.0,
        right: float = 0.0,
        foot: float = 0.0,
    ) -> None:
        high, wide = side + LINE * (above + below) + GAP, side + GAP
        inner = left + columns * wide - GAP + right
        self.width = max(inner, 0.085 * len(title)) + 2 * EDGE  # a title of one line must fit
        self.height = HEAD + rows * high + foot + EDGE
        self.figure = Figure(figsize=(self.width, self.height))
        axes = self.figure.add_axes((0, 0, 1, 1), frameon=False, xlim=(0, self.width), ylim=(self.height, 0))
        axes.set_axis_off()
        axes.set_autoscale_on(False)
        axes.text(self.width / 2, EDGE, title, ha="center", va="top", fontsize=11)
        start = (self.width - inner) / 2 + left
        self.tiles = [
            [Tile(axes, start + column * wide, HEAD + row * high + LINE * above, side) for column in range(columns)]
            for row in range(rows)
        ]

    @property
    def in_order(self) -> list[Tile]:
        """All tiles, row by row."""
        return [tile for row in self.tiles for tile in row]

    def beside_all(self, width: float) -> Axes:
        """Axes of ``width`` inches on the right of the tiles, in the space that ``right`` keeps free."""
        last = self.tiles[0][-1]
        top, bottom = last.top, self.tiles[-1][-1].top + last.side
        left, up = (last.left + last.side + GAP) / self.width, (self.height - bottom) / self.height
        return self.figure.add_axes((left, up, width / self.width, (bottom - top) / self.height))
