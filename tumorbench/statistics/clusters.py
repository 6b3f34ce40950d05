"""Which samples stand and fall together, and how often each such cluster is drawn in every bootstrap replicate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRAWS", "Clusters"]

DRAWS = 1000
SEED = "tumorbench cluster bootstrap 1"


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of a set of samples.

    names: of the clusters, sorted. of_rows: int64 ``(n,)``, the position of each sample's cluster among the names.
    """

    names: tuple[str, ...]
    of_rows: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Sequence[str]) -> Clusters:
        """The clusters of samples, given the cluster's name of each.

        >>> found = Clusters.of(["b", "a", "b"])
        >>> found.names, found.of_rows.tolist()
        (('a', 'b'), [1, 0, 1])
        """
        names, of_rows = np.unique(np.asarray(rows, dtype=str), return_inverse=True)
        return cls(tuple(names.tolist()), np.asarray(of_rows, np.int64).ravel())

    def __len__(self) -> int:
        return len(self.names)

    def totals(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the samples of each cluster add up to, float64 ``(clusters, m)``; parts: ``(n, m)``."""
        found = np.zeros((len(self), parts.shape[1]))
        np.add.at(found, self.of_rows, parts)
        return found

    def weights(self, draws: int = DRAWS) -> NDArray[np.float64]:
        """How often each cluster is drawn, float64 ``(draws, clusters)``; each row adds up to the number of clusters.

        It depends on the names alone: two models on one test set are resampled alike, so that their replicates are
        pairs.
        """
        return _weights(hashlib.sha256("\0".join((SEED, *self.names)).encode()).digest(), len(self), draws)

    def rows_of_draw(self, counts: NDArray[np.float64]) -> NDArray[np.int64]:
        """The samples of one replicate, each as often as its cluster was drawn. counts: a row of ``weights``."""
        return np.repeat(np.arange(len(self.of_rows)), counts[self.of_rows].astype(np.int64))


@lru_cache(maxsize=16)
def _weights(seed: bytes, clusters: int, draws: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(np.frombuffer(seed, np.uint32))
    if not clusters:
        return np.zeros((draws, 0))
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws).astype(np.float64)
