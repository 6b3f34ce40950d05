"""McNemar's test of two classifiers on the same samples, plain and for samples that come in clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorbench.statistics.clusters import Clusters

__all__ = ["Discordance", "discordance"]


@dataclass(frozen=True, slots=True)
class Discordance:
    """How two classifiers differ sample by sample.

    first_only, second_only: samples that one alone has right. odds_ratio: of the two, None where the second count is 0.
    p_plain: McNemar's, as if every sample were a patient of its own. p_clustered: of the same hypothesis where samples
    of one cluster go together; None where there are fewer than 2 clusters or no sample tells the two apart.
    """

    first_only: int
    second_only: int
    odds_ratio: float | None
    p_plain: float
    p_clustered: float | None


def discordance(
    first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], clusters: Sequence[str]
) -> Discordance:
    """The two classifiers' discordance; bool ``(n,)`` each, and the cluster of each sample.

    Plain: statsmodels' exact test. Clustered: the mean of the samples' differences against 0 with a variance over
    clusters (Obuchowski, On the comparison of correlated proportions for clustered data, Statistics in Medicine 1998),
    as the intercept of statsmodels' least squares with cluster-robust covariance.

    >>> found = discordance(np.array([True] * 8 + [False] * 2), np.array([False] * 8 + [True] * 2), list("abcdefghij"))
    >>> found.first_only, found.second_only, found.odds_ratio, round(found.p_plain, 4)
    (8, 2, 4.0, 0.1094)
    """
    from statsmodels.stats.contingency_tables import mcnemar

    both = [[int((first_right & second_right).sum()), int((first_right & ~second_right).sum())],
            [int((~first_right & second_right).sum()), int((~first_right & ~second_right).sum())]]  # fmt: skip
    first_only, second_only = both[0][1], both[1][0]
    plain = float(mcnemar(both, exact=True).pvalue) if first_only + second_only else 1.0
    ratio = first_only / second_only if second_only else None
    differences = first_right.astype(np.float64) - second_right.astype(np.float64)
    return Discordance(first_only, second_only, ratio, plain, _clustered(differences, Clusters.of(clusters)))


def _clustered(differences: NDArray[np.float64], clusters: Clusters) -> float | None:
    from statsmodels.regression.linear_model import OLS

    if len(clusters) < 2 or not np.ptp(clusters.totals(differences[:, None])):  # noqa: PLR2004 - one has no variance
        return None
    fitted = OLS(differences, np.ones(len(differences))).fit(
        cov_type="cluster", cov_kwds={"groups": clusters.of_rows}, use_t=True
    )
    return float(fitted.pvalues[0])
