"""What a generator makes of the same latents after each epoch, kept until its cell is finished."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorbench import training
from tumorbench.contracts.families import Generator, Network
from tumorbench.data import batches
from tumorbench.run.context import Bench
from tumorbench.run.plan import PlannedCell
from tumorbench.tasks import evaluate

__all__ = ["FOLDER", "keep_samples", "kept_samples"]

FOLDER = "samples-over-training"
LATENTS = 8  # classes in turn


def keep_samples(network: Network, epoch: int, cell: PlannedCell, bench: Bench, folder: Path) -> None:
    """The epoch's samples from the fixed latents lie in the cell's folder; nothing for a network that is no generator."""
    if not isinstance(network, Generator):
        return
    recipe = cell.identity.recipe
    labels = np.arange(LATENTS, dtype=np.int64) % len(cell.dataset.spec.classes)
    to_uint8 = partial(batches.denormalise, preprocessing=recipe.preprocessing)
    images = evaluate.generate(
        network, labels, cell.identity.seed, partial(training.autocast, bench.device, recipe.precision), to_uint8
    )
    (folder / FOLDER).mkdir(exist_ok=True)
    np.save(folder / FOLDER / f"{epoch:05}.npy", images)


def kept_samples(folder: Path) -> tuple[list[int], NDArray[np.uint8]]:
    """(epochs, uint8 ``(epochs, latents, size, size)``) of a cell's folder; empty where nothing was kept."""
    paths = sorted((folder / FOLDER).glob("*.npy"))
    if not paths:
        return [], np.zeros((0, 0, 1, 1), np.uint8)
    return [int(path.stem) for path in paths], np.stack([np.load(path) for path in paths])
