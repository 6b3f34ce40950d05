"""What every figure shares: its colours, its grid of axes, and the way it becomes a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["BLUE", "GREY", "ORANGE", "RED", "Images", "grid", "message", "save", "shortened"]

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
