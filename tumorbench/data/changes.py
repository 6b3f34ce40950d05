"""Random changes of a batch of images, on its device: where a pixel comes from, then what becomes of its grey value."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.transforms import FLIPS, Augmentation, Transform

__all__ = ["affine_grid", "at", "moved", "transformed"]

MOVING = ("affine", "elastic", *FLIPS)


def at(drawn: Tensor, device: torch.device) -> Tensor:
    """What was drawn on the host, on the device; the host does not wait for the copy."""
    return drawn.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else drawn.to(device)


def moved(images: Tensor, masks: Tensor | None, grid: Tensor) -> tuple[Tensor, Tensor | None]:
    """Images ``(batch, channels, size, size)``, bilinear, and masks, by the nearest pixel, from the places of ``grid``.

    What comes from outside repeats the border (images) or is background (masks).
    """
    found = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    if masks is None:
        return found, None
    return found, F.grid_sample(
        masks.unsqueeze(1).float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
    ).squeeze(1).long()


def affine_grid(images: Tensor, how: Augmentation, rng: torch.Generator) -> Tensor:
    """Where each pixel comes from under one random affine map an image, ``(batch, size, size, 2)`` from -1 to 1."""
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
    return F.affine_grid(at(theta, images.device), list(images.shape), align_corners=False)


def transformed(
    images: Tensor, masks: Tensor | None, transforms: tuple[Transform, ...], rng: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Images float32 ``(batch, 1, size, size)`` in [0, 1], and their masks, under the transforms.

    Those that move pixels come first, as one resampling; then those of the grey values, in order, in [0, 1] again at
    the end. Each transform draws what it needs from ``rng``, for every image alike, whether it changes it or not.
    """
    grid: Tensor | None = None
    for transform in transforms:
        if transform.name in MOVING:
            if grid is None:
                grid = _identity(images)
            grid = _moved_grid(grid, transform, rng)
    if grid is not None:
        images, masks = moved(images, masks, grid)
    for transform in transforms:
        if transform.name not in MOVING:
            images = _recoloured(images, transform, rng)
    return images.clamp(0, 1), masks


def _identity(images: Tensor) -> Tensor:
    theta = torch.eye(2, 3, device=images.device).expand(len(images), 2, 3)
    return F.affine_grid(theta, list(images.shape), align_corners=False)


class _Draws:
    """What a transform draws of each image: 0, or none of it, where it does not change the image."""

    def __init__(self, transform: Transform, n: int, device: torch.device, rng: torch.Generator) -> None:
        self.transform, self.n, self.device, self.rng = transform, n, device, rng
        self.chosen = (torch.rand(n, generator=rng) < transform.share).float()

    def uniform(self, name: str, most: float = 1.0) -> Tensor:
        """From minus the argument to the argument, times ``most``, ``(n,)``, on the host."""
        return (torch.rand(self.n, generator=self.rng) * 2 - 1) * self.transform.argument(name) * most * self.chosen

    def smooth(self, name: str, channels: int, size: int) -> Tensor:
        """A smooth field ``(n, channels, size, size)``: normal values at points, bicubic between them."""
        points = int(self.transform.argument("points"))
        drawn = torch.randn(self.n, channels, points, points, generator=self.rng) * self.transform.argument(name)
        drawn = at(drawn * self.chosen.view(-1, 1, 1, 1), self.device)
        return F.interpolate(drawn, (size, size), mode="bicubic", align_corners=True)


def _moved_grid(grid: Tensor, transform: Transform, rng: torch.Generator) -> Tensor:
    """The places from which the places of ``grid`` come under the transform."""
    draws, size = _Draws(transform, len(grid), grid.device, rng), grid.shape[1]
    match transform.name:
        case "elastic":
            return grid + 2 * draws.smooth("displacement", 2, size).permute(0, 2, 3, 1)
        case "affine":
            angle, shear = (torch.deg2rad(draws.uniform(name)) for name in ("rotation_degrees", "shear_degrees"))
            scale, shift = 1 + draws.uniform("zoom"), torch.stack([draws.uniform("shift", 2) for _ in range(2)], 1)
            cos, sin = torch.cos(angle) / scale, torch.sin(angle) / scale
            sheared = torch.tan(shear)
            rows = [cos, sheared * cos - sin], [sin, sheared * sin + cos]
            linear = torch.stack([torch.stack(row, 1) for row in rows], 1)  # (n, 2, 2): rotation times shear
        case _:
            turned = 1 - 2 * draws.chosen
            across = transform.name == "horizontal_flip"
            sides = torch.stack([turned, torch.ones(len(grid))] if across else [torch.ones(len(grid)), turned], 1)
            linear, shift = torch.diag_embed(sides), torch.zeros(len(grid), 2)
    found = grid.flatten(1, 2) @ at(linear, grid.device).transpose(1, 2) + at(shift, grid.device).unsqueeze(1)
    return found.view_as(grid)


def _recoloured(images: Tensor, transform: Transform, rng: torch.Generator) -> Tensor:
    """The images with other grey values."""
    draws = _Draws(transform, len(images), images.device, rng)

    def each(drawn: Tensor) -> Tensor:
        return at(drawn, images.device).view(-1, 1, 1, 1)

    match transform.name:
        case "brightness":
            return images + each(draws.uniform("reach"))
        case "contrast":
            mean = images.mean((2, 3), keepdim=True)
            return torch.lerp(mean, images, each(1 + draws.uniform("reach")))
        case "gamma":
            return images.clamp(0, 1) ** each(torch.exp(draws.uniform("reach")))
        case "noise":
            seed = int(torch.randint(2**62, (), generator=rng))
            own = torch.Generator(images.device).manual_seed(seed)
            normal = torch.randn(images.shape, generator=own, device=images.device)
            return images + normal * each(draws.uniform("deviation").abs())
        case _:
            return images * draws.smooth("reach", 1, images.shape[-1]).exp()
