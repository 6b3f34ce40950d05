"""The judge: one fixed classifier that learns from real, generated, mixed and augmented images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tumorbench import hardware, training
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Network, TransferClassifier
from tumorbench.contracts.problem import JUDGE_ARMS, JUDGE_SEEDS
from tumorbench.contracts.recipe import Preprocessing, Recipe
from tumorbench.contracts.transforms import Augmentation
from tumorbench.data.batches import (
    Slices,
    augmented_batches,
    denormalise,
    evaluation_batches,
    slices_at_once,
    steps_in_epoch,
    training_batches,
)
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.inference import classify
from tumorbench.tasks.sizes import resized
from tumorbench.training import networks, pretrained
from tumorbench.training.arithmetic import arranged
from tumorbench.training.frozen import embed
from tumorbench.training.mirrored import mirrored

__all__ = ["Lesson", "TrainedJudge", "lessons"]

CLASSIC = Augmentation(rotation_degrees=15, zoom=0.1, shift=0.05, horizontal_flip=True)
"""What generated images have to beat at equal cost."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one trained judge says. accuracy: on the ``n`` images that it learned from."""

    arm: str
    seed: int
    probabilities: NDArray[np.float32]  # of the classes of the real test images
    accuracy: float
    n: int


def lessons(
    cell: Cell, tools: Tools, real: NDArray[np.uint8], generated: NDArray[np.uint8], labels: NDArray[np.int64],
    test: NDArray[np.uint8],
) -> Iterator[Lesson]:  # fmt: skip
    """One for each arm and seed. Real and generated images show the same labels; each is brought to the judge's size.

    Images are uint8 ``(n, side, side)``.
    """
    judge = TrainedJudge.of(cell, tools)
    tested = judge.slices(test, np.zeros(len(test), np.int64))
    pools = {name: judge.slices(images, labels) for name, images in (("real", real), ("generated", generated))}
    copies = judge.slices(_changed(real), labels)
    arms = (
        pools["real"],
        pools["generated"],
        _both(pools["real"], pools["generated"]),
        _both(pools["real"], copies),
    )
    for arm, slices in zip(JUDGE_ARMS, arms, strict=True):
        for seed in range(JUDGE_SEEDS):
            network = judge.trained(slices, seed)
            right = judge.probabilities(network, slices).argmax(1) == slices.labels.cpu().numpy()
            yield Lesson(arm, seed, judge.probabilities(network, tested), float(right.mean()), len(slices))


@dataclass(frozen=True, slots=True)
class TrainedJudge:
    """The classifier that the cell's identity names. recipe: as its budget runs it, its precision resolved."""

    spec: ModelSpec
    recipe: Recipe
    cell: Cell
    tools: Tools

    @classmethod
    def of(cls, cell: Cell, tools: Tools) -> TrainedJudge:
        """The judge of a cell. Raises: BadInput where its model is not installed."""
        judge = cell.identity.judge
        assert judge is not None
        precision = hardware.resolve_precision(judge.recipe.precision, tools.device)
        recipe = judge.recipe.model_copy(update={"precision": precision})
        return cls(tools.registry.model(judge.model), recipe, cell, tools)

    def network(self, seed: int) -> Network:
        """A fresh one, on the device, with its pretrained weights. Raises: Unavailable where these are not here."""
        problem = networks.problem_for(self.spec, self.cell.dataset.spec, self.recipe)
        training.seed_everything(derive_seed(seed, "judge"))
        network = arranged(networks.build(self.spec, problem, self.recipe), self.tools.device, self.recipe.precision)
        if self.recipe.pretrained:
            weights = pretrained.weights(self.recipe.pretrained, self.tools.weights, self.tools.registry)
            network.load_pretrained(weights)
        return network

    def slices(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Slices:
        """Images as it learns from them: at its size, or the features that its frozen backbone makes of them."""
        sized = resized(images, self.recipe.preprocessing.size)
        network = self.network(0)
        if not isinstance(network, TransferClassifier):
            return Slices.of(sized, labels, None, self.tools.device)
        features = embed(network, sized, self.recipe.preprocessing, self.tools.device, self.autocast)
        device = self.tools.device
        return Slices(torch.from_numpy(features)[None].to(device), torch.from_numpy(labels).to(device))

    def autocast(self) -> Any:
        """The context in which it computes."""
        return training.autocast(self.tools.device, self.recipe.precision)

    def probabilities(self, network: Network, slices: Slices) -> NDArray[np.float32]:
        """Of each class, float32 ``(n, classes)``."""
        preprocessing = self.recipe.preprocessing
        at_once = slices_at_once(preprocessing.size, self.tools.device)
        shown = evaluation_batches(slices, preprocessing, at_once)
        return classify(mirrored(network, self.recipe), shown, self.autocast)

    def trained(self, slices: Slices, seed: int) -> Network:
        """One that has learned from ``slices`` by its recipe, without any selection."""
        network = self.network(seed)
        recipe = self.recipe.model_copy(update={"keep": "last", "early_stopping": None, "augmentation": None})
        with TemporaryDirectory() as folder:
            training.fit(
                network,
                partial(training_batches, slices, recipe, seed),
                recipe,
                seed=seed,
                device=self.tools.device,
                checkpoint=Path(folder, "progress.pt"),
                steps_per_epoch=steps_in_epoch(len(slices), recipe),
            )
        return network


def _both(one: Slices, other: Slices) -> Slices:
    axis = 1 if one.images.is_floating_point() else 0
    return Slices(torch.cat([one.images, other.images], axis), torch.cat([one.labels, other.labels]))


def _changed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of each image under classic augmentation."""
    unit = Preprocessing(size=images.shape[-1], normalisation="unit")
    slices = Slices(torch.from_numpy(np.array(images)), torch.zeros(len(images), dtype=torch.int64))
    found = augmented_batches(slices, unit, CLASSIC, derive_seed(0, "classic augmentation"), 256)
    return torch.cat([denormalise(batch.images, unit) for batch in found]).numpy()
