"""Accuracy and Dice as ratios of sums over test slices: of all of them, of the clean ones, and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.statistics.clusters import Clusters
from tumorbench.statistics.rows import CellDraws, drawn_row

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


@dataclass(frozen=True, slots=True)
class Counts:
    """Of each test slice of one cell what is right, out of how much: the metric is the ratio of the two sums.

    right, of: float64 ``(n,)``. clusters: patient and near-copies have one name.
    """

    right: NDArray[np.float64]
    of: NDArray[np.float64]
    clusters: NDArray[np.str_]

    def where(self, chosen: NDArray[np.bool_]) -> Counts:
        """Of the chosen slices."""
        return Counts(self.right[chosen], self.of[chosen], self.clusters[chosen])

    @property
    def ratio(self) -> float:
        """The metric; nan where there is nothing to count."""
        return float(self.right.sum() / self.of.sum()) if self.of.sum() else float("nan")


@dataclass(frozen=True, slots=True)
class Value:
    """A metric over the cells of a row: their mean, its 95 % interval (None for too few clusters), each cell's slices."""

    mean: float
    interval: tuple[float, float] | None
    slices: tuple[int, ...]


def counts_of(table: pd.DataFrame, task: str) -> tuple[Counts, NDArray[np.bool_] | None]:
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
    return Counts(right, of, names.to_numpy(np.str_)), clean


def value_of(cells: Mapping[tuple[int, int], Counts], name: str) -> Value | None:
    """The mean over the cells, by (fold, seed), and its interval over clusters and seeds, as on the boards.

    name: of the row. None where a cell has nothing to count.
    """
    if not cells or not all(cell.of.sum() for cell in cells.values()):
        return None
    values = {where: cell.ratio for where, cell in cells.items()}
    row = drawn_row(values, {where: _drawn(cell) for where, cell in cells.items()}, name)
    ends = row.interval((0.0, 1.0)) if row else None
    return Value(float(np.mean(list(values.values()))), ends, tuple(len(cell.of) for cell in cells.values()))


def _drawn(cell: Counts) -> CellDraws:
    """The cell's replicates, with its clusters drawn anew."""
    clusters = Clusters.of(cell.clusters.tolist())
    totals = clusters.weights() @ clusters.totals(np.stack([cell.right, cell.of], 1))
    right, of = totals[:, 0], totals[:, 1]
    return CellDraws(np.divide(right, of, out=np.full(len(of), np.nan), where=of > 0), len(clusters))
