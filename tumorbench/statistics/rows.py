"""Replicates of a board's row: the mean over folds and seeds, with other patients and other seeds.

A row's replicate draws clusters within each fold, the same for every seed, and then seeds within each fold; the
deviation of the drawn seeds from all of them is stretched by sqrt(S / (S - 1)), because S seeds drawn with replacement
spread too little by that. A row of one seed says nothing of seeds: its interval is of patients alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tumorbench.statistics.clusters import DRAWS
from tumorbench.statistics.intervals import LEVEL, Ends, interval

__all__ = ["CellDraws", "RowDraws", "drawn_row", "of_interval"]


@dataclass(frozen=True, slots=True)
class CellDraws:
    """The replicates of one value of one cell, float64 ``(draws,)``, and from how many clusters they are."""

    draws: NDArray[np.float64]
    clusters: int


@dataclass(frozen=True, slots=True)
class RowDraws:
    """The replicates of a row's mean, float64 ``(draws,)``. clusters: of all folds together."""

    value: float
    draws: NDArray[np.float64]
    clusters: int
    folds: int

    def interval(self, value_range: Ends = (-inf, inf)) -> Ends | None:
        """The 95 % interval of the row's mean."""
        return interval(self.value, self.draws, self.clusters, value_range, folds=self.folds)


def drawn_row(
    values: Mapping[tuple[int, int], float], cells: Mapping[tuple[int, int], CellDraws], name: str
) -> RowDraws | None:
    """The replicates of the mean over the cells, by (fold, seed). name: of the row, from which its draws of seeds follow.

    None where a cell has no replicates.
    """
    if not values or any(cell not in cells for cell in values):
        return None
    seeds_of: dict[int, list[int]] = {}
    for fold, seed in sorted(values):
        seeds_of.setdefault(fold, []).append(seed)
    total = np.zeros(DRAWS)
    for fold, seeds in seeds_of.items():
        each = np.stack([_padded(cells[fold, seed].draws) for seed in seeds])
        total += len(seeds) * _over_seeds(each, _rng("seeds", name, str(fold)))
    clusters = sum(max(cells[fold, seed].clusters for seed in seeds) for fold, seeds in seeds_of.items())
    return RowDraws(float(np.mean(list(values.values()))), total / len(values), clusters, len(seeds_of))


def of_interval(value: float, ends: Ends, clusters: int, name: str, *, value_range: Ends = (-inf, inf)) -> CellDraws:
    """Replicates that have a given interval: normal, with the width of each side of the value.

    For values whose predictions are not here. They share nothing with those of another name, so that a difference of
    two such values is taken for less sure than it is where both were compared with the same images.
    """
    reach = float(special.ndtri((1 + LEVEL) / 2))
    scores = special.ndtri((_rng("interval", name).permutation(DRAWS) + 0.5) / DRAWS)
    below, above = (value - ends[0]) / reach, (ends[1] - value) / reach
    drawn = value + np.where(scores < 0, scores * below, scores * above)
    return CellDraws(np.clip(drawn, *value_range), clusters)


def _over_seeds(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """``(seeds, draws)`` -> ``(draws,)``: the mean over drawn seeds."""
    count, middle = len(draws), draws.mean(0)
    if count == 1:
        return np.asarray(middle)
    chosen = rng.integers(count, size=draws.shape)
    drawn = np.take_along_axis(draws, chosen, axis=0).mean(0)
    return np.asarray(middle + (drawn - middle) * sqrt(count / (count - 1)))


def _padded(draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """The replicates, repeated where they are fewer than the usual number."""
    return np.resize(draws, DRAWS)


def _rng(*names: str) -> np.random.Generator:
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))
