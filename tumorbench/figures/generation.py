"""What a generator makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tumorbench.figures.canvas import BLUE, GREY, ORANGE, Images, grid, message, save, show_slice

__all__ = ["intensity_histograms", "sample_grid"]

MOST = 36  # images of a grid


def sample_grid(images: Images, path: Path, labels: ArrayLike | None = None, classes: Sequence[str] | None = None, title: str = "") -> None:
    """The first 36 of ``images``, uint8 ``(n, height, width)``, in a square; with ``labels`` each says its class."""
    shown = images[:MOST]
    if not len(shown):
        message(path, title or "Samples", "there is no image")
        return
    columns = int(np.ceil(np.sqrt(len(shown))))
    figure, axes = grid(-(-len(shown) // columns), columns, (1.0, 1.0 if labels is None else 1.2), title or f"{len(shown)} samples")
    names = [""] * len(shown) if labels is None else [classes[int(label)] if classes else str(label) for label in np.asarray(labels)[: len(shown)]]
    for panel in axes.flat[len(shown) :]:
        panel.set_visible(False)
    for panel, image, name in zip(axes.flat, shown, names, strict=False):
        show_slice(panel, image, name)
    save(figure, path)


def intensity_histograms(real: Images, generated: Images, path: Path) -> None:
    """Shares of the 256 intensities of real and generated slices, and their cumulative shares with the Kolmogorov-Smirnov D where it is largest."""
    if not len(real) or not len(generated):
        message(path, "Intensities", "there is no image to compare")
        return
    shares = {f"real (N = {len(real):,})": (_shares(real), BLUE), f"generated (N = {len(generated):,})": (_shares(generated), ORANGE)}
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    figure.suptitle("Intensities of all pixels", fontsize=11)
    density, cumulative = figure.subplots(1, 2)
    for label, (share, colour) in shares.items():
        density.stairs(share, np.arange(257), color=colour, label=label)
        cumulative.stairs(share.cumsum(), np.arange(257), baseline=None, color=colour, label=label)
    first, second = (share.cumsum() for share, _ in shares.values())
    where = int(np.abs(first - second).argmax())
    distance = abs(first[where] - second[where])
    cumulative.vlines(where + 0.5, *sorted((first[where], second[where])), color=GREY, linewidth=2, label=f"D = {distance:.3f} at intensity {where}")
    density.set_yscale("log")
    density.set_ylabel("share of pixels (log scale)")
    cumulative.set_ylabel("cumulative share of pixels")
    for axes in (density, cumulative):
        axes.set_xlabel("intensity, uint8 (0 dark, 255 bright)")
        axes.legend(fontsize=8)
        axes.grid(alpha=0.25)
    save(figure, path)


def _shares(images: Images) -> NDArray[np.float64]:
    counts = np.bincount(np.asarray(images, np.uint8).ravel(), minlength=256)
    return np.asarray(counts / counts.sum())
