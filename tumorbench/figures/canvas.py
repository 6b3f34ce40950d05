"""What every figure shares: its colours, its grid of slices, and the way it becomes a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["BLUE", "GREY", "ORANGE", "RED", "Images", "grid", "message", "save", "shortened", "show_slice"]

BLUE, RED, ORANGE, GREY = "#1f5fbf", "#c62828", "#e07b00", "#777777"  # right, wrong, validation or prediction, remarks
DPI = 90
COLOURS = 256

Images = NDArray[np.uint8]


def grid(rows: int, columns: int, tile: tuple[float, float], title: str) -> tuple[Figure, NDArray[Any]]:
    """A figure of ``rows x columns`` axes of ``tile`` (width, height) inches each, and its axes as an array of that shape."""
    width = max(columns * tile[0], 0.085 * len(title))  # inches; a title of one line must fit
    figure = Figure(figsize=(width, rows * tile[1] + 0.45), layout="constrained")
    figure.suptitle(title, fontsize=11)
    return figure, figure.subplots(rows, columns, squeeze=False)


def show_slice(axes: Axes, image: NDArray[Any], title: str = "", colour: str = "black") -> None:
    """The slice, uint8 grey or RGB, fills the axes; no ticks; ``title`` above it."""
    axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=8, color=colour)
    axes.spines[:].set_color(colour)
    axes.spines[:].set_linewidth(0.8 if colour == "black" else 2)


def message(path: Path, title: str, text: str) -> None:
    """A picture that says why there is nothing to show."""
    figure = Figure(figsize=(5, 1.6))
    figure.suptitle(title, fontsize=11)
    figure.text(0.5, 0.4, text, ha="center", va="center", fontsize=10, color=GREY)
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """The figure lies at ``path`` as a PNG of at most 256 colours (a third of the bytes; greys are kept), with nothing in it that varies between runs."""
    from PIL import Image

    figure.set_dpi(DPI)
    drawn = FigureCanvasAgg(figure)
    drawn.draw()  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(drawn.buffer_rgba())  # type: ignore[no-untyped-call]
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        path, format="PNG", optimize=True
    )


def shortened(text: str, length: int = 22) -> str:
    """``text``, its middle left out where it is longer than ``length``."""
    half = (length - 2) // 2
    return text if len(text) <= length else f"{text[:half]}..{text[-half:]}"
