"""How a network does on held-out slices: the values by which a recipe may choose an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Generator, Network, pixel_cross_entropy
from tumorbench.tasks.inference import SAMPLE_BATCH, Autocast

__all__ = [
    "block_distance",
    "block_statistics",
    "own_values",
    "validate_classifier",
    "validate_generator",
    "validate_segmenter",
]


def validate_classifier(network: Network, batches: Iterable[Batch], autocast: Autocast) -> dict[str, float]:
    """Mean cross-entropy ("val_loss") and accuracy over every validation slice."""
    network.eval()
    sums, n = torch.zeros(2, dtype=torch.float64), 0
    with torch.inference_mode():
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            loss = F.cross_entropy(logits.float(), batch.labels, reduction="sum")
            found = torch.stack([loss, (logits.argmax(1) == batch.labels).sum().float()])
            sums, n = sums.to(found.device) + found, n + len(batch)  # summed on the device: no batch waits for the host
    total, correct = sums.tolist()
    return {"val_loss": total / n, "val_accuracy": correct / n}


def validate_segmenter(network: Network, batches: Iterable[Batch], autocast: Autocast) -> dict[str, float]:
    """Mean pixel cross-entropy ("val_loss"), pixel accuracy and pooled Dice of any foreground, over every slice."""
    network.eval()
    sums, pixels = torch.zeros(4, dtype=torch.float64), 0
    with torch.inference_mode():
        for batch in batches:
            assert batch.masks is not None
            with autocast():
                logits = network(batch.images)
            predicted, true = logits.argmax(1), batch.masks
            right = (predicted == true).sum()
            overlap, foreground = ((predicted > 0) & (true > 0)).sum(), (predicted > 0).sum() + (true > 0).sum()
            loss = pixel_cross_entropy(logits, true).double().sum()
            found = torch.stack([loss, right.double(), overlap.double(), foreground.double()])
            sums, pixels = sums.to(found.device) + found, pixels + true.numel()
    total, correct, both, either = sums.tolist()
    return {
        "val_loss": total / pixels,
        "val_pixel_accuracy": correct / pixels,
        "val_dice": 2 * both / either if either else 0.0,
    }


def validate_generator(
    network: Network,
    batches: Iterable[Batch],
    labels: NDArray[np.int64],
    seed: int,
    autocast: Autocast,
    to_unit: Callable[[torch.Tensor], torch.Tensor],
) -> dict[str, float]:
    """The ``block_distance`` ("val_block_distance") of held-out real images and as many generated ones, and own values.

    labels: of the held-out images, in order. to_unit: what the network makes, as float ``(batch, 1, size, size)`` in
    [0, 1].
    """
    assert isinstance(network, Generator)
    network.eval()
    held_out = list(batches)
    with torch.inference_mode():
        real = [to_unit(batch.images) for batch in held_out]
        rng = torch.Generator().manual_seed(derive_seed(seed, "validation"))
        generated = []
        for part in torch.split(torch.from_numpy(labels), SAMPLE_BATCH):
            with autocast():
                images = network.sample(len(part), part.to(real[0].device), rng)
            generated.append(to_unit(images))
        distance = block_distance(torch.cat(real), torch.cat(generated))
    own = own_values(network, held_out, autocast)
    return {"val_block_distance": distance} | {f"val_{name}": value for name, value in own.items()}


def own_values(network: Network, batches: Iterable[Batch], autocast: Autocast) -> dict[str, float]:
    """Means over held-out real images of what a generator itself says of them, such as its loss; empty for most."""
    assert isinstance(network, Generator)
    network.eval()
    sums: dict[str, torch.Tensor] = {}
    n = 0
    with torch.inference_mode():
        for batch in batches:
            with autocast():
                own = network.validation(batch)
            for name, value in own.items():
                sums[name] = sums.get(name, torch.zeros_like(value, dtype=torch.float64)) + value.double() * len(batch)
            n += len(batch)
    return {name: (total / n).item() for name, total in sums.items()}


def block_distance(real: torch.Tensor, generated: torch.Tensor) -> float:
    """The mean over the ``block_statistics`` of the Wasserstein-1 distance between as many real and generated images.

    Lower is better. Each statistic is compared with its own, so that it takes few images, and by its whole
    distribution, so that a generator that gives the mean image each time is far off. Images are in [0, 1].
    """
    first, second = (block_statistics(images).sort(0).values for images in (real, generated))
    return (first - second).abs().mean().item()


def block_statistics(images: torch.Tensor) -> torch.Tensor:
    """``(batch, 1, size, size)`` -> float32 ``(batch, 512)``: means and deviations of the pixels of 16 x 16 blocks.

    The means tell where a head is and how bright; the deviations tell blur from detail, and both from a checkerboard,
    which means do not see.
    """
    images = images.float()
    means, squares = (F.adaptive_avg_pool2d(each, 16).flatten(1) for each in (images, images.square()))
    return torch.cat([means, (squares - means.square()).clamp(min=0).sqrt()], 1)
