"""Fréchet distances of many subsets of two sets of features, and what they say of sets without end.

The trace of ``sqrt(C1 C2)`` is the nuclear norm of the product of the centred features,
``X1 X2^T / sqrt((n - 1)(m - 1))``, so that every subset's distance follows from one table of inner products: below the
feature dimension that is exact and hundreds of times faster than covariances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.features import Features, comparable

__all__ = ["InnerProducts", "extrapolated", "fid_infinity", "frechet", "inner_products"]

Values = dict[str, float | None]
Matrix = NDArray[np.float64]
Index = NDArray[np.int64]

LEAST = 200  # images a side
INVERSE_SIZES = (
    1.0,
    1.6,
    2.2,
    2.8,
    3.4,
    4.0,
)  # of the subsets, in 1 / all: the whole sets to quarters, evenly spaced where the line is fitted
SEED = 2020


class InnerProducts(NamedTuple):
    """Between the images of two sets, moved to their common mean: ``(n, n)``, ``(m, m)`` and ``(n, m)``."""

    first: Matrix
    second: Matrix
    across: Matrix


def fid_infinity(real: Features, generated: Features) -> Values:
    """FID that endless real and generated images would have.

    That is the intercept of a line through FID against 1 / n, for n from a quarter of the images to all.

    Lower is better. Its expectation is 0 for equal distributions, nearly: some of FID's excess stays (a tenth to a half
    of it, for features whose variances fall slowly), so that it is read beside its real-vs-real value too; and like KID
    it may fall below 0. None where a side has fewer than 200 images. Both sides are cut, each into as many random
    disjoint parts as it has (fixed seed), whose distances are averaged. Chong and Forsyth cut the generated side only
    and draw it by Sobol sequences; then the excess of a few hundred real images stays whole. Source: Chong and Forsyth,
    Effectively unbiased FID and Inception Score and where to find them, CVPR 2020.

    >>> def normal(seed):
    ...     return Features(np.random.default_rng(seed).normal(size=(400, 30)).astype(np.float32), None, "raw")
    >>> value = fid_infinity(normal(0), normal(1))["fid_infinity"]  # FID is 1.2
    >>> abs(value) < 0.2
    True
    """
    first, second = comparable(real, generated)
    if min(len(first), len(second)) < LEAST:
        return {"fid_infinity": None}
    return {"fid_infinity": extrapolated(inner_products(first, second), np.arange(len(first)), np.arange(len(second)))}


def extrapolated(products: InnerProducts, rows: Index, columns: Index) -> float:
    """The Fréchet distance at infinity of the chosen images of both sets; see ``fid_infinity``."""
    rng = np.random.default_rng(SEED)
    rows, columns = rng.permutation(rows), rng.permutation(columns)
    means = []
    for inverse in INVERSE_SIZES:
        n, m = round(len(rows) / inverse), round(len(columns) / inverse)
        parts = [
            (rows[part * n : (part + 1) * n], columns[part * m : (part + 1) * m])
            for part in range(min(len(rows) // n, len(columns) // m))
        ]
        means.append(np.mean([frechet(products, *part) for part in parts]))
    return float(np.polynomial.polynomial.polyfit(INVERSE_SIZES, means, 1)[0])


def inner_products(first: Matrix, second: Matrix) -> InnerProducts:
    """Of features ``(n, dimensions)`` and ``(m, dimensions)``, float64."""
    mean = np.concatenate([first, second]).mean(axis=0)
    first, second = first - mean, second - mean
    return InnerProducts(first @ first.T, second @ second.T, first @ second.T)


def frechet(products: InnerProducts, rows: Index, columns: Index) -> float:
    """The Fréchet distance between the chosen images of the first set and of the second, at least 2 each.

    It is not below 0.

    The singular values are roots of eigenvalues, so that those that are 0 come out as about 1e-8 of the largest: a
    relative error of 1e-5 at most.
    """
    first, second = products.first[np.ix_(rows, rows)], products.second[np.ix_(columns, columns)]
    across = products.across[np.ix_(rows, columns)]
    n, m = across.shape
    gap = first.mean() + second.mean() - 2 * across.mean()  # of the means, squared
    variances = (np.trace(first) - n * first.mean()) / (n - 1) + (np.trace(second) - m * second.mean()) / (m - 1)
    centred = across - across.mean(axis=0) - across.mean(axis=1)[:, None] + across.mean()
    squares = np.linalg.eigvalsh(centred @ centred.T if n <= m else centred.T @ centred)
    return max(0.0, float(gap + variances - 2 * np.sqrt(squares.clip(0)).sum() / np.sqrt((n - 1) * (m - 1))))
