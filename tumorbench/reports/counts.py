"""Accuracy and Dice as ratios of sums over test slices: of all of them, of the clean ones, and their intervals."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["COLUMNS", "NEEDED", "Counts", "Value", "counts_of", "value_of"]

COLUMNS = (
    "sample_id",
    "group",
    "cluster",
    "leaked",
    "label",
    "predicted",
    "confusion",
)  # of a table, where it has them
NEEDED = {"classification": {"sample_id", "label", "predicted"}, "segmentation": {"sample_id", "confusion"}}
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Counts:
    """Of each test slice of one cell what is right, out of how much: the metric is the ratio of the two sums.

    right, of: float64 ``(n,)``. clusters: patient and near-copies have one name. test: names the test part; cells of one
    test part are resampled together.
    """

    right: NDArray[np.float64]
    of: NDArray[np.float64]
    clusters: NDArray[np.str_]
    test: str

    def where(self, chosen: NDArray[np.bool_]) -> Counts:
        """Of the chosen slices."""
        return Counts(self.right[chosen], self.of[chosen], self.clusters[chosen], self.test)

    @property
    def ratio(self) -> float:
        """The metric; nan where there is nothing to count."""
        return float(self.right.sum() / self.of.sum()) if self.of.sum() else float("nan")


@dataclass(frozen=True, slots=True)
class Value:
    """A metric over the cells of a row: their mean, its 95 % interval, and the test slices of each cell."""

    mean: float
    interval: tuple[float, float]
    slices: tuple[int, ...]


def counts_of(table: pd.DataFrame, task: str, test: str) -> tuple[Counts, NDArray[np.bool_] | None]:
    """(what one cell's table counts, whether each slice is clean); no clean ones where the table does not say what leaked.

    Accuracy for classification; for segmentation Dice of any lesion against the background, over all pixels.
    """
    if task == "segmentation":
        width = int(len(table["confusion"].iloc[0]) ** 0.5)
        pixels = np.stack(table["confusion"].to_list()).reshape(-1, width, width)
        right = 2.0 * pixels[:, 1:, 1:].sum((1, 2))
        of = (pixels[:, 1:].sum((1, 2)) + pixels[:, :, 1:].sum((1, 2))).astype(np.float64)
    else:
        right, of = (table["label"] == table["predicted"]).to_numpy(np.float64), np.ones(len(table))
    names = table["cluster"] if "cluster" in table else table["group"].where(table["group"] != "", table["sample_id"])
    clean = (table["leaked"] == "").to_numpy(bool) if "leaked" in table else None
    return Counts(right, of, names.to_numpy(np.str_), test), clean


def value_of(cells: Sequence[Counts]) -> Value | None:
    """The mean over the cells and its interval: clusters are drawn anew within each test part, then the cells of it.

    The percentiles 2.5 and 97.5 of 1000 draws, the same for every model of one test part. None where a cell has nothing
    to count.
    """
    if not cells or not all(cell.of.sum() for cell in cells):
        return None
    parts: dict[str, list[Counts]] = {}
    for cell in cells:
        parts.setdefault(cell.test, []).append(cell)
    drawn = sum(_drawn(test, own) * len(own) for test, own in sorted(parts.items())) / len(cells)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    mean = float(np.mean([cell.ratio for cell in cells]))
    return Value(mean, (float(low), float(high)), tuple(len(cell.of) for cell in cells))


def _drawn(test: str, cells: Sequence[Counts]) -> NDArray[np.float64]:
    """float64 ``(draws,)``: the mean over cells of one test part, clusters and cells drawn with replacement."""
    rng = np.random.default_rng(int(hashlib.sha256(test.encode()).hexdigest()[:15], 16))
    names = sorted({name for cell in cells for name in cell.clusters.tolist()})
    weights = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS).astype(np.float64)
    ratios = np.stack([_ratios(cell, names, weights) for cell in cells])  # (cells, draws)
    chosen = rng.integers(len(cells), size=(len(cells), DRAWS))
    return np.asarray(ratios[chosen, np.arange(DRAWS)].mean(0))


def _ratios(cell: Counts, names: Sequence[str], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    place = np.searchsorted(np.array(names, np.str_), cell.clusters)
    right, of = (np.bincount(place, each, len(names)) for each in (cell.right, cell.of))
    total = weights @ of
    return np.asarray(np.divide(weights @ right, total, out=np.full(len(total), np.nan), where=total > 0))
