"""Bootstrap replicates of the values of one test set: what they would have been with other patients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from tumorbench.statistics.clusters import DRAWS, Clusters
from tumorbench.statistics.intervals import Ends, interval

__all__ = ["GENERIC_DRAWS", "Drawn", "Totalled", "drawn_of_rows", "drawn_of_totals", "drawn_of_weights"]

AT_ONCE = 1 << 16  # weights of samples that are held at a time: they fit a processor's cache
GENERIC_DRAWS = 200  # of a metric that has to be called once for each replicate
Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Totalled:
    """Values that follow from sums over the samples, such as counts of right answers.

    names: of the values. parts: float64 ``(n, m)``, what each sample adds. finish: sums ``(draws, m)`` -> values
    ``(draws, names)``, NaN where undefined.
    """

    names: tuple[str, ...]
    parts: NDArray[np.float64]
    finish: Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Replicates of the values of one test set.

    observed: the values of the samples as they are, NaN where undefined. draws: by the value's name, float64
    ``(draws,)``, NaN where a replicate leaves it undefined. clusters: how many were drawn from.
    """

    observed: Mapping[str, float] = field(default_factory=dict)
    draws: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    clusters: int = 0

    def interval(self, name: str, value: float | None, value_range: Ends = (-inf, inf)) -> Ends | None:
        """The value's 95 % interval; None where it has no replicates."""
        return interval(value, self.draws[name], self.clusters, value_range) if name in self.draws else None

    def beside(self, other: Drawn) -> Drawn:
        """The replicates of both, which are of the same test set."""
        return Drawn({**self.observed, **other.observed}, {**self.draws, **other.draws}, self.clusters)


def drawn_of_totals(every: Iterable[Totalled], clusters: Clusters, draws: int = DRAWS) -> Drawn:
    """The replicates of all of their values.

    Each is of as many clusters, drawn with replacement (cluster bootstrap: Davison and Hinkley, Bootstrap methods and
    their application, 1997, section 3.8).
    """
    observed, found = {}, {}
    for what in every:
        totals = clusters.totals(what.parts)
        both = what.finish(np.concatenate([totals.sum(0, keepdims=True), clusters.weights(draws) @ totals]))
        for column, name in enumerate(what.names):
            observed[name], found[name] = float(both[0, column]), both[1:, column]
    return Drawn(observed, found, len(clusters))


def drawn_of_weights(
    values: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    names: Sequence[str],
    clusters: Clusters,
    draws: int = DRAWS,
) -> Drawn:
    """As ``drawn_of_totals`` for values that follow from how often each sample is drawn, such as those of an order.

    values: weights float64 ``(draws, n)`` -> values ``(draws, names)``, NaN where undefined.
    """
    n = len(clusters.of_rows)
    observed = values(np.ones((1, n)))[0]
    weights = clusters.weights(draws)
    parts = np.array_split(weights, max(1, -(-draws * n // AT_ONCE)))
    found = np.concatenate([values(part[:, clusters.of_rows]) for part in parts])
    return Drawn(
        dict(zip(names, observed.tolist(), strict=True)),
        {name: found[:, column] for column, name in enumerate(names)},
        len(clusters),
    )


def drawn_of_rows(
    values: Callable[[NDArray[np.int64]], Values], names: Sequence[str], clusters: Clusters, draws: int = GENERIC_DRAWS
) -> Drawn:
    """As ``drawn_of_totals`` for values that have to be computed on the drawn samples, called with their positions."""

    def known(rows: NDArray[np.int64]) -> list[float]:
        found = values(rows)
        return [np.nan if (value := found.get(name)) is None else value for name in names]

    observed = known(np.arange(len(clusters.of_rows)))
    each = np.array([known(clusters.rows_of_draw(counts)) for counts in clusters.weights(draws)])
    return Drawn(
        dict(zip(names, observed, strict=True)),
        {name: each[:, column] for column, name in enumerate(names)},
        len(clusters),
    )
