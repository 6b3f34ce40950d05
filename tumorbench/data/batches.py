"""Decoded slices become batches: the whole set as uint8 on the device, gathered, augmented and normalised there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch
from tumorbench.contracts.recipe import Augmentation, Preprocessing, Recipe
from tumorbench.errors import BadInput

__all__ = [
    "Slices",
    "augment",
    "augmented_batches",
    "denormalise",
    "evaluation_batches",
    "normalise",
    "slices_at_once",
    "to_unit",
    "training_batches",
]

PIXELS_AT_ONCE = {"cpu": 2**20, "cuda": 2**24}  # of a batch that is only evaluated
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Slices:
    """One part of a split on the device. labels: int64 ``(n,)``; masks: uint8 ``(n, size, size)`` or None.

    images: uint8 ``(n, size, size)``, or what a frozen backbone makes of them: float32 ``(views, n, features)``, of which training draws a view at random.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor | None = None

    @classmethod
    def of(
        cls, images: NDArray[np.uint8], labels: NDArray[np.int64], masks: NDArray[np.uint8] | None, device: str
    ) -> Slices:
        """The arrays, copied to the device."""
        on_device = torch.from_numpy(np.ascontiguousarray(masks)).to(device) if masks is not None else None
        return cls(
            torch.from_numpy(np.ascontiguousarray(images)).to(device), torch.from_numpy(labels).to(device), on_device
        )

    def __len__(self) -> int:
        return self.labels.shape[0]

    def first(self, n: int) -> Slices:
        """The first ``n`` slices, without a copy."""
        images = self.images[:, :n] if self.images.is_floating_point() else self.images[:n]
        return Slices(images, self.labels[:n], self.masks[:n] if self.masks is not None else None)

    def spread(self, n: int) -> Slices:
        """``n`` slices at most, evenly spaced: data sets list their slices class by class."""
        return self._chosen(torch.linspace(0, len(self) - 1, min(n, len(self)), device=self.labels.device).long())

    def of_class(self, label: int) -> Slices:
        """The slices of that label."""
        return self._chosen((self.labels == label).nonzero().flatten())

    def _chosen(self, numbers: Tensor) -> Slices:
        images = self.images[:, numbers] if self.images.is_floating_point() else self.images[numbers]
        return Slices(images, self.labels[numbers], self.masks[numbers] if self.masks is not None else None)


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 ``(batch, size, size)`` -> float32 ``(batch, channels, size, size)`` in the recipe's range."""
    unit = images.float().div_(255).unsqueeze(1).expand(-1, preprocessing.channels, -1, -1)
    match preprocessing.normalisation:
        case "unit":
            return unit.contiguous()
        case "symmetric":
            return unit * 2 - 1
        case "imagenet":
            mean, std = _imagenet(preprocessing.channels, images.device)
            return (unit - mean) / std


