"""PyTorch Lightning with its defaults: logger, checkpoints, progress bar and summary are on; none needs a network."""

from __future__ import annotations

import tempfile
from typing import Any

import lightning
import torch
from jobs import Job
from losses import loss_and_gradient
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from turns import Gate, Loss
from tutorial import dataset_of, first_batch

__all__ = ["first_loss", "train"]

EPOCHS = 1000  # Lightning's own default, which it warns of where it is not named


class Module(lightning.LightningModule):
    """The network, as Lightning's first page writes one."""

    def __init__(self, model: nn.Module, learning_rate: float) -> None:
        super().__init__()
        self.model, self.learning_rate = model, learning_rate

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        inputs, targets = batch
        loss = F.cross_entropy(self.model(inputs), targets)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


class Turns(lightning.Callback):
    """Stops between two batches while others have their turn."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Waits where a turn is over, and ends training where there is none left."""
        self.gate.learned(len(batch[0]))
        if not self.gate.open:
            trainer.should_stop = True


def first_loss(job: Job, dtype: torch.dtype) -> Loss:
    """Of the module's training step on the first batch."""
    module = Module(job.network(), job.recipe.optimizer.learning_rate).to(job.device, dtype)
    module.log = lambda *_: None  # no trainer is there that could take it
    inputs, targets = (tensor.to(job.device) for tensor in first_batch(job))
    return loss_and_gradient(module, lambda: module.training_step([inputs.to(dtype), targets], 0))


def train(job: Job, gate: Gate) -> None:
    """Epochs of the whole data set, which go on from turn to turn."""
    loader = DataLoader(dataset_of(job), batch_size=job.recipe.batch_size, shuffle=True)
    module = Module(job.network(), job.recipe.optimizer.learning_rate)
    with tempfile.TemporaryDirectory() as folder:
        accelerator = "gpu" if job.device == "cuda" else "cpu"
        trainer = lightning.Trainer(
            accelerator=accelerator, max_epochs=EPOCHS, default_root_dir=folder, callbacks=[Turns(gate)]
        )
        gate.opens()
        trainer.fit(module, loader)
        gate.ended()
