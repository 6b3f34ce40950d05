"""Density and coverage, by nearest neighbours: ``metric(real, generated)`` -> values by bare name, or None.

They tell fidelity and variety, on deep features.

Both repair the precision and recall of ``tumorbench.metrics.generation``: only the real images have balls around them,
so that outliers among the generated ones cannot span wide, and each ball counts, so that one outlier among the real
ones cannot take everything in. Features are compared in float64.

Source: Naeem et al., Reliable fidelity and diversity metrics for generative models, ICML 2020, equations 6 and 8. For
equal distributions at equal n the expected values are 1 and ``1 - (n-1)...(n-k) / (2n-1)...(2n-k)``, about 0.97 for k =
5, whatever the features' dimension (section 3.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.features import Features, comparable, distances_between

__all__ = ["NEIGHBOURS", "coverage", "coverage_of", "density", "density_of", "radii"]

Values = dict[str, float | None]
Matrix = NDArray[np.float64]

NEIGHBOURS = 5  # Naeem et al. 2020, section 4


def density(real: Features, generated: Features) -> Values:
    """How many real images' balls a generated image lies in, relative to the 5 that are expected.

    The ball of a real image ends at its fifth neighbour.

    Higher is better (fidelity), 0 to infinity, about 1 for images like the real ones; above 1 they crowd where real
    ones are dense, which is no merit without coverage. None where there are fewer than 6 real images or no generated
    one. Source: equation 6.

    >>> positions = ([0, 1, 2, 3, 4, 5], [0, 90])
    >>> line, points = (Features(np.array([values], np.float32).T, None, "raw") for values in positions)
    >>> density(line, points)  # 0 lies in all six balls (radii 5 4 3 3 4 5), 90 in none: 6 / (5 * 2)
    {'density': 0.6}
    """
    comparable(real, generated)
    if len(real) <= NEIGHBOURS or not len(generated):
        return {"density": None}
    return {"density": density_of(radii(distances_between(real, real)), distances_between(real, generated))}


def coverage(real: Features, generated: Features) -> Values:
    """Share of the real images that have a generated one nearer than their fifth real neighbour.

    Higher is better (variety), 0 to 1, about 0.97 for as many images like the real ones; it grows with the generated
    images' number, so compare at equal n. None where there are fewer than 6 real images or no generated one. Source:
    equation 8.

    >>> positions = ([0, 1, 2, 3, 4, 50], [-3, 90])
    >>> line, points = (Features(np.array([values], np.float32).T, None, "raw") for values in positions)
    >>> coverage(line, points)  # radii 50 49 48 47 46 50: -3 is near all but the last, 90 is near that one
    {'coverage': 1.0}
    """
    comparable(real, generated)
    if len(real) <= NEIGHBOURS or not len(generated):
        return {"coverage": None}
    return {"coverage": coverage_of(radii(distances_between(real, real)), distances_between(real, generated))}


def radii(within: Matrix, neighbours: int = NEIGHBOURS) -> Matrix:
    """Each image's distance to its fifth neighbour, ``(n,)``, from the distances ``(n, n)`` within more than 5."""
    return np.asarray(np.partition(within, neighbours, axis=1)[:, neighbours])  # the image itself is at 0


def density_of(real_radii: Matrix, across: Matrix) -> float:
    """Density from the real images' radii ``(n,)`` and the distances ``(n, m)`` from real to generated images."""
    return float((across <= real_radii[:, None]).sum() / (NEIGHBOURS * across.shape[1]))


def coverage_of(real_radii: Matrix, across: Matrix) -> float:
    """Coverage from the real images' radii ``(n,)`` and the distances ``(n, m)`` from real to generated images."""
    return float((across.min(axis=1) <= real_radii).mean())
