"""Ranks that say how sure they are: models that cannot be told apart share one.

After challengeR (Wiesenfarth et al., Methods and open-source toolkit for analyzing and visualizing challenge results,
Scientific Reports 2021): a model's rank is one more than the number of models that are significantly better, by paired
bootstrap tests with Holm's correction over all pairs of a table; its rank interval is where the rank of its mean lies
in 95 % of the replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tumorbench.statistics.intervals import LEVEL, spread_factor
from tumorbench.statistics.rows import RowDraws

__all__ = ["Standing", "holm", "p_of_difference", "spread_of", "standings"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A model among others.

    rank: shared with those it cannot be told from. low, high: where 95 % of the ranks of its mean lie, and its rank.
    """

    rank: int
    low: int
    high: int


def standings(rows: Sequence[RowDraws], *, higher_is_better: bool) -> list[Standing]:
    """Where each row stands, in their order; replicates of rows on the same test sets are pairs."""
    if not rows:
        return []
    sign = 1.0 if higher_is_better else -1.0
    values = np.array([sign * row.value for row in rows])
    draws = sign * np.stack([row.draws for row in rows])
    pairs = list(combinations(range(len(rows)), 2))
    surely = np.zeros((len(rows), len(rows)), bool)
    adjusted = holm([p_of_difference(rows[one], rows[other]) for one, other in pairs])
    for (one, other), p in zip(pairs, adjusted, strict=True):
        if p < 1 - LEVEL:
            better, worse = (one, other) if values[one] > values[other] else (other, one)
            surely[better, worse] = True
    ranks = 1 + (draws[None] > draws[:, None]).sum(1)  # (rows, draws): how many are better in each replicate
    ends = np.quantile(ranks, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1, method="inverted_cdf").astype(int)
    own = 1 + surely.sum(0)
    return [
        Standing(rank, min(low, rank), max(high, rank))
        for rank, (low, high) in zip(own.tolist(), ends.T.tolist(), strict=True)
    ]


def p_of_difference(one: RowDraws, other: RowDraws) -> float:
    """The two-sided p of equal values, by Student's t of the difference over the spread of its replicates.

    1 where nothing can be told: the values are equal, or there are too few clusters to see a spread.
    """
    difference, spread = one.value - other.value, spread_of(one.draws - other.draws)
    clusters, folds = min(one.clusters, other.clusters), max(one.folds, other.folds)
    if difference == 0 or not spread > 0 or clusters <= 2 * folds:
        return 1.0
    wider = spread_factor(clusters, folds=folds) / spread_factor(clusters, folds=folds, halves=True)
    return float(2 * special.stdtr(clusters - folds, -abs(difference) / (spread * wider)))


def spread_of(draws: NDArray[np.float64]) -> float:
    """The standard deviation of the replicates that are defined; NaN without any."""
    known = draws[np.isfinite(draws)]
    return float(known.std()) if len(known) else float("nan")


def holm(ps: Sequence[float]) -> list[float]:
    """The p values adjusted for being so many (Holm, A simple sequentially rejective multiple test procedure, 1979).

    Not statsmodels' ``multipletests``, which has Python collect its garbage at every call: a tenth of a second or more.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, order = np.array(ps, float), np.argsort(ps)
    steps = adjusted[order] * np.arange(len(adjusted), 0, -1)
    adjusted[order] = np.maximum.accumulate(steps).clip(max=1)
    return [float(p) for p in adjusted]
