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

from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Mixed
from tumorbench.contracts.recipe import Preprocessing, Recipe
from tumorbench.contracts.transforms import Augmentation, Changes
from tumorbench.data.changes import affine_grid, at, moved, transformed
from tumorbench.errors import BadInput

__all__ = [
    "Slices",
    "augment",
    "augmented_batches",
    "denormalise",
    "evaluation_batches",
    "from_unit",
    "normalise",
    "slices_at_once",
    "steps_in_epoch",
    "to_unit",
    "training_batches",
]

PIXELS_AT_ONCE = {"cpu": 2**16, "cuda": 2**24}  # of a batch that is only evaluated; on a CPU, a thread's
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
    return from_unit(images.float().div_(255).unsqueeze(1), preprocessing)


def from_unit(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """float32 ``(batch, 1, size, size)`` in [0, 1] -> ``(batch, channels, size, size)`` in the recipe's range."""
    unit = images.expand(-1, preprocessing.channels, -1, -1)
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
        parts = _parts(at(torch.randperm(len(slices), generator=rng), slices.images.device), recipe.batch_size)
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
    """How many slices of ``size`` pixels a side a network is shown at once where it does not learn: 4 to 512."""
    threads = torch.get_num_threads() if device == "cpu" else 1
    return max(4, min(512, PIXELS_AT_ONCE[device] * threads // size**2))


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


def steps_in_epoch(n: int, recipe: Recipe) -> int:
    """How many batches an epoch over ``n`` slices has."""
    return recipe.steps_per_epoch or len(_parts(torch.arange(n), recipe.batch_size))


def augmented_batches(
    slices: Slices, preprocessing: Preprocessing, how: Changes, seed: int, batch_size: int
) -> Iterator[Batch]:
    """Every slice once, in order, augmented; the same seed gives the same batches."""
    rng = torch.Generator().manual_seed(seed)
    for batch in evaluation_batches(slices, preprocessing, batch_size):
        images, masks = augment(batch.images, batch.masks, how, rng, preprocessing)
        yield Batch(images, batch.labels, masks)


def _batch(slices: Slices, chosen: Tensor, recipe: Recipe, rng: torch.Generator) -> Batch:
    if slices.images.is_floating_point():
        view = at(torch.randint(len(slices.images), (len(chosen),), generator=rng), chosen.device)
        return _mixed(Batch(slices.images[view, chosen], slices.labels[chosen]), recipe.mixup, rng)
    images = normalise(slices.images[chosen], recipe.preprocessing)
    masks = slices.masks[chosen].long() if slices.masks is not None else None
    if recipe.augmentation:
        images, masks = augment(images, masks, recipe.augmentation, rng, recipe.preprocessing)
    return _mixed(Batch(images, slices.labels[chosen], masks), recipe.mixup, rng)


def _mixed(batch: Batch, alpha: float, rng: torch.Generator) -> Batch:
    """Each image mixed with another of the batch, by a share from Beta(alpha, alpha) whose larger part it keeps.

    Source: Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018, eq. 1, with a share for each image.
    """
    if not alpha:
        return batch
    n, device = len(batch), batch.images.device
    others = at(torch.randperm(n, generator=rng), device)
    seed = int(torch.randint(2**62, (), generator=rng))  # torch's own Beta takes no generator
    drawn = torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, n)).float()
    share = at(torch.maximum(drawn, 1 - drawn), device)
    images = torch.lerp(batch.images[others], batch.images, share.view(-1, *[1] * (batch.images.ndim - 1)))
    mixed = Mixed(share, batch.labels[others], None if batch.masks is None else batch.masks[others])
    return Batch(images, batch.labels, batch.masks, mixed)


def augment(
    images: Tensor, masks: Tensor | None, how: Changes, rng: torch.Generator, preprocessing: Preprocessing
) -> tuple[Tensor, Tensor | None]:
    """Normalised images and masks, each changed as ``how`` says.

    What comes from outside repeats the border (images) or is background (masks).
    """
    if isinstance(how, Augmentation):
        return moved(images, masks, affine_grid(images, how, rng))
    changed, masks = transformed(to_unit(images, preprocessing), masks, how, rng)
    return from_unit(changed, preprocessing), masks
