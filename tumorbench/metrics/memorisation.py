"""Whether a generator repeats its training images: ``metric(generated, training, held_out)`` -> values by name.

A value is None where it is undefined.

All three are ``Features`` of one extractor. Training images are those that the generator learned from, held-out ones
real images that it never saw: neither themselves nor another image of their cluster (patient, near-copies). How near an
image comes to the training set means nothing by itself: the baseline is how near held-out real images come to it.

On pixels a distance is 1 - the correlation of two pictures, over flips, quarter turns and small shifts, where
``nearest`` tells it (``tumorbench.tasks.scores.likeness``), so that a copy counts as one however it was changed. On deep
features distances are Euclidean. What differs from a training image by rounding only (1e-4 of the training set's root mean square spread) is
at distance 0: the same image in another batch has features that differ in the last digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tumorbench.metrics.features import Features, comparable

__all__ = [
    "ClosestPairs",
    "closest_pairs",
    "memorisation",
    "memory_distances",
    "nearest_distances",
    "nearest_ratio",
    "ratio_of",
    "share_of",
]

Values = dict[str, float | None]
Matrix = NDArray[np.float64]

COPY = 0.015  # distance of pixels: a correlation of .985 and more is a near-copy; held-out images begin at .981
QUANTILE = 0.05
LEAST_HELD_OUT = 19  # below, no order statistic is the 5 % quantile
ROUNDING = 1e-4
BLOCK = 512  # images of which the distances to all training images are held at once


class ClosestPairs(NamedTuple):
    """The generated images nearest to the training set, nearest first.

    generated, training: positions of these and of their nearest training images; distances: between the two.
    """

    generated: NDArray[np.int64]
    training: NDArray[np.int64]
    distances: Matrix


def memorisation(generated: Features, training: Features, held_out: Features) -> Values:
    """Share of the generated images that repeat a training image.

    On pixels these are the near-copies, of a correlation of .98 or more: training images that are shifted by a pixel,
    brightened by 5 %, noisy (standard deviation 4), flipped, turned or compressed again are, and of other patients'
    real images at most 2 in 1,000 on the four public sets. Lower is better, 0 to 1: about 0 for new images, 1 for
    copies.

    On deep features, which have no such scale, they are those that are as near to a training image as only 1 held-out
    real image in 20 is. Lower is better, 0 to 1: about 0.05 for images like the held-out ones, 1 for copies. Below 0.05
    is no merit: noise, which is near nothing, has 0. None with fewer than 19 held-out images.

    None where there is no generated or training image.

    >>> line = np.arange(40, dtype=np.float32)[:, None]
    >>> training, far, near = (Features(line + gap, None, "raw") for gap in (0, 0.3, 0.01))
    >>> memorisation(near, training, far), memorisation(training, training, far)
    ({'memorisation': 1.0}, {'memorisation': 1.0})
    """
    return {"memorisation": share_of(*memory_distances(generated, training, held_out))}


def nearest_ratio(generated: Features, training: Features, held_out: Features) -> Values:
    """Median distance of generated images to their nearest training image over that of held-out real images.

    About 1 for images like the held-out ones, 0 for copies of the training set, above 1 for images farther from any
    training image than real ones are (noise, unlike contrasts), so neither direction is better. None where a set is
    empty or half of the held-out images have twins in training.

    >>> line = np.arange(4, dtype=np.float32)[:, None]
    >>> training, far, near = (Features(line + gap, None, "raw") for gap in (0, 0.25, 0.125))
    >>> nearest_ratio(near, training, far)
    {'nearest_ratio': 0.5}
    """
    return {"nearest_ratio": ratio_of(*memory_distances(generated, training, held_out))}


def closest_pairs(generated: Features, training: Features, k: int = 12) -> ClosestPairs:
    """The ``k`` generated images (or all, where there are fewer) nearest to a training image, each with that image.

    >>> positions = ([0, 10, 20], [3, 19, 50])
    >>> training, generated = (Features(np.array([values], np.float32).T, None, "raw") for values in positions)
    >>> [part.tolist() for part in closest_pairs(generated, training, 2)]
    [[1, 0], [2, 0], [1.0, 3.0]]
    """
    nearest, distances = generated.nearest or nearest_distances(*comparable(generated, training))
    order = np.argsort(distances, kind="stable")[:k]
    return ClosestPairs(order, nearest[order], distances[order])


def nearest_distances(points: Matrix, training: Matrix) -> tuple[NDArray[np.int64], Matrix]:
    """Each point's nearest training image, int64 ``(n,)``, and its distance to it.

    Both are empty where there is no training image.

    Which is nearest is found by matrix products, whose rounding decides between images that are equally near; the
    distance itself is exact.
    """
    if not len(training):
        return np.zeros(0, np.int64), np.zeros(0)
    all_training = torch.from_numpy(training)
    blocks = [
        torch.cdist(torch.from_numpy(points[start : start + BLOCK]), all_training).argmin(1).numpy()
        for start in range(0, len(points), BLOCK)
    ]
    nearest = np.concatenate([np.zeros(0, np.int64), *blocks])
    distances = np.linalg.norm(points - training[nearest], axis=1)
    spread = np.sqrt(((training - training.mean(axis=0)) ** 2).sum(axis=1).mean())
    return nearest, np.where(distances <= ROUNDING * spread, 0.0, distances)


def share_of(generated: Matrix, held_out: Matrix, copy: float | None = None) -> float | None:
    """``memorisation`` from the distances to the training set. copy: the distance of a copy, where it is known.

    Elsewhere it is the quantile (Weibull's) that a further held-out image falls at or below in 5 % of cases at any
    number of held-out images.
    """
    if not len(generated) or (copy is None and len(held_out) < LEAST_HELD_OUT):
        return None
    limit = np.quantile(held_out, QUANTILE, method="weibull") if copy is None else copy
    return float((generated <= limit).mean())


def ratio_of(generated: Matrix, held_out: Matrix, copy: float | None = None) -> float | None:  # noqa: ARG001
    """``nearest_ratio`` from the distances to the training set; called as ``share_of``."""
    if not len(generated) or not len(held_out) or not np.median(held_out):
        return None
    return float(np.median(generated) / np.median(held_out))


def memory_distances(
    generated: Features, training: Features, held_out: Features
) -> tuple[Matrix, Matrix, float | None]:
    """(each generated image's distance to the training set, each held-out one's, a copy's where it is known)."""
    first, middle, last = comparable(generated, training, held_out)
    if generated.nearest is not None and held_out.nearest is not None:
        return generated.nearest.distances, held_out.nearest.distances, COPY
    return nearest_distances(first, middle)[1], nearest_distances(last, middle)[1], None
