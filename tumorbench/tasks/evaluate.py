"""A trained network becomes predictions: probabilities, masks, images, and the seconds they took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Generator, Network, pixel_cross_entropy

__all__ = [
    "block_distance", "block_statistics", "classify", "generate", "own_values", "segment", "segment_and_classify", "time_predictions", "validate_classifier",
    "validate_generator", "validate_segmenter",
]  # fmt: skip

Autocast = Callable[[], Any]
SINGLE_PREDICTIONS = 15  # of which the median is the time of one
SAMPLE_BATCH = 16  # images that a generator makes at once


def classify(network: Network, batches: Iterable[Batch], autocast: Autocast) -> NDArray[np.float32]:
    """Softmax probabilities, float32 ``(n, classes)``, computed in float32 from the logits."""
    network.eval()
    with torch.inference_mode():
        rows = []
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            rows.append(logits.float().softmax(1).cpu())
        return torch.cat(rows).numpy()


def segment(network: Network, batches: Iterable[Batch], autocast: Autocast) -> NDArray[np.uint8]:
    """The most probable class of each pixel, uint8 ``(n, size, size)``."""
    network.eval()
    with torch.inference_mode():
        masks = []
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            masks.append(logits.argmax(1).to(torch.uint8).cpu())
        return torch.cat(masks).numpy()


def segment_and_classify(
    network: Network, batches: Iterable[Batch], autocast: Autocast, lesion_free: Sequence[int] = ()
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(masks, probabilities) of a network whose mask value i is class i - 1: uint8 ``(n, size, size)``, float32 ``(n, classes)``.

    A class is as probable as its share of all pixels' lesion probability. Classes in ``lesion_free`` never have a lesion: they share the probability
    that even the most suspicious pixel shows none.
    """
    network.eval()
    with torch.inference_mode():
        masks, rows = [], []
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            masks.append(logits.argmax(1).to(torch.uint8).cpu())
            rows.append(_classes_of_pixels(logits.float().softmax(1)[:, 1:], lesion_free).cpu())
        return torch.cat(masks).numpy(), torch.cat(rows).numpy()


def _classes_of_pixels(lesions: torch.Tensor, lesion_free: Sequence[int]) -> torch.Tensor:
    """Probability of each pixel's lesion classes, ``(batch, classes, size, size)`` -> of each image's class ``(batch, classes)``."""
    mass = lesions.sum((2, 3))  # (batch, classes)
    if not lesion_free:
        return mass / mass.sum(1, keepdim=True)
    free = list(lesion_free)
    seen = lesions.sum(1).amax((1, 2)).clamp(max=1)[:, None]  # (batch, 1): the most suspicious pixel
    mass[:, free] = 0
    shares = mass / mass.sum(1, keepdim=True) * seen
    shares[:, free] = (1 - seen) / len(free)
    return shares


def generate(
    network: Generator,
    labels: NDArray[np.int64],
    seed: int,
    autocast: Autocast,
    to_uint8: Callable[[torch.Tensor], torch.Tensor],
) -> NDArray[np.uint8]:
    """One image a label, uint8 ``(n, size, size)``; the same seed gives the same images."""
    network.eval()
    device = next(network.parameters()).device
    rng = torch.Generator().manual_seed(derive_seed(seed, "sampling"))
    with torch.inference_mode():
        images = []
        for part in torch.split(torch.from_numpy(labels), SAMPLE_BATCH):
            with autocast():
                sampled = network.sample(len(part), part.to(device), rng)
            images.append(to_uint8(sampled).cpu())
        return torch.cat(images).numpy()


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
    """Mean pixel cross-entropy ("val_loss"), pixel accuracy and pooled foreground Dice (any foreground class) over every validation slice."""
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
            found = torch.stack(
                [
                    pixel_cross_entropy(logits, true).double().sum(),
                    right.double(),
                    overlap.double(),
                    foreground.double(),
                ]
            )
            sums, pixels = sums.to(found.device) + found, pixels + true.numel()
    loss, correct, both, either = sums.tolist()
    return {
        "val_loss": loss / pixels,
        "val_pixel_accuracy": correct / pixels,
        "val_dice": 2 * both / either if either else 0.0,
    }


def validate_generator(
    network: Generator,
    batches: Iterable[Batch],
    labels: NDArray[np.int64],
    seed: int,
    autocast: Autocast,
    to_unit: Callable[[torch.Tensor], torch.Tensor],
) -> dict[str, float]:
    """The ``block_distance`` ("val_block_distance") between held-out real images and as many generated ones, and the model's own validation values.

    labels: of the held-out images, in order. to_unit: what the network makes, as float ``(batch, 1, size, size)`` in [0, 1].
    """
    network.eval()
    held = list(batches)
    with torch.inference_mode():
        real = [to_unit(batch.images) for batch in held]
        rng = torch.Generator().manual_seed(derive_seed(seed, "validation"))
        generated = []
        for part in torch.split(torch.from_numpy(labels), SAMPLE_BATCH):
            with autocast():
                images = network.sample(len(part), part.to(real[0].device), rng)
            generated.append(to_unit(images))
        distance = block_distance(torch.cat(real), torch.cat(generated))
    return {"val_block_distance": distance} | {
        f"val_{name}": value for name, value in own_values(network, held, autocast).items()
    }


def own_values(network: Generator, batches: Iterable[Batch], autocast: Autocast) -> dict[str, float]:
    """The means over held-out real images of what the model itself says of them, such as its loss; empty for a model that says nothing."""
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
    """The mean over the ``block_statistics`` of the Wasserstein-1 distance between their values in as many real and generated images, each in [0, 1].

    Lower is better. Each statistic is compared with its own, so that it takes few images, and by its whole distribution, so that a generator that gives
    the mean image each time is far off.
    """
    first, second = (block_statistics(images).sort(0).values for images in (real, generated))
    return (first - second).abs().mean().item()


def block_statistics(images: torch.Tensor) -> torch.Tensor:
    """``(batch, 1, size, size)`` -> float32 ``(batch, 512)``: means and standard deviations of the pixels of each of 16 x 16 blocks.

    The means tell where a head is and how bright; the deviations tell blur from detail, and both from a checkerboard, which means do not see.
    """
    images = images.float()
    means, squares = (F.adaptive_avg_pool2d(each, 16).flatten(1) for each in (images, images.square()))
    return torch.cat([means, (squares - means.square()).clamp(min=0).sqrt()], 1)


def time_predictions(predict: Callable[[int], object], n: int) -> tuple[float, float]:
    """(seconds for all n images, median seconds for one), both after a warm-up; ``predict(k)`` predicts the first k images to host memory."""
    predict(1)
    singles = []
    for _ in range(SINGLE_PREDICTIONS):
        started = time.perf_counter()
        predict(1)
        singles.append(time.perf_counter() - started)
    started = time.perf_counter()
    predict(n)
    return time.perf_counter() - started, statistics.median(singles)
