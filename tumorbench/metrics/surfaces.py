"""Distances between the outlines of a true and a predicted mask: HD95 and the average symmetric surface distance.

The metrics are called as ``metric(surfaces, spacing_mm)`` -> values by full name, None where undefined. surfaces:
float64 ``(n, 2)``, of each image what ``surface_distances`` gives, in pixels of the data set's own size. spacing_mm:
float64 ``(n,)``, the side of a pixel of each image, NaN where nobody knows it.

Empty masks, one rule for all of them: an image with foreground in neither mask has no outline and is left out; one with
foreground in one mask alone counts as far as two pixels of the image can be apart, its diagonal, so that saying nothing
is never better than saying something (BraTS counts 373.13, the diagonal of its volumes, in the same way). Several
foreground classes are taken together.
"""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

__all__ = [
    "SurfaceDistances",
    "foreground_box",
    "hd95",
    "hd95_mm",
    "outline",
    "surface_distance",
    "surface_distance_mm",
    "surface_distances",
]

Values = dict[str, float | None]
Mask = NDArray[np.uint8]
Array = NDArray[np.float64]
PERCENTILE = 95


class SurfaceDistances(NamedTuple):
    """What two masks of one image are apart, in pixels; NaN where neither has foreground."""

    hd95: float
    mean: float


def surface_distances(true: Mask, predicted: Mask) -> SurfaceDistances:
    """How far the outlines of two masks, uint8 ``(height, width)``, are apart; all foreground values are one.

    hd95: the 95th percentile of the distances from each outline to the other, the greater of both directions. mean:
    over the pixels of both outlines, the average symmetric surface distance. Raises: ValueError for masks of two sizes.

    >>> true, predicted = np.zeros((2, 8, 8), np.uint8)
    >>> true[2, 2], predicted[2, 6] = 1, 1
    >>> surface_distances(true, predicted)
    SurfaceDistances(hd95=4.0, mean=4.0)
    """
    if true.shape != predicted.shape:
        raise ValueError(f"the true mask is {true.shape}, the predicted mask {predicted.shape}")
    first, second = true > 0, predicted > 0
    if not first.any() and not second.any():
        return SurfaceDistances(np.nan, np.nan)
    if not first.any() or not second.any():
        diagonal = hypot(*(side - 1 for side in true.shape))
        return SurfaceDistances(diagonal, diagonal)
    box = foreground_box(first | second)  # outside of it is no outline
    one, other = (np.argwhere(outline(mask[box])) for mask in (first, second))
    there, back = KDTree(other).query(one)[0], KDTree(one).query(other)[0]
    far = max(float(np.percentile(there, PERCENTILE)), float(np.percentile(back, PERCENTILE)))
    return SurfaceDistances(far, float(np.concatenate([there, back]).mean()))


def foreground_box(foreground: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest box with all of the foreground, of which there is some.

    >>> foreground_box(np.eye(5, 4, 1, dtype=bool))
    (slice(0, 3, None), slice(1, 4, None))
    """
    rows, columns = (np.flatnonzero(foreground.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask's pixels with one of their four neighbours outside of it, or at the edge of the image.

    >>> outline(np.ones((3, 4), bool)).astype(int).tolist()
    [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
    """
    return np.asarray(mask & ~ndimage.binary_erosion(mask), np.bool_)


def hd95(surfaces: Array, spacing_mm: Array) -> Values:  # noqa: ARG001 - metrics of surfaces are called alike
    """95 % Hausdorff distance in pixels, mean over images: how far the worst twentieth of an outline is off.

    Lower is better, 0 and above. An image with foreground in neither mask is left out, one with foreground in one alone
    counts its diagonal; None where no image is left. Source: Huttenlocher et al., Comparing images using the Hausdorff
    distance, IEEE TPAMI 1993; the 95th percentile in place of the maximum, the greater of both directions, as in BraTS
    and MONAI.

    >>> hd95(np.array([[4.0, 1.5], [np.nan, np.nan], [2.0, 1.0]]), np.array([0.5, 0.5, np.nan]))
    {'hd95': 3.0}
    """
    return {"hd95": _mean(surfaces[:, 0])}


def hd95_mm(surfaces: Array, spacing_mm: Array) -> Values:
    """As ``hd95`` in millimetres, over the images whose pixels' size is known.

    Lower is better, 0 and above; None where no image with a known size is left.

    >>> hd95_mm(np.array([[4.0, 1.5], [2.0, 1.0]]), np.array([0.5, np.nan]))
    {'hd95_mm': 2.0}
    """
    return {"hd95_mm": _mean(surfaces[:, 0] * spacing_mm)}


def surface_distance(surfaces: Array, spacing_mm: Array) -> Values:  # noqa: ARG001 - as ``hd95``
    """Average symmetric surface distance in pixels, mean over images: how far the two outlines are apart as a rule.

    Lower is better, 0 and above; empty masks as in ``hd95``, None where no image is left. Source: Heimann et al.,
    Comparison and evaluation of methods for liver segmentation from CT datasets, IEEE TMI 2009.

    >>> surface_distance(np.array([[4.0, 1.5], [np.nan, np.nan], [2.0, 1.0]]), np.array([0.5, 0.5, np.nan]))
    {'surface_distance': 1.25}
    """
    return {"surface_distance": _mean(surfaces[:, 1])}


def surface_distance_mm(surfaces: Array, spacing_mm: Array) -> Values:
    """As ``surface_distance`` in millimetres, over the images whose pixels' size is known.

    Lower is better, 0 and above; None where no image with a known size is left.

    >>> surface_distance_mm(np.array([[4.0, 1.5], [2.0, 1.0]]), np.array([0.5, np.nan]))
    {'surface_distance_mm': 0.75}
    """
    return {"surface_distance_mm": _mean(surfaces[:, 1] * spacing_mm)}


def _mean(distances: Array) -> float | None:
    """Mean of those that are defined; None where none is."""
    defined = distances[~np.isnan(distances)]
    return float(defined.mean()) if defined.size else None
