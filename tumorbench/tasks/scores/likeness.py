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

from tumorbench.data.near import KINDS, ORIENTATIONS, SIDE, thumbnails
from tumorbench.metrics.features import Nearest

__all__ = ["nearest_training"]

BLOCK = 128  # images that are compared with all training images at once
CANDIDATES = 5  # training images that are compared at every shift
REACH = 64  # shifts go up to one part in so many of the side
DIGITS = 6  # of a distance: what is beyond is rounding


def nearest_training(images: NDArray[np.uint8], training: NDArray[np.uint8], device: str = "cpu") -> Nearest:
    """Each image's most similar training image, and its distance: 1 - correlation, 0 for the same picture, up to 2.

    images: uint8 ``(n, size, size)``. training: thumbnails, uint8 ``(3, m, 32, 32)``, with m at least 1.
    """
    learned = _units(torch.from_numpy(training).to(device)).flatten(2)
    positions, correlations = [np.zeros(0, np.int64)], [np.zeros(0)]
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        greatest, whole = _correlations(torch.from_numpy(thumbnails(block)).to(device), learned)
        best, places = greatest.max(1)
        candidates = whole.topk(min(CANDIDATES, whole.shape[1]), dim=1).indices  # (n, 5)
        shifted, which = _shifted(block, learned[0, candidates])
        places = torch.where(shifted > best, candidates.gather(1, which[:, None])[:, 0], places)
        positions.append(places.cpu().numpy())
        correlations.append(torch.maximum(shifted, best).double().cpu().numpy())
    return Nearest(np.concatenate(positions), np.round(1 - np.concatenate(correlations), DIGITS).clip(0))


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


def _shifted(images: NDArray[np.uint8], candidates: Tensor) -> tuple[Tensor, Tensor]:
    """(the greatest correlation of each image at any shift with a candidate of its own, which one), ``(n,)`` both.

    candidates: whole pictures, float32 ``(n, k, 1024)``. They are turned and flipped, as there are fewer of them.
    """
    k = candidates.shape[1]
    small = _units(torch.from_numpy(_at_every_shift(images)).to(candidates.device)).flatten(2)  # (n, shifts, 1024)
    turned = torch.cat(
        [each.flatten(2) for each in _oriented(candidates.reshape(len(candidates), -1, SIDE, SIDE))], 1
    )  # (n, 8 k, 1024)
    found = (small @ turned.mT).amax(1)  # (n, 8 k)
    value, which = found.reshape(len(found), len(ORIENTATIONS), k).amax(1).max(1)
    return value, which


def _at_every_shift(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Thumbnails of whole pictures at every shift, uint8 ``(n, shifts, 32, 32)``, as ``tumorbench.data.near`` makes.

    Pillow resizes along the rows and then along the columns, so the first pass serves every shift along the other axis,
    and a pass takes all images at once, below or beside one another.
    """
    n, side, _ = images.shape
    reach = max(1, side // REACH)
    wide, steps = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), "edge"), 2 * reach + 1
    high = side + 2 * reach
    found = np.empty((n, steps, steps, SIDE, SIDE), np.uint8)
    for right in range(steps):
        rows = _resized(wide[:, :, right : right + side].reshape(n * high, side), SIDE, n * high).reshape(n, high, SIDE)
        for down in range(steps):
            columns = rows[:, down : down + side].swapaxes(0, 1).reshape(side, n * SIDE)
            found[:, down, right] = _resized(columns, n * SIDE, SIDE).reshape(SIDE, n, SIDE).swapaxes(0, 1)
    return found.reshape(n, steps * steps, SIDE, SIDE)


def _resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR), np.uint8)


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
