"""As tutorials do it: ImageFolder or a Dataset that opens image and mask, DataLoader, a plain loop in float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jobs import Job
from losses import loss_and_gradient
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, default_collate
from torchvision import transforms
from torchvision.datasets import ImageFolder
from turns import Gate, Loss

__all__ = ["dataset_of", "first_batch", "first_loss", "train"]

MEANS_AND_DEVIATIONS = {
    "symmetric": ((0.5,) * 3, (0.5,) * 3),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class SlicesWithMasks(Dataset[tuple[Tensor, Tensor]]):
    """The image and the mask of each slice, from two files."""

    def __init__(self, images: Path, masks: Path, size: int, transform: Any) -> None:
        self.images = sorted(images.glob("*/*"), key=lambda path: path.stem)
        self.masks, self.size, self.transform = masks, size, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        path = self.images[index]
        image = self.transform(Image.open(path).convert("RGB"))
        try:
            mask = Image.open(self.masks / f"{path.stem}.png").convert("L")
        except FileNotFoundError:  # a slice without a lesion
            return image, torch.zeros(self.size, self.size, dtype=torch.int64)
        mask = mask.resize((self.size, self.size), Image.Resampling.NEAREST)
        return image, torch.from_numpy((np.asarray(mask) > 0).astype(np.int64))


def dataset_of(job: Job) -> Dataset[Any]:
    """The job's slices, read from their files one by one."""
    preprocessing = job.recipe.preprocessing
    steps: list[Any] = [
        transforms.Grayscale(preprocessing.channels),
        transforms.Resize((preprocessing.size, preprocessing.size)),
        transforms.ToTensor(),
    ]
    if preprocessing.normalisation != "unit":
        mean, deviation = MEANS_AND_DEVIATIONS[preprocessing.normalisation]
        steps.append(transforms.Normalize(mean[: preprocessing.channels], deviation[: preprocessing.channels]))
    transform = transforms.Compose(steps)
    if job.segments:
        return SlicesWithMasks(job.files / "images", job.files / "masks", preprocessing.size, transform)
    return ImageFolder(str(job.files / "images"), transform)


def first_batch(job: Job) -> list[Tensor]:
    """Images and targets of the job's first batch."""
    dataset = dataset_of(job)
    paths = dataset.images if isinstance(dataset, SlicesWithMasks) else [Path(path) for path, _ in dataset.samples]
    places = {int(path.stem): place for place, path in enumerate(paths)}
    return default_collate([dataset[places[number]] for number in job.first])


def first_loss(job: Job, dtype: torch.dtype) -> Loss:
    """Of the plain network on the first batch."""
    network = job.network().to(job.device, dtype)
    inputs, targets = (tensor.to(job.device) for tensor in first_batch(job))
    return loss_and_gradient(network, lambda: nn.CrossEntropyLoss()(network(inputs.to(dtype)), targets))


def train(job: Job, gate: Gate) -> None:
    """Epochs of as many images as a turn has, which costs a DataLoader without workers nothing."""
    dataset = dataset_of(job)
    model = job.network().to(job.device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=job.recipe.optimizer.learning_rate)
    model.train()
    while images := gate.opens():
        sampler = RandomSampler(dataset, num_samples=images)
        loader = DataLoader(dataset, batch_size=job.recipe.batch_size, sampler=sampler)
        running_loss = 0.0
        for batch in loader:
            inputs, targets = batch[0].to(job.device), batch[1].to(job.device)
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        gate.closes(images)
