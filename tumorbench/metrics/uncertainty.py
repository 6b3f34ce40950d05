"""Replicates of the generation metrics over patients and images, by one rule: resampling halves without replacement.

A replicate is the metric of half of the real images' clusters (patients, near-copies) and of half of the generated
images, which are independent of one another. A half differs from the whole by as much as the whole from the population
(the variance of a half's mean about the whole's is ``(1/(n/2) - 1/n) s^2 = s^2 / n``), so nothing is rescaled. A
bootstrap with replacement would not do: repeated images bring the nearest neighbours' distances to 0, lift FID above
its value, and feign memorised images. ``statistics.interval`` makes the 95 % interval of them, around the value *at
this n*.

Coverage of the expected value at the same n and patients is in docs/intervals.md. A share of nearly 0 or 1 has the
exact interval of as many samples as there are clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.diversity import mean_distance
from tumorbench.metrics.features import Features, comparable, distances, distances_between, pixel_features
from tumorbench.metrics.frechet import extrapolated, frechet, inner_products
from tumorbench.metrics.generation import NEIGHBOURS as PRECISION_NEIGHBOURS
from tumorbench.metrics.intensity import BRIGHT, counts_per_image, cumulative_gaps, ks_of, ks_of_samples, wasserstein_of
from tumorbench.metrics.manifold import coverage_of, density_of, radii
from tumorbench.metrics.memorisation import memory_distances, ratio_of, share_of

__all__ = ["DRAWS", "REPLICATES", "Halves", "halves", "replicates"]

Index = NDArray[np.int64]
Images = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Statistic = Callable[[Index, Index], float | None]
Prepared = tuple[int, int, Statistic]
Sides = tuple[Sequence[str] | None, Sequence[str] | None]

DRAWS = 100
FEWER_DRAWS = {"fid_infinity": 30}  # each draw is some 15 Fréchet distances
SEED = 2020
LEAST = 20  # images a side: halves of 10 have the neighbours that every metric asks for


@dataclass(frozen=True, slots=True)
class Halves:
    """A metric's value and its replicates, float64 ``(draws,)``.

    clusters: of the side that has fewer. value_range: of the metric.
    """

    value: float
    draws: Matrix
    clusters: int
    value_range: tuple[float, float]


def replicates(metric_id: str) -> Callable[..., Halves | None] | None:
    """What gives the metric's replicates, called with the metric's arguments; None where it has none.

    It also takes ``clusters``, the names of the clusters of the images of both sides, None for images that are
    independent, and ``draws`` and ``seed``. The sides are real and generated; of metrics of memory generated and held
    out.

    >>> rng = np.random.default_rng(0)
    >>> sets = [Features(rng.normal(size=(50, 4)).astype(np.float32) + shift, None, "raw") for shift in (0, 1)]
    >>> found = replicates("fid")(*sets)
    >>> 3 < found.value < 4, found.draws.shape, found.clusters
    (True, (100,), 50)
    """
    if metric_id not in REPLICATES:
        return None
    prepare, value_range = REPLICATES[metric_id]

    def drawn(
        *sets: Any, clusters: Sides = (None, None), draws: int = FEWER_DRAWS.get(metric_id, DRAWS), seed: int = SEED
    ) -> Halves | None:
        found = halves(*prepare(*sets), clusters=clusters, draws=draws, seed=seed)
        return found and replace(found, value_range=value_range)

    return drawn


def halves(
    n: int, m: int, statistic: Statistic, *, clusters: Sides = (None, None), draws: int = DRAWS, seed: int = SEED
) -> Halves | None:
    """The replicates of a statistic of two sets of ``n`` and ``m`` images. The same each time.

    statistic: its value on chosen images of both, given their positions; None where undefined. None where a side has
    fewer than 20 images or a value is undefined.
    """
    if min(n, m) < LEAST:
        return None
    rng = np.random.default_rng(seed)
    groups = [_numbers(size, names) for size, names in zip((n, m), clusters, strict=True)]
    value = statistic(np.arange(n), np.arange(m))
    drawn = [statistic(*(_half(own, rng) for own in groups)) for _ in range(draws)]
    known = [each for each in drawn if each is not None]
    if value is None or len(known) < draws:
        return None
    fewest = min(int(own.max()) + 1 for own in groups)
    return Halves(value, np.array(known, np.float64), fewest, (-inf, inf))


def _numbers(size: int, names: Sequence[str] | None) -> Index:
    """The number of each image's cluster, int64 ``(size,)``."""
    if names is None:
        return np.arange(size)
    return np.asarray(np.unique(np.asarray(names, dtype=str), return_inverse=True)[1], np.int64).ravel()


