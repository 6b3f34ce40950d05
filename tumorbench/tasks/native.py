"""Masks at the data set's own resolution: where a network's picture lies in its slice, and what it says of each pixel there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.data.crop import brain_box
from tumorbench.tasks.cell import Cell

__all__ = ["Frame", "ceilings", "frames_of", "native_masks", "true_mask"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a network's picture lies in its slice.

    shape: (height, width) of the slice. rows, columns: those that the picture shows; outside them it says background.
    """

    shape: tuple[int, int]
    rows: slice
    columns: slice

    @classmethod
    def whole(cls, height: int, width: int) -> Frame:
        """The frame of a picture that shows the whole slice."""
        return cls((height, width), slice(0, height), slice(0, width))


def frames_of(cell: Cell, numbers: Sequence[int]) -> list[Frame]:
    """The frame of each slice with that number in the data set, as the cell's recipe crops it."""
    frames = []
    for number in numbers:
        where = cell.dataset.slices[number]
        frame = Frame.whole(where.height, where.width)
        if cell.recipe.preprocessing.crop == "brain":
            frame = Frame(frame.shape, *brain_box(cell.dataset.image(number)))
        frames.append(frame)
    return frames


def native_masks(probabilities: Tensor, frames: Sequence[Frame]) -> Iterator[NDArray[np.uint8]]:
    """The most probable class of each pixel of each slice, uint8 ``(height, width)``, background outside the frame.

    Probabilities are resized to the slice's own size, bilinear (with antialiasing where a slice is the smaller one),
    and the class is chosen there; of equally probable ones the first.

    probabilities: ``(n, k, size, size)``, class 0 the background.
    """
    for picture, frame in zip(probabilities, frames, strict=True):
        size = frame.rows.stop - frame.rows.start, frame.columns.stop - frame.columns.start
        smaller = size[0] < picture.shape[1] or size[1] < picture.shape[2]
        resized = F.interpolate(picture[None].float(), size, mode="bilinear", align_corners=False, antialias=smaller)
        mask = np.zeros(frame.shape, np.uint8)
        mask[frame.rows, frame.columns] = _most_probable(resized[0]).cpu().numpy()
        yield mask


def _most_probable(probabilities: Tensor) -> Tensor:
    """The first class of the greatest probability, ``(k, height, width)`` -> uint8; a hundred times as fast as argmax."""
    greatest, found = probabilities[0], torch.zeros_like(probabilities[0], dtype=torch.uint8)
    for label in range(1, len(probabilities)):
        found.masked_fill_(probabilities[label] > greatest, label)
        greatest = torch.maximum(greatest, probabilities[label])
    return found


def true_mask(cell: Cell, number: int) -> NDArray[np.uint8]:
    """The true mask of the slice with that number, uint8 ``(height, width)``: as the data set has it, never resized.

    Zero where the slice has none; 1 + label in the lesion where the cell's masks are the data set's classes.
    """
    where, mask = cell.dataset.slices[number], cell.dataset.mask(number)
    if mask is None:
        return np.zeros((where.height, where.width), np.uint8)
    if cell.identity.recipe.masks == "classes":
        return ((mask > 0) * (1 + cell.dataset.samples[number].label)).astype(np.uint8)
    return mask


def ceilings(masks: Tensor, frames: Sequence[Frame], k: int) -> Iterator[NDArray[np.uint8]]:
    """What a network would give that is right in every pixel that it sees, brought to the slices' own size.

    masks: the true masks at the network's size, uint8 ``(n, size, size)`` of ``k`` values.
    """
    labels = torch.arange(k, device=masks.device).view(k, 1, 1)
    for mask, frame in zip(masks, frames, strict=True):
        yield from native_masks((mask[None] == labels).float()[None], [frame])
