"""What a generator makes: samples, their intensities, how they came about over training, and the training images that they are nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tumorbench.figures.canvas import BLUE, GREY, ORANGE, Images, message, save
from tumorbench.figures.page import Page, Tile

__all__ = ["closest_pairs_figure", "intensity_histograms", "progress_strip", "reconstructions", "sample_grid"]

MOST = 36  # images of a grid
ROW = 8  # images of a row, where rows mean something
STEPS = 12  # columns of a progress strip
SMALL, TILE = 0.9, 1.05  # inches a side
NAME = 0.2  # inches for a row's name


def sample_grid(
    images: Images, path: Path, labels: ArrayLike | None = None, classes: Sequence[str] | None = None, title: str = ""
) -> None:
    """The first 36 of ``images``, uint8 ``(n, height, width)``, in a square; with ``labels`` a row of at most 8 for each class, named on its left.

    classes: names in label order, a row for each of them even where it has no image; without them the labels' own numbers.
    """
    if labels is not None and len(images):
        _rows_by_class(images, np.asarray(labels), classes, path, title)
        return
    shown = images[:MOST]
    if not len(shown):
        message(path, title or "Samples", "there is no image")
        return
    columns = int(np.ceil(np.sqrt(len(shown))))
    page = Page(-(-len(shown) // columns), columns, SMALL, title or f"{len(shown)} samples")
    for tile, image in zip(page.in_order, shown, strict=False):
        tile.show(image)
    save(page.figure, path)


def _rows_by_class(images: Images, labels: NDArray[Any], classes: Sequence[str] | None, path: Path, title: str) -> None:
    rows = dict(enumerate(classes)) if classes else {int(label): str(label) for label in np.unique(labels)}
    chosen = [images[: len(labels)][labels == label][:ROW] for label in rows]
    title = title or f"{sum(map(len, chosen))} samples, a row for each class"
    page = Page(len(rows), max(map(len, chosen)) or 1, SMALL, title, left=NAME)
    for tiles, own, name in zip(page.tiles, chosen, rows.values(), strict=True):
        _row(tiles, own, name)
    save(page.figure, path)


def closest_pairs_figure(
    generated: Images, training: Images, distances: ArrayLike, path: Path, unit: str = "", title: str = ""
) -> None:
    """Generated images, uint8 ``(n, height, width)``, each above its nearest training image and with the distance of the two; at most 12, in the order given.

    unit: what the distance is of, such as ``pixels`` or an extractor's name.
    """
    apart = np.asarray(distances, np.float64)
    _same_length(generated, training, apart)
    title = title or f"Generated images above their nearest training images{f' (distance in {unit})' if unit else ''}"
    pairs = [(one, other, f"{gap:.3g}") for one, other, gap in zip(generated[:STEPS], training, apart, strict=False)]
    _two_rows(pairs, ("generated", "training"), title, path)


def reconstructions(real: Images, reconstructed: Images, path: Path, title: str = "") -> None:
    """Real images, uint8 ``(n, height, width)``, each above what an autoencoder makes of it, with the root mean square difference; at most 12."""
    _same_length(real, reconstructed)
    shown = zip(real[:STEPS], reconstructed, strict=False)
    pairs = [(one, other, f"{np.sqrt(((one.astype(float) - other) ** 2).mean()) / 255:.3f}") for one, other in shown]
    _two_rows(
        pairs,
        ("real", "reconstructed"),
        title or "Reconstructions (root mean square difference, black 0, white 1)",
        path,
    )


def progress_strip(grids: NDArray[np.uint8], epochs: Sequence[int], path: Path, title: str = "") -> None:
    """The same latents over training: a row for each of at most 8 latents, a column for each epoch; of more than 12 epochs 12, evenly spaced.

    grids: uint8 ``(epochs, latents, height, width)``, in the order of ``epochs``; the first and the last are always shown.
    """
    _same_length(grids, epochs)
    if not len(epochs) or not grids.shape[1]:
        message(path, title or "Progress", "no image was kept during training")
        return
    columns = np.unique(np.linspace(0, len(epochs) - 1, STEPS).round().astype(int))
    rows = min(ROW, grids.shape[1])
    page = Page(rows, len(columns), TILE, title or "The same latents over training", above=1)
    for latent, tiles in enumerate(page.tiles):
        for tile, step in zip(tiles, columns, strict=True):
            tile.show(grids[step, latent], "" if latent else f"epoch {epochs[step]}")
    save(page.figure, path)


def _two_rows(pairs: Sequence[tuple[Images, Images, str]], names: tuple[str, str], title: str, path: Path) -> None:
    """The first of each pair above the second, which is headed by the pair's text."""
    if not pairs:
        message(path, title, "there is no image")
        return
    page = Page(2, len(pairs), TILE, title, above=1, left=NAME)
    for upper, lower, (one, other, text) in zip(*page.tiles, pairs, strict=True):
        upper.show(one)
        lower.show(other, text)
    for row, name in zip(page.tiles, names, strict=True):
        row[0].beside(name)
    save(page.figure, path)


def _row(tiles: Sequence[Tile], images: Images, name: str) -> None:
    for tile, image in zip(tiles, images, strict=False):
        tile.show(image)
    if len(images):
        tiles[0].beside(name)
    else:
        tiles[0].instead(f"{name}: no image")


def _same_length(*sets: Any) -> None:
    if len({len(each) for each in sets}) > 1:
        raise ValueError(f"what belongs together differs in length: {', '.join(str(len(each)) for each in sets)}")


def intensity_histograms(real: Images, generated: Images, path: Path) -> None:
    """Shares of the 256 intensities of real and generated slices, and their cumulative shares with the Kolmogorov-Smirnov D where it is largest."""
    if not len(real) or not len(generated):
        message(path, "Intensities", "there is no image to compare")
        return
    shares = {
        f"real (N = {len(real):,})": (_shares(real), BLUE),
        f"generated (N = {len(generated):,})": (_shares(generated), ORANGE),
    }
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    figure.suptitle("Intensities of all pixels", fontsize=11)
    density, cumulative = figure.subplots(1, 2)
    for label, (share, colour) in shares.items():
        density.stairs(share, np.arange(257), color=colour, label=label)
        cumulative.stairs(share.cumsum(), np.arange(257), baseline=None, color=colour, label=label)
    first, second = (share.cumsum() for share, _ in shares.values())
    where = int(np.abs(first - second).argmax())
    distance = abs(first[where] - second[where])
    cumulative.vlines(
        where + 0.5,
        *sorted((first[where], second[where])),
        color=GREY,
        linewidth=2,
        label=f"D = {distance:.3f} at intensity {where}",
    )
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