@cache
def _imagenet(channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the first channels, ``(1, channels, 1, 1)``.

    On the device once, so that no step waits for a copy.
    """
    with torch.inference_mode(mode=False):
        mean, std = (torch.tensor(each[:channels]).view(1, -1, 1, 1) for each in (IMAGENET_MEAN, IMAGENET_STD))
        return mean.to(device), std.to(device)


def _moved(drawn: Tensor, device: torch.device) -> Tensor:
    """What was drawn on the host, on the device; the host does not wait for the copy."""
    return drawn.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else drawn.to(device)


def denormalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """What ``normalise`` did, undone: float ``(batch, channels, size, size)`` -> uint8 ``(batch, size, size)``, channels averaged, values clipped."""
    return to_unit(images, preprocessing).squeeze(1).mul(255).round_().clamp_(0, 255).to(torch.uint8)


def to_unit(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Float ``(batch, channels, size, size)`` in the recipe's range -> float32 ``(batch, 1, size, size)`` from 0, black, to 1, channels averaged."""
    images = images.float()
    match preprocessing.normalisation:
        case "symmetric":
            images = (images + 1) / 2
        case "imagenet":
            mean, std = _imagenet(images.shape[1], images.device)
            images = images * std + mean
    return images.mean(1, keepdim=True)


def training_batches(slices: Slices, recipe: Recipe, seed: int, epoch: int) -> Iterator[Batch]:
    """The batches of one epoch in random order; the same seed and epoch give the same batches. An epoch longer than a pass reshuffles.

    A last batch of one joins the batch before it: a norm over batches has nothing to compare one slice with. Raises: BadInput where there is no slice.
    """
    if not len(slices):
        raise BadInput("the training part is empty; complete the data set, or choose another protocol")
    rng = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
    augmentation_rng = torch.Generator().manual_seed(derive_seed(seed, "augmentation", epoch))
    left = recipe.steps_per_epoch or math.inf
    while left > 0:
        parts = _parts(_moved(torch.randperm(len(slices), generator=rng), slices.images.device), recipe.batch_size)
        for chosen in parts[: int(min(left, len(parts)))]:
            yield _batch(slices, chosen, recipe, augmentation_rng)
        left = left - len(parts) if recipe.steps_per_epoch else 0


def _parts(order: Tensor, size: int) -> list[Tensor]:
    """``order`` in parts of ``size``; a last one of a single element joins the one before it."""
    parts = list(torch.split(order, size))
    if len(parts) > 1 and len(parts[-1]) == 1 < size:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def slices_at_once(size: int, device: str) -> int:
    """How many slices of ``size`` pixels a side a network is shown at once where it does not learn: 16 to 512."""
    return max(16, min(512, PIXELS_AT_ONCE[device] // size**2))


def evaluation_batches(slices: Slices, preprocessing: Preprocessing, batch_size: int) -> Iterator[Batch]:
    """Every slice once, in order, unaugmented."""
    for start in range(0, len(slices), batch_size):
        part = slice(start, start + batch_size)
        images = (
            slices.images[0, part]
            if slices.images.is_floating_point()
            else normalise(slices.images[part], preprocessing)
        )
        yield Batch(images, slices.labels[part], slices.masks[part].long() if slices.masks is not None else None)


def augmented_batches(
    slices: Slices, preprocessing: Preprocessing, how: Augmentation, seed: int, batch_size: int
) -> Iterator[Batch]:
    """Every slice once, in order, augmented; the same seed gives the same batches."""
    rng = torch.Generator().manual_seed(seed)
    for batch in evaluation_batches(slices, preprocessing, batch_size):
        images, masks = augment(batch.images, batch.masks, how, rng)
        yield Batch(images, batch.labels, masks)


def _batch(slices: Slices, chosen: Tensor, recipe: Recipe, rng: torch.Generator) -> Batch:
    if slices.images.is_floating_point():
        view = _moved(torch.randint(len(slices.images), (len(chosen),), generator=rng), chosen.device)
        return Batch(slices.images[view, chosen], slices.labels[chosen])
    images = normalise(slices.images[chosen], recipe.preprocessing)
    masks = slices.masks[chosen].long() if slices.masks is not None else None
    if recipe.augmentation:
        images, masks = augment(images, masks, recipe.augmentation, rng)
    return Batch(images, slices.labels[chosen], masks)


def augment(
    images: Tensor, masks: Tensor | None, how: Augmentation, rng: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Images and masks under one random affine map each; what comes from outside repeats the border (images) or is background (masks)."""
    n = len(images)

    def uniform(reach: float) -> Tensor:
        return (torch.rand(n, generator=rng) * 2 - 1) * reach

    def flip(wanted: bool) -> Tensor:
        return torch.randint(0, 2, (n,), generator=rng) * 2.0 - 1 if wanted else torch.ones(n)

    angle, scale = torch.deg2rad(uniform(how.rotation_degrees)), 1 + uniform(how.zoom)
    shift_x, shift_y = uniform(2 * how.shift), uniform(2 * how.shift)
    flip_x, flip_y = flip(how.horizontal_flip), flip(how.vertical_flip)
    cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [cos * flip_x, -sin * flip_y, shift_x], [sin * flip_x, cos * flip_y, shift_y]
    theta = torch.stack([torch.stack(row, 1) for row in rows], 1)
    grid = F.affine_grid(_moved(theta, images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if masks is None:
        return moved, None
    return moved, F.grid_sample(
        masks.unsqueeze(1).float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    ).squeeze(1).long()
