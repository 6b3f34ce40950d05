"""The size at which generators are compared, the same for all on one data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tumorbench.data.decode import Decoded

__all__ = ["COMPARED_SIZE", "compared_size", "resized"]

COMPARED_SIZE = 128  # pixels a side: that of every generator of the source reports


def compared_size(dataset: Decoded) -> int:
    """Pixels a side at which real and generated images of the data set are compared: 128, or the largest slice's side.

    Whole slices are compared, whatever a recipe's size and crop, so that every generator stands beside the same images.
    """
    return min(COMPARED_SIZE, max(max(where.height, where.width) for where in dataset.slices))


def resized(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """uint8 ``(n, side, side)`` -> ``(n, size, size)`` as real slices are resized: bilinear, with antialiasing."""
    from PIL import Image

    if images.shape[-2:] == (size, size):
        return images
    found = np.zeros((len(images), size, size), np.uint8)
    for place, image in enumerate(images):
        picture = Image.fromarray(np.ascontiguousarray(image))
        found[place] = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return found
