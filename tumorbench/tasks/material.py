"""What one cell works on: its slices on the device, and what the network learns from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tumorbench import training
from tumorbench.contracts.families import Network, TransferClassifier
from tumorbench.contracts.problem import Problem
from tumorbench.data import batches
from tumorbench.data.locations import cache_root
from tumorbench.run.context import Bench
from tumorbench.run.plan import PlannedCell
from tumorbench.training.frozen import Features

__all__ = ["Material", "gather"]

PARTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Material:
    """slices: part of the split -> its images. learned: the same, or the features that a frozen backbone makes of them."""

    slices: dict[str, batches.Slices]
    learned: dict[str, batches.Slices]


def gather(cell: PlannedCell, problem: Problem, network: Network, bench: Bench) -> Material:
    """Training, validation and test slices on the device; a frozen backbone's features are computed, unless the cache has them."""
    preprocessing = cell.identity.recipe.preprocessing
    images = cell.dataset.images(problem.size, preprocessing.crop)
    labels = np.array([sample.label for sample in cell.dataset.samples], np.int64)
    masks = _masks(cell, problem, labels)

    def part(name: str) -> batches.Slices:
        chosen = getattr(cell.split, name)
        return batches.Slices.of(
            images[chosen], labels[chosen], masks[chosen] if masks is not None else None, bench.device
        )

    slices = {name: part(name) for name in PARTS}
    if not isinstance(network, TransferClassifier):
        return Material(slices, slices)
    recipe = cell.identity.recipe
    features = Features(
        network, images, [cell.dataset.fingerprint], recipe, bench.device, cache_root() / "features" / cell.dataset.spec.id,
        partial(training.autocast, bench.device, recipe.precision), bench.progress,
    )  # fmt: skip
    return Material(
        slices, {name: features.part(getattr(cell.split, name), labels, training=name == "train") for name in PARTS}
    )


def _masks(cell: PlannedCell, problem: Problem, labels: NDArray[np.int64]) -> NDArray[np.uint8] | None:
    """The masks that the model learns from; for classes in one pass, value 1 + label where there is a lesion."""
    if cell.model.task != "segmentation":
        return None
    masks = cell.dataset.masks(problem.size, cell.identity.recipe.preprocessing.crop)
    if masks is None or cell.identity.recipe.masks == "lesions":
        return masks
    return (np.asarray(masks > 0) * (1 + labels)[:, None, None]).astype(np.uint8)
