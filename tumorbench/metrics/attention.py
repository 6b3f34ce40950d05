"""Where a classifier looks: ``metric(inside, chance)`` -> values by full name, None where undefined.

inside: float64 ``(n,)``, the share of each test slice's Grad-CAM mass (of the predicted class) that lies inside the
tumour's mask; NaN where it is undefined: a map that is 0 throughout, or a slice without a mask. chance: float64
``(n,)``, the share of the slice's pixels that is inside the mask; its mean over the same slices is the value by chance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["cam_in_mask"]

Shares = NDArray[np.float64]


def cam_in_mask(inside: Shares, chance: Shares) -> dict[str, float | None]:
    """Mean share of the Grad-CAM mass inside the tumour's mask, over the slices where it is defined.

    Higher is better, 0 to 1; a map that prefers no place scores the mask's share of the pixels, so the value is read
    beside that one. None where no slice has it defined.

    >>> cam_in_mask(np.array([0.5, np.nan, 0.25]), np.array([0.1, 0.1, 0.1]))
    {'cam_in_mask': 0.375}
    """
    if inside.shape != chance.shape:
        raise ValueError(f"{inside.shape} shares inside the mask but {chance.shape} by chance")
    defined = inside[~np.isnan(inside)]
    return {"cam_in_mask": float(defined.mean()) if defined.size else None}
