"""How varied generated images are: ``metric(real, generated)`` -> values by name, None where undefined.

Both arguments: uint8 ``(n, height, width)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.features import distances, pixel_features

__all__ = ["diversity", "mean_distance"]

Values = dict[str, float | None]
Images = NDArray[np.uint8]


def diversity(real: Images, generated: Images) -> Values:
    """Mean distance between two generated images over that between two real ones.

    The distance is the root mean square on pixels averaged down to 32 x 32.

    1 for images as varied as the real ones and 0 where all are alike (mode collapse); above 1 they differ more than
    real ones do, as unlike shapes and contrasts make them, so neither direction is better. It says nothing of how real
    the images are. Given one class at a time it shows collapse within the class. None where a side has fewer than 2
    images or all real images are alike.

    >>> black, white, grey = (np.full((1, 4, 4), level, np.uint8) for level in (0, 200, 50))
    >>> round(diversity(np.concatenate([black, white]), np.concatenate([black, grey]))["diversity"], 6)
    0.25
    """
    means = [
        mean_distance(distances(side, side))
        for side in (pixel_features(images).features.astype(np.float64) for images in (real, generated))
    ]
    return {"diversity": None if means[0] is None or means[1] is None or not means[0] else means[1] / means[0]}


def mean_distance(within: NDArray[np.float64]) -> float | None:
    """The mean over pairs of different images, from the distances ``(n, n)`` within a set; None for fewer than 2."""
    n = len(within)
    return float(within.sum() / (n * (n - 1))) if n > 1 else None
