"""The same means as tumorbench in a loop that does nothing else: what the harness costs is the difference."""

from __future__ import annotations

import math

import torch
from jobs import Job
from losses import loss_and_gradient
from torch import Tensor
from torch.nn import functional as F
from turns import Gate, Loss

from tumorbench.training.arithmetic import arranged

__all__ = ["first_loss", "train"]

MEAN, DEVIATION = (torch.tensor(each).view(1, 3, 1, 1) for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


def first_loss(job: Job, dtype: torch.dtype) -> Loss:
    """Of the arranged network on the first batch."""
    network = arranged(job.network(), job.device, "fp32").to(dtype)
    images, targets = on_device(job)
    first = torch.tensor(job.first, device=job.device)
    inputs, wanted = as_inputs(images[first], job).to(dtype), targets[first].long()
    return loss_and_gradient(network, lambda: F.cross_entropy(network(inputs), wanted))


def on_device(job: Job) -> tuple[Tensor, Tensor]:
    """All images, uint8, and what is to be predicted of them: labels, or masks in uint8."""
    images, labels, masks = job.arrays()
    return torch.tensor(images, device=job.device), torch.tensor(labels if masks is None else masks, device=job.device)


def as_inputs(images: Tensor, job: Job) -> Tensor:
    """uint8 ``(batch, size, size)`` -> float32 ``(batch, channels, size, size)``."""
    preprocessing = job.recipe.preprocessing
    unit = images.float().div_(255).unsqueeze(1).expand(-1, preprocessing.channels, -1, -1)
    if preprocessing.normalisation == "symmetric":
        return unit * 2 - 1
    if preprocessing.normalisation == "imagenet":
        return (unit - MEAN.to(unit.device)) / DEVIATION.to(unit.device)
    return unit.contiguous()


def train(job: Job, gate: Gate) -> None:
    """Batches in random order, turn after turn."""
    recipe, device = job.recipe, job.device
    network = arranged(job.network(), device, recipe.precision)
    images, targets = on_device(job)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.optimizer.learning_rate, fused=True)
    network.train()
    while wanted := gate.opens():
        orders = [torch.randperm(len(images), device=device) for _ in range(math.ceil(wanted / len(images)))]
        total = torch.zeros((), device=device)
        for chosen in torch.cat(orders)[:wanted].split(recipe.batch_size):
            inputs, expected = as_inputs(images[chosen], job), targets[chosen].long()
            with torch.autocast(device, torch.bfloat16, enabled=recipe.precision == "bf16"):
                loss = F.cross_entropy(network(inputs).float(), expected)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        gate.closes(wanted)
