"""Distances between the pixel intensities of real and generated images: ``metric(real, generated)`` -> values by name, None where undefined.

Both arguments: uint8 ``(n, height, width)``, 0 black to 255 white; the two n may differ. All pixels are pooled into one exact 256-bin
distribution a side. No p value is given: pixels are not independent, so it would mean nothing. Neither metric sees spatial structure: images with
their pixels shuffled score perfectly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ks_d", "wasserstein_1"]

Values = dict[str, float | None]
Images = NDArray[np.uint8]


def ks_d(real: Images, generated: Images) -> Values:
    """Kolmogorov-Smirnov statistic D: the largest gap between the two cumulative distributions of grey levels.

    Lower is better, 0 (equal distributions) to 1 (no overlap); None where a side has no pixel. Equals ``scipy.stats.ks_2samp(...).statistic``.

    >>> ks_d(np.array([[[0, 0, 10, 10]]], np.uint8), np.array([[[0, 10, 10, 10]]], np.uint8))
    {'ks_d': 0.25}
    """
    gaps = _cumulative_gaps(real, generated)
    return {"ks_d": None if gaps is None else float(gaps.max())}


def wasserstein_1(real: Images, generated: Images) -> Values:
    """Wasserstein-1 (earth mover's) distance between the two distributions of grey levels, with black 0 and white 1.

    Lower is better, 0 to 1; 0.1 says that pixels are off by 25.5 of 255 levels on average. None where a side has no pixel. Equals
    ``scipy.stats.wasserstein_distance(...) / 255``.

    >>> wasserstein_1(np.array([[[0, 0]]], np.uint8), np.array([[[51, 0]]], np.uint8))
    {'wasserstein_1': 0.1}
    """
    gaps = _cumulative_gaps(real, generated)
    return {"wasserstein_1": None if gaps is None else float(gaps[:-1].sum() / 255)}


def _cumulative_gaps(real: Images, generated: Images) -> NDArray[np.float64] | None:
    """Absolute differences of the two cumulative distributions at the 256 grey levels."""
    if not real.size or not generated.size:
        return None
    # Integer counts cross-multiplied: equal distributions are exactly 0 apart, whatever the two numbers of pixels.
    gaps = np.cumsum(_counts(real)) * generated.size - np.cumsum(_counts(generated)) * real.size
    return np.asarray(np.abs(gaps) / (float(real.size) * float(generated.size)))


def _counts(images: Images) -> NDArray[np.int64]:
    """How many pixels have each of the 256 grey levels, int64 ``(256,)``. Raises: TypeError for anything but uint8."""
    if images.dtype != np.uint8:
        raise TypeError(f"images are {images.dtype}, not uint8")
    return sum((np.bincount(image.ravel(), minlength=256) for image in images), start=np.zeros(256, np.int64))
