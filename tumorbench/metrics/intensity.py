"""Distances between pixel intensities: ``metric(real, generated)`` -> values by name, None where undefined.

Both arguments: uint8 ``(n, height, width)``, 0 black to 255 white; the two n may differ. All pixels are pooled into one
exact 256-bin distribution a side; the foreground is what is brighter than 45 of 255, as for the crop to the brain,
since the air of a slice is most of its pixels. No p value is given: pixels are not independent, so it would mean
nothing. No metric here sees spatial structure: images with their pixels shuffled score perfectly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BRIGHT",
    "Counts",
    "counts_per_image",
    "cumulative_gaps",
    "ks_d",
    "ks_d_foreground",
    "ks_d_image_mean",
    "ks_of",
    "ks_of_samples",
    "wasserstein_1",
    "wasserstein_1_foreground",
    "wasserstein_of",
]

Values = dict[str, float | None]
Images = NDArray[np.uint8]
Counts = NDArray[np.int64]
Gaps = NDArray[np.float64]

BRIGHT = 45  # of 255: what is darker is air


def ks_d(real: Images, generated: Images) -> Values:
    """Kolmogorov-Smirnov statistic D: the largest gap between the two cumulative distributions of grey levels.

    Lower is better, 0 (equal distributions) to 1 (no overlap); None where a side has no pixel. Equals
    ``scipy.stats.ks_2samp(...).statistic``.

    >>> ks_d(np.array([[[0, 0, 10, 10]]], np.uint8), np.array([[[0, 10, 10, 10]]], np.uint8))
    {'ks_d': 0.25}
    """
    return {"ks_d": ks_of(_gaps(real, generated))}


def wasserstein_1(real: Images, generated: Images) -> Values:
    """Wasserstein-1 (earth mover's) distance between the two distributions of grey levels, with black 0 and white 1.

    Lower is better, 0 to 1; 0.1 says that pixels are off by 25.5 of 255 levels on average. None where a side has no
    pixel. Equals ``scipy.stats.wasserstein_distance(...) / 255``.

    >>> wasserstein_1(np.array([[[0, 0]]], np.uint8), np.array([[[51, 0]]], np.uint8))
    {'wasserstein_1': 0.1}
    """
    return {"wasserstein_1": wasserstein_of(_gaps(real, generated))}


def ks_d_foreground(real: Images, generated: Images) -> Values:
    """``ks_d`` of the pixels brighter than 45 of 255: the tissue's contrast, without the air that most pixels are.

    Lower is better, 0 to 1; None where a side has no such pixel. How large the foreground is plays no part: ``ks_d``
    sees that.

    >>> ks_d_foreground(np.array([[[0, 0, 100, 200]]], np.uint8), np.array([[[0, 45, 45, 100]]], np.uint8))
    {'ks_d_foreground': 0.5}
    """
    return {"ks_d_foreground": ks_of(_gaps(real, generated, BRIGHT + 1))}


def wasserstein_1_foreground(real: Images, generated: Images) -> Values:
    """``wasserstein_1`` of the pixels brighter than 45 of 255, with black 0 and white 1.

    Lower is better, 0 to 209/255; None where a side has no such pixel.

    >>> real, generated = (np.array([[side]], np.uint8) for side in ([0, 0, 100, 200], [0, 45, 45, 100]))
    >>> wasserstein_1_foreground(real, generated) == {"wasserstein_1_foreground": 50 / 255}
    True
    """
    return {"wasserstein_1_foreground": wasserstein_of(_gaps(real, generated, BRIGHT + 1))}


def ks_d_image_mean(real: Images, generated: Images) -> Values:
    """Kolmogorov-Smirnov D between the images' mean intensities.

    It tells whether images are as bright as real ones, and as unlike in brightness.

    Lower is better, 0 to 1; None where a side has no image. It is about 0.87 * sqrt(2 / n) between two sets of n real
    images, so read it beside its real-vs-real value. Pooled pixels cannot tell a generator whose images are all of the
    mean brightness from a right one; this can.

    >>> real, generated = np.array([[[0, 10]], [[10, 30]]], np.uint8), np.array([[[9, 9]], [[8, 8]]], np.uint8)
    >>> ks_d_image_mean(real, generated)  # means 5 and 20, 9 and 8
    {'ks_d_image_mean': 0.5}
    """
    first, second = (
        (counts_per_image(side) @ np.arange(256), side[0].size if len(side) else 0) for side in (real, generated)
    )
    if not first[1] or not second[1]:
        return {"ks_d_image_mean": None}
    return {"ks_d_image_mean": ks_of_samples(first[0] / first[1], second[0] / second[1])}


def ks_of_samples(first: Gaps, second: Gaps) -> float:
    """Kolmogorov-Smirnov D of two samples of numbers, at least one each."""
    at = np.concatenate([first, second])
    shares = [np.searchsorted(np.sort(side), at, side="right") / len(side) for side in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


def cumulative_gaps(real: Counts, generated: Counts) -> Gaps | None:
    """Absolute differences of two cumulative distributions at the grey levels, from the numbers of pixels at each.

    None where a side has no pixel.
    """
    n_real, n_generated = int(real.sum()), int(generated.sum())
    if not n_real or not n_generated:
        return None
    # Integer counts cross-multiplied: equal distributions are exactly 0 apart, whatever the two numbers of pixels.
    gaps = np.cumsum(real) * n_generated - np.cumsum(generated) * n_real
    return np.asarray(np.abs(gaps) / (float(n_real) * float(n_generated)))


def ks_of(gaps: Gaps | None) -> float | None:
    """Kolmogorov-Smirnov D from the gaps of the cumulative distributions."""
    return None if gaps is None else float(gaps.max())


def wasserstein_of(gaps: Gaps | None) -> float | None:
    """Wasserstein-1 from the gaps of the cumulative distributions, with black 0 and white 1."""
    return None if gaps is None else float(gaps[:-1].sum() / 255)


def counts_per_image(images: Images) -> Counts:
    """How many pixels of each image have each of the 256 grey levels, int64 ``(n, 256)``.

    Raises: TypeError for anything but uint8.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"images are {images.dtype}, not uint8")
    return np.array([np.bincount(image.ravel(), minlength=256) for image in images], np.int64).reshape(len(images), 256)


def _gaps(real: Images, generated: Images, darkest: int = 0) -> Gaps | None:
    return cumulative_gaps(*(counts_per_image(side).sum(axis=0)[darkest:] for side in (real, generated)))
