"""95 % intervals from bootstrap replicates, corrected for how few clusters there are."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["LEAST_CLUSTERS", "LEVEL", "interval", "spread_factor"]

LEVEL = 0.95
LEAST_CLUSTERS = 5  # below, the clusters say too little of how others would differ
LEAST_DEFINED = 0.9  # of the replicates
SHARE = (0.0, 1.0)

Ends = tuple[float, float]


def interval(
    value: float | None,
    draws: NDArray[np.float64],
    clusters: int,
    value_range: Ends = (-inf, inf),
    *,
    folds: int = 1,
    halves: bool = False,
) -> Ends | None:
    """The 95 % interval of a value from its replicates; it lies inside ``value_range``.

    clusters: that the replicates drew from, in so many folds. halves: the replicates are of halves of the clusters.
    None where the value is undefined, where a fold has fewer than 5 clusters on average, or where more than a tenth of
    the replicates is undefined.

    A value between 0 and 1: Clopper and Pearson's interval for as many samples as would give a share the replicates'
    spread (Korn and Graubard, Confidence intervals for proportions with small expected number of positive counts,
    Survey Methodology 1998); where nothing spreads, for as many as there are clusters. Any other: the expanded
    percentile interval (Hesterberg, What teachers should know about the bootstrap, 2015, section 4), laid around the
    value by the replicates' median, so that one that replicates repeat with a bias keeps its place.
    """
    known = draws[np.isfinite(draws)]
    if value is None or clusters < LEAST_CLUSTERS * folds or len(known) < max(1.0, LEAST_DEFINED * len(draws)):
        return None
    factor = spread_factor(clusters, folds=folds, halves=halves)
    if value_range == SHARE:
        return _of_a_share(value, float(known.std()) * factor, clusters)
    if halves:  # too few for quantiles so far out
        low, high = value - factor * float(known.std()), value + factor * float(known.std())
    else:
        tail = float(special.ndtr(-factor))
        low, middle, high = (float(end) for end in np.quantile(known, [tail, 0.5, 1 - tail]))
        low, high = value + low - middle, value + high - middle
    return max(value_range[0], low), min(value_range[1], high)


def spread_factor(clusters: int, *, folds: int = 1, halves: bool = False) -> float:
    """How many standard deviations of the replicates an interval reaches to each side.

    A bootstrap of C clusters spreads too little by sqrt((C - 1) / C), halves drawn without replacement do not; both
    need Student's quantile, of one degree of freedom less than clusters in each fold.

    >>> round(spread_factor(20), 3), round(spread_factor(100_000), 3)
    (2.147, 1.96)
    """
    student, each = float(special.stdtrit(clusters - folds, (1 + LEVEL) / 2)), clusters / folds
    return student if halves else student * sqrt(each / (each - 1))


def _of_a_share(value: float, reach: float, clusters: int) -> Ends:
    """Korn and Graubard's interval. reach: half the width that a normal interval would have."""
    value = min(1.0, max(0.0, value))
    spread = reach / float(special.ndtri((1 + LEVEL) / 2))
    n = value * (1 - value) / spread**2 if spread > 0 and 0 < value < 1 else float(clusters)
    hits, tail = value * n, (1 - LEVEL) / 2
    low = float(special.betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high
