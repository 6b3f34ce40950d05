"""A trained network becomes predictions: probabilities, masks, images, and the seconds they took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from tumorbench import training
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.data.batches import Slices, denormalise, evaluation_batches, slices_at_once
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.native import Frame, native_masks
from tumorbench.training import promises

__all__ = [
    "BATCH",
    "Autocast",
    "autocast_of",
    "batches_of",
    "classify",
    "generate",
    "paint",
    "segment",
    "segment_and_classify",
    "timed_predictions",
]

Autocast = Callable[[], Any]
T = TypeVar("T")
BATCH = 16  # slices of which gradients are taken at once
SINGLE_PREDICTIONS = 5  # of which the median is the time of one
SAMPLE_BATCH = 16  # images that a generator makes at once


def autocast_of(cell: Cell, tools: Tools) -> Autocast:
    """The context in which the cell's networks compute."""
    return partial(training.autocast, tools.device, cell.precision)


def batches_of(slices: Slices, cell: Cell) -> Iterator[Batch]:
    """Every slice once, in order, as the cell's network takes them."""
    preprocessing = cell.recipe.preprocessing
    return evaluation_batches(slices, preprocessing, slices_at_once(preprocessing.size, slices.labels.device.type))


def classify(network: Network, batches: Iterable[Batch], autocast: Autocast) -> NDArray[np.float32]:
    """Softmax probabilities, float32 ``(n, classes)``, computed in float32 from the logits."""
    network.eval()
    with torch.inference_mode():
        rows = [logits.float().softmax(1).cpu() for logits in _logits(network, batches, autocast)]
        return torch.cat(rows).numpy()


@torch.inference_mode()
def segment(
    network: Network, batches: Iterable[Batch], autocast: Autocast, frames: Sequence[Frame]
) -> Iterator[NDArray[np.uint8]]:
    """The mask of each slice at the slice's own size, uint8 ``(height, width)``. frames: one a slice, as ``native_masks``."""
    network.eval()
    done = 0
    for logits in _logits(network, batches, autocast):
        yield from native_masks(logits.float().softmax(1), frames[done : done + len(logits)])
        done += len(logits)


@torch.inference_mode()
def segment_and_classify(
    network: Network,
    batches: Iterable[Batch],
    autocast: Autocast,
    frames: Sequence[Frame],
    lesion_free: Sequence[int] = (),
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """(mask as of ``segment``, probabilities float32 ``(k,)``) of each slice; a network's mask value i is class i - 1.

    A class is as probable as its share of all pixels' lesion probability. Classes in ``lesion_free`` never have a
    lesion: they share the probability that even the most suspicious pixel shows none.
    """
    network.eval()
    done = 0
    for logits in _logits(network, batches, autocast):
        pixels = logits.float().softmax(1)
        rows = _classes_of_pixels(pixels[:, 1:], lesion_free).cpu().numpy()
        yield from zip(native_masks(pixels, frames[done : done + len(logits)]), rows, strict=True)
        done += len(logits)


def _logits(network: Network, batches: Iterable[Batch], autocast: Autocast) -> Iterator[torch.Tensor]:
    """The logits of each batch. Raises: BadInput where they have another shape, and after the last where one is not finite."""
    finite = promises.Finite()
    for batch in batches:
        with autocast():
            logits = promises.logits_of(network, batch.images)
        yield finite.see(logits)
    finite.require(network, "logits")


def _classes_of_pixels(lesions: torch.Tensor, lesion_free: Sequence[int]) -> torch.Tensor:
    """Probability of each pixel's lesion classes ``(batch, k, size, size)`` -> of each image's class ``(batch, k)``."""
    mass = lesions.sum((2, 3))  # (batch, classes)
    if not lesion_free:
        return mass / mass.sum(1, keepdim=True)
    free = list(lesion_free)
    seen = lesions.sum(1).amax((1, 2)).clamp(max=1)[:, None]  # (batch, 1): the most suspicious pixel
    mass[:, free] = 0
    shares = mass / mass.sum(1, keepdim=True) * seen
    shares[:, free] = (1 - seen) / len(free)
    return shares


def paint(network: Network, labels: NDArray[np.int64], cell: Cell, tools: Tools) -> NDArray[np.uint8]:
    """The images that the cell's generator makes of the labels, uint8 ``(n, size, size)``; each time the same ones."""
    to_uint8 = partial(denormalise, preprocessing=cell.recipe.preprocessing)
    return generate(network, labels, cell.identity.seed, autocast_of(cell, tools), to_uint8)


def generate(
    network: Network,
    labels: NDArray[np.int64],
    seed: int,
    autocast: Autocast,
    to_uint8: Callable[[torch.Tensor], torch.Tensor],
) -> NDArray[np.uint8]:
    """One image a label, uint8 ``(n, size, size)``; the same seed gives the same images."""
    assert isinstance(network, Generator)
    network.eval()
    device = next(network.parameters()).device
    rng = torch.Generator().manual_seed(derive_seed(seed, "sampling"))
    with torch.inference_mode():
        images, finite = [], promises.Finite()
        for part in torch.split(torch.from_numpy(labels), SAMPLE_BATCH):
            with autocast():
                sampled = promises.images_of(network, len(part), part.to(device), rng)
            images.append(to_uint8(finite.see(sampled)).cpu())
        finite.require(network, "samples")
        return torch.cat(images).numpy()


def timed_predictions(predict: Callable[[int], T], n: int) -> tuple[T, dict[str, float]]:
    """(what is predicted of all n images, the seconds ``predict_all_s`` and, the median of one, ``predict_one_s``).

    predict: called with k, predicts the first k images to host memory. It is warm when it is timed.
    """
    predict(1)
    singles = []
    for _ in range(SINGLE_PREDICTIONS):
        started = time.perf_counter()
        predict(1)
        singles.append(time.perf_counter() - started)
    started = time.perf_counter()
    everything = predict(n)
    all_s = time.perf_counter() - started
    return everything, {"predict_all_s": all_s, "predict_one_s": statistics.median(singles)}