def _half(numbers: Index, rng: np.random.Generator) -> Index:
    """The positions of the images of half of the clusters."""
    count = int(numbers.max()) + 1
    chosen = np.zeros(count, bool)
    chosen[rng.permutation(count)[: (count + int(rng.integers(2))) // 2]] = True
    return np.flatnonzero(chosen[numbers])


def _fid(real: Features, generated: Features, of: Callable[..., float] = frechet) -> Prepared:
    products = inner_products(*comparable(real, generated))
    return len(real), len(generated), lambda rows, columns: of(products, rows, columns)


def _kid(real: Features, generated: Features) -> Prepared:
    first, second = comparable(real, generated)
    within, other, across = (
        (one @ two.T / one.shape[1] + 1) ** 3 for one, two in ((first, first), (second, second), (first, second))
    )

    def pairs(kernel: Matrix, chosen: Index) -> float:
        block = kernel[np.ix_(chosen, chosen)]
        return float((block.sum() - np.trace(block)) / (len(chosen) * (len(chosen) - 1)))

    return (
        len(real),
        len(generated),
        lambda rows, columns: (
            pairs(within, rows) + pairs(other, columns) - 2 * float(across[np.ix_(rows, columns)].mean())
        ),
    )


def _inception_score(real: Features, generated: Features) -> Prepared:
    comparable(real, generated)
    if generated.logits is None:
        return len(real), len(generated), lambda _rows, _columns: None
    powers = np.exp((logits := generated.logits.astype(np.float64)) - logits.max(axis=1, keepdims=True))
    chances = powers / powers.sum(axis=1, keepdims=True)
    negative_entropies = _negative_entropy(chances)
    return (
        len(real),
        len(generated),
        lambda _, chosen: float(
            np.exp(negative_entropies[chosen].mean() - _negative_entropy(chances[chosen].mean(axis=0)))
        ),
    )


def _negative_entropy(chances: Matrix) -> Matrix:
    return np.asarray((chances * np.log(np.maximum(chances, np.finfo(np.float64).tiny))).sum(axis=-1))


def _manifold(real: Features, generated: Features, of: Callable[[Matrix, Matrix, Matrix], float]) -> Prepared:
    """of: the metric from the distances within the real set, across, and within the generated set."""
    within, across, other = (
        distances_between(one, two) for one, two in ((real, real), (real, generated), (generated, generated))
    )

    def statistic(rows: Index, columns: Index) -> float:
        return of(within[np.ix_(rows, rows)], across[np.ix_(rows, columns)], other[np.ix_(columns, columns)])

    return len(real), len(generated), statistic


def _precision_of(within: Matrix, across: Matrix, _: Matrix) -> float:
    return float((across <= radii(within, PRECISION_NEIGHBOURS)[:, None]).any(axis=0).mean())


def _recall_of(_: Matrix, across: Matrix, other: Matrix) -> float:
    return float((across <= radii(other, PRECISION_NEIGHBOURS)).any(axis=1).mean())


def _intensity(real: Images, generated: Images, of: Callable[..., float | None], darkest: int = 0) -> Prepared:
    first, second = (counts_per_image(side)[:, darkest:] for side in (real, generated))
    return (
        len(real),
        len(generated),
        lambda rows, columns: of(cumulative_gaps(first[rows].sum(axis=0), second[columns].sum(axis=0))),
    )


def _image_mean(real: Images, generated: Images) -> Prepared:
    first, second = (
        side.reshape(len(side), -1).mean(axis=1) if side.size else np.zeros(0) for side in (real, generated)
    )
    return len(first), len(second), lambda rows, columns: ks_of_samples(first[rows], second[columns])


def _diversity(real: Images, generated: Images) -> Prepared:
    first, second = (
        distances(side, side)
        for side in (pixel_features(images).features.astype(np.float64) for images in (real, generated))
    )

    def statistic(rows: Index, columns: Index) -> float | None:
        real_mean, generated_mean = (
            mean_distance(first[np.ix_(rows, rows)]),
            mean_distance(second[np.ix_(columns, columns)]),
        )
        return generated_mean / real_mean if real_mean and generated_mean is not None else None

    return len(real), len(generated), statistic


def _memory(generated: Features, training: Features, held_out: Features, of: Callable[..., float | None]) -> Prepared:
    """Over the generated and the held-out images; the training set is what it is."""
    first, second, copy = memory_distances(generated, training, held_out)
    return len(first), len(second), lambda rows, columns: of(first[rows], second[columns], copy)


UNIT, POSITIVE = (0.0, 1.0), (0.0, inf)

REPLICATES: dict[str, tuple[Callable[..., Prepared], tuple[float, float]]] = {
    "kid": (_kid, (-inf, inf)),
    "fid": (_fid, POSITIVE),
    "fid_infinity": (partial(_fid, of=extrapolated), (-inf, inf)),
    "inception_score": (_inception_score, (1.0, inf)),
    "manifold_precision": (partial(_manifold, of=_precision_of), UNIT),
    "manifold_recall": (partial(_manifold, of=_recall_of), UNIT),
    "density": (partial(_manifold, of=lambda within, across, _: density_of(radii(within), across)), POSITIVE),
    "coverage": (partial(_manifold, of=lambda within, across, _: coverage_of(radii(within), across)), UNIT),
    "ks_d": (partial(_intensity, of=ks_of), UNIT),
    "wasserstein_1": (partial(_intensity, of=wasserstein_of), UNIT),
    "ks_d_foreground": (partial(_intensity, of=ks_of, darkest=BRIGHT + 1), UNIT),
    "wasserstein_1_foreground": (partial(_intensity, of=wasserstein_of, darkest=BRIGHT + 1), UNIT),
    "ks_d_image_mean": (_image_mean, UNIT),
    "diversity": (_diversity, POSITIVE),
    "memorisation": (partial(_memory, of=share_of), UNIT),
    "nearest_ratio": (partial(_memory, of=ratio_of), POSITIVE),
}
"""Metric id -> (what reads its arguments once and gives the sets' sizes and the metric on parts of them, range)."""
