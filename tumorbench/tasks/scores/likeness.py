"""How like a training image an image is, whether or not it was shifted, brightened, flipped, turned or compressed again.

Images are compared as the near-copies of a data set are found (``tumorbench.data.near``): by the greatest correlation
of thumbnails of 32 x 32 pixels, of the whole picture and of the crop to its brain, over the eight flips and quarter
turns. A shift by one pixel can cost a picture with fine edges .05 of that, so the pictures that are most like it are
compared once more, at every shift by up to 1/64 of the side.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tumorbench.data.near import KINDS, thumbnails
from tumorbench.metrics.features import Nearest

__all__ = ["nearest_training"]

BLOCK = 128  # images that are compared with all training images at once
CANDIDATES = 5  # training images that are compared at every shift
REACH = 64  # shifts go up to one part in so many of the side
DIGITS = 6  # of a distance: what is beyond is rounding
ORIENTATIONS = tuple((turns, flipped) for flipped in (False, True) for turns in range(4))


def nearest_training(images: NDArray[np.uint8], training: NDArray[np.uint8], device: str = "cpu") -> Nearest:
    """Each image's most similar training image, and its distance: 1 - correlation, 0 for the same picture, up to 2.

    images: uint8 ``(n, size, size)``. training: thumbnails, uint8 ``(3, m, 32, 32)``, with m at least 1.
    """
    learned, found = _units(torch.from_numpy(training).to(device)).flatten(2), []
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        greatest, whole = _correlations(torch.from_numpy(thumbnails(block)).to(device), learned)
        best, places = greatest.max(1)
        candidates = whole.topk(min(CANDIDATES, whole.shape[1]), dim=1).indices
        for image, own, place, near in zip(block, best.tolist(), places.tolist(), candidates, strict=True):
            shifted, which = _shifted(image, learned[0, near])
            found.append((int(near[which]), shifted) if shifted > own else (place, own))
    positions, correlations = np.array(found, np.float64).reshape(-1, 2).T
    return Nearest(positions.astype(np.int64), np.round(1 - correlations, DIGITS).clip(0))


def _correlations(small: Tensor, learned: Tensor) -> tuple[Tensor, Tensor]:
    """(the greatest of each image and training image, that of the whole pictures alone), ``(n, m)`` both."""
    whole = torch.full((small.shape[1], learned.shape[1]), -1.0, device=small.device)
    greatest = whole.clone()
    for oriented in _oriented(_units(small)):
        kinds = oriented.flatten(2)
        torch.maximum(whole, kinds[0] @ learned[0].T, out=whole)
        for first, second in KINDS[1:]:
            torch.maximum(greatest, kinds[first] @ learned[second].T, out=greatest)
    return torch.maximum(greatest, whole), whole


def _shifted(image: NDArray[np.uint8], candidates: Tensor) -> tuple[float, int]:
    """(the greatest correlation of the image at any shift with a candidate, which one); these are whole pictures."""
    side = len(image)
    reach = max(1, side // REACH)
    wide = np.pad(image, reach, "edge")
    steps = range(2 * reach + 1)
    views = [wide[down : down + side, right : right + side] for down in steps for right in steps]
    small = _units(torch.from_numpy(_small(views)).to(candidates.device))
    found = torch.stack([oriented.flatten(1) @ candidates.T for oriented in _oriented(small)]).flatten(0, 1)
    value, place = found.max(0).values.max(0)
    return value.item(), int(place)


def _small(images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Thumbnails of the whole pictures, uint8 ``(n, 32, 32)``, as ``tumorbench.data.near`` makes them."""
    from PIL import Image

    sized = (Image.fromarray(np.ascontiguousarray(each)).resize((32, 32), Image.Resampling.BILINEAR) for each in images)
    return np.stack([np.asarray(each, np.uint8) for each in sized])


def _units(small: Tensor) -> Tensor:
    """Thumbnails of mean 0 and length 1, float32 ``(..., 32, 32)``: the product of two is their correlation; flat ones are 0."""
    rows = small.float()
    rows = rows - rows.mean((-2, -1), keepdim=True)
    lengths: Tensor = rows.square().sum((-2, -1), keepdim=True).sqrt()
    return rows / lengths.clamp(min=1e-6)


def _oriented(small: Tensor) -> Iterator[Tensor]:
    """The thumbnails in each of the eight orientations."""
    for turns, flipped in ORIENTATIONS:
        turned = torch.rot90(small, turns, (-2, -1))
        yield (turned.flip(-1) if flipped else turned).contiguous()
