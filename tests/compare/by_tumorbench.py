"""As a cell of tumorbench trains: ``training.fit`` on slices that lie on the device, on an arranged network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from jobs import SEED, Job
from losses import loss_and_gradient
from turns import Gate, Loss

from tumorbench.contracts.families import Batch
from tumorbench.data.batches import Slices, evaluation_batches, training_batches
from tumorbench.training import fit
from tumorbench.training.arithmetic import arranged

__all__ = ["first_loss", "train"]


class Over(Exception):
    """There is no turn left."""


def first_loss(job: Job, dtype: torch.dtype) -> Loss:
    """Of the arranged network on the first batch, as the harness makes it."""
    network = arranged(job.network(), job.device, "fp32").to(dtype)
    images, labels, masks = (array[list(job.first)] if array is not None else None for array in job.arrays())
    slices = Slices.of(images, labels, masks, job.device)
    batch = next(evaluation_batches(slices, job.recipe.preprocessing, len(slices)))
    batch.images = batch.images.to(dtype)
    return loss_and_gradient(network, lambda: next(iter(network.losses(batch)))[1])


def train(job: Job, gate: Gate) -> None:
    """Epochs of the whole data set, which go on from turn to turn."""
    network = arranged(job.network(), job.device, job.recipe.precision)
    slices = Slices.of(*job.arrays(), job.device)

    def batches(epoch: int) -> Iterator[Batch]:
        found = training_batches(slices, job.recipe, SEED, epoch)
        while gate.open and (batch := next(found, None)) is not None:
            yield batch
            gate.learned(len(batch))

    def on_epoch(_entry: dict[str, float], _epochs: int) -> None:
        if not gate.open:
            gate.ended()
            raise Over

    with tempfile.TemporaryDirectory() as folder:
        gate.opens()
        try:
            fit(
                network,
                batches,
                job.recipe,
                seed=SEED,
                device=job.device,
                checkpoint=Path(folder) / "progress.pt",
                on_epoch=on_epoch,
            )
        except Over:
            return
