"""A small classifier, made-up batches, and the loop that trains the one on the others: for every test of training."""

from __future__ import annotations

import torch
from torch import nn

import tumorbench as tb
from tumorbench import training

PROBLEM = tb.Problem("classification", ("a", "b"), 1, 4)


def recipe(**changes: object) -> tb.Recipe:
    quick = tb.Quick(epochs=1, steps_per_epoch=1, batch_size=1)
    preprocessing = tb.Preprocessing(size=4)
    return tb.Recipe(preprocessing=preprocessing, epochs=4, batch_size=8, quick=quick, precision="fp32").model_copy(
        update=changes
    )


def batches(epoch: int, steps: int = 3):
    """The same batches of an epoch whenever they are asked for."""
    rng = torch.Generator().manual_seed(epoch)
    for _ in range(steps):
        labels = torch.randint(0, 2, (8,), generator=rng)
        yield tb.Batch(torch.randn(8, 1, 4, 4, generator=rng) + labels.view(-1, 1, 1, 1), labels)


class Linear(tb.Classifier):
    def __init__(self):
        super().__init__(PROBLEM)
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(16, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.5), nn.Linear(12, 2)
        )

    def forward(self, images):
        return self.layers(images)


def fresh(kind=Linear):
    torch.manual_seed(0)
    return kind()


def fit(network, how, tmp_path, **options):
    return training.fit(
        network,
        options.pop("batches", batches),
        how,
        seed=0,
        device="cpu",
        checkpoint=tmp_path / "progress.pt",
        **options,
    )


def weights(network) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
