"""What one cell works on: its network, its slices on the device, and what the network learns from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from tumorbench import training
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Network, TransferClassifier
from tumorbench.contracts.problem import Problem
from tumorbench.data.batches import Slices
from tumorbench.data.locations import cache_root
from tumorbench.data.split import PARTS
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.inference import autocast_of
from tumorbench.training import networks
from tumorbench.training.arithmetic import arranged
from tumorbench.training.frozen import Features

__all__ = ["Material", "fresh_network", "gather", "problem_of"]


@dataclass(frozen=True, slots=True)
class Material:
    """slices: part of the split -> its images. learned: the same, or what a frozen backbone makes of them.

    validated: name -> validation value of the weights that are scored, once training has found them.
    """

    slices: dict[str, Slices]
    learned: dict[str, Slices]
    validated: dict[str, float] = field(default_factory=dict)


def problem_of(cell: Cell) -> Problem:
    """What the cell's network is asked to solve."""
    return networks.problem_for(cell.model, cell.dataset.spec, cell.recipe)


def fresh_network(cell: Cell, tools: Tools, *part: str) -> Network:
    """The cell's network with freshly drawn weights, on the device.

    part: of the cell, where it trains several networks, which start from different weights.
    """
    training.seed_everything(derive_seed(cell.identity.seed, "init", *part))
    network = networks.build(cell.model, problem_of(cell), cell.recipe)
    return arranged(network, tools.device, cell.precision)


def gather(
    cell: Cell,
    network: Network,
    tools: Tools,
    masks: NDArray[np.uint8] | None = None,
    *,
    supervision: NDArray[np.uint8] | None = None,
) -> Material:
    """Training, validation and test slices on the device; a frozen backbone's features are computed or in the cache.

    masks: of every sample of the data set, ``(n, size, size)``, where the network learns from them. supervision:
    likewise, of a network that is no segmenter; only what it learns from has them.
    """
    images, labels = cell.images, cell.labels

    def part(name: str) -> Slices:
        chosen = getattr(cell.split, name)
        return Slices.of(images[chosen], labels[chosen], masks[chosen] if masks is not None else None, tools.device)

    slices = {name: part(name) for name in PARTS}
    if not isinstance(network, TransferClassifier):
        return Material(slices, slices | {"train": _supervised(slices["train"], supervision, cell, tools)})
    features = Features(
        network,
        images,
        [cell.dataset.fingerprint],
        cell.recipe,
        tools.device,
        cache_root() / "features" / cell.dataset.spec.id,
        autocast_of(cell, tools),
        tools.progress,
    )
    return Material(
        slices, {name: features.part(getattr(cell.split, name), labels, training=name == "train") for name in PARTS}
    )


def _supervised(train: Slices, masks: NDArray[np.uint8] | None, cell: Cell, tools: Tools) -> Slices:
    """The training slices with their masks; as they are where none of them has one, as of a set without masks."""
    own = None if masks is None else np.ascontiguousarray(masks[cell.split.train])
    if own is None or not own.any():
        return train
    return Slices(train.images, train.labels, torch.from_numpy(own).to(tools.device))
