"""Lesion by lesion: how many of the true ones are found, and how many of the predicted ones are there.

The metrics are called as ``metric(lesions)`` -> values by full name, None where undefined. lesions: int64 ``(n, 3)``,
of each image how many lesions are true, predicted and matched, as ``lesion_counts`` gives them.

A lesion is a connected piece of foreground (pixels that touch at a side or a corner), whatever its class. A predicted
lesion is matched with a true one where their intersection over union is at least 0.1; each is matched once, so that as
many as possible are. So low a bound asks whether a lesion was found in its place, not how well it was outlined, which
Dice and the surface distances say; it still refuses a mask of the whole image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from tumorbench.metrics.surfaces import foreground_box

__all__ = ["MATCHING_IOU", "lesion_counts", "lesion_precision", "lesion_recall"]

Values = dict[str, float | None]
Counts = NDArray[np.int64]

MATCHING_IOU = 0.1
CORNERS = np.ones((3, 3), bool)


def lesion_counts(true: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> tuple[int, int, int]:
    """How many lesions two masks, uint8 ``(height, width)``, have: true, predicted, matched.

    Raises: ValueError for masks of two sizes. Source of the bound: Jaeger et al., Retina U-Net, ML4H 2020, who ask for
    0.1 because of "the clinical need for coarse localization".

    >>> lesion_counts(np.array([[1, 1, 0, 0, 1]], np.uint8), np.array([[1, 0, 0, 0, 0]], np.uint8))
    (2, 1, 1)
    """
    if true.shape != predicted.shape:
        raise ValueError(f"the true mask is {true.shape}, the predicted mask {predicted.shape}")
    both = true > 0, predicted > 0
    if not (both[0].any() or both[1].any()):
        return 0, 0, 0
    box = foreground_box(both[0] | both[1])
    (first, n), (second, m) = (ndimage.label(mask[box], structure=CORNERS) for mask in both)
    if not n or not m:
        return n, m, 0
    shared = np.bincount((first * (m + 1) + second).ravel(), minlength=(n + 1) * (m + 1)).reshape(n + 1, m + 1)
    sizes, others = shared.sum(1)[1:], shared.sum(0)[1:]
    hits = shared[1:, 1:]
    matching = hits >= MATCHING_IOU * (sizes[:, None] + others - hits)
    pairs = maximum_bipartite_matching(sparse.csr_array(matching), perm_type="column")
    return n, m, int((pairs >= 0).sum())


def lesion_precision(lesions: Counts) -> Values:
    """Share of the predicted lesions that are matched with a true one, all images together.

    Higher is better, 0 to 1; None where no lesion is predicted. A stray pixel is a predicted lesion as any other.

    >>> lesion_precision(np.array([[2, 1, 1], [1, 3, 1], [0, 0, 0]]))
    {'lesion_precision': 0.5}
    """
    return {"lesion_precision": _share(lesions, 1)}


def lesion_recall(lesions: Counts) -> Values:
    """Share of the true lesions that are matched with a predicted one, all images together.

    Higher is better, 0 to 1; None where there is no true lesion.

    >>> lesion_recall(np.array([[3, 1, 1], [1, 3, 1], [0, 0, 0]]))
    {'lesion_recall': 0.5}
    """
    return {"lesion_recall": _share(lesions, 0)}


def _share(lesions: Counts, of: int) -> float | None:
    totals = lesions.sum(0)
    return float(totals[2] / totals[of]) if totals[of] else None
