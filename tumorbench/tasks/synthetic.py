"""Train on synthetic, test on real: one fixed classifier learns from real, generated, mixed and augmented images, and is tested on the same real ones."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import hardware, training
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Generator, Network, TransferClassifier
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.recipe import Augmentation, Preprocessing, Recipe
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.data import batches
from tumorbench.run.context import Bench
from tumorbench.run.identity import judge_of
from tumorbench.run.plan import PlannedCell
from tumorbench.tasks import evaluate
from tumorbench.tasks.score import Score, test_columns
from tumorbench.training import networks, pretrained
from tumorbench.training.frozen import embed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ON_WHAT_IT_LEARNT", "judge_generator", "judged_metrics", "trained_before"]

ON_WHAT_IT_LEARNT = "_train"  # ends the name of an accuracy that the predictions for the test images do not give

ARMS = (
    "real",
    "generated",
    "mixed",
    "augmented",
)  # mixed: real and as many generated; augmented: real and a randomly changed copy of each
CLASSIC = Augmentation(
    rotation_degrees=15, zoom=0.1, shift=0.05, horizontal_flip=True
)  # what generated images have to beat at equal cost
SEEDS = 3  # of the classifier
BATCH = 16


def trained_before(cell: PlannedCell, bench: Bench) -> tuple[Record, Path] | None:
    """The record and checkpoint of the finished cell that trained this very generator on this very split, where the store has it."""
    identity = cell.identity
    base = TSTR_SPLITS[identity.protocol]
    what = ("dataset_fingerprint", "split_fingerprint", "model", "model_version", "recipe", "seed", "budget")
    for path, record in bench.store.records():
        same = record.identity.protocol == base and all(
            getattr(record.identity, name) == getattr(identity, name) for name in what
        )
        if same and record.status == "ok" and (path.parent / "checkpoint.pt").exists():
            return record, path.parent / "checkpoint.pt"
    return None


@dataclass(slots=True)
class _Judge:
    """The classifier that learns from each arm. autocast: as its recipe's precision."""

    spec: ModelSpec
    recipe: Recipe
    cell: PlannedCell
    bench: Bench

    def network(self, seed: int) -> Network:
        """A fresh one, on the device, with its pretrained weights. Raises: Unavailable where these are not to be had."""
        problem = networks.problem_for(self.spec, self.cell.dataset.spec, self.recipe)
        training.seed_everything(derive_seed(seed, "judge"))
        network = networks.build(self.spec, problem, self.recipe).to(self.bench.device)
        if self.recipe.pretrained:
            network.load_pretrained(pretrained.weights(self.recipe.pretrained, self.bench.files, self.bench.registry))
        return network

    def slices(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> batches.Slices:
        """Images as the classifier learns from them: at its size, or the features that its frozen backbone makes of them."""
        sized = _resized(images, self.recipe.preprocessing.size)
        network = self.network(0)
        if not isinstance(network, TransferClassifier):
            return batches.Slices.of(sized, labels, None, self.bench.device)
        features = embed(network, sized, self.recipe.preprocessing, self.bench.device, self.autocast)
        return batches.Slices(
            torch.from_numpy(features)[None].to(self.bench.device), torch.from_numpy(labels).to(self.bench.device)
        )

    def autocast(self) -> Any:
        """The recipe's precision."""
        return training.autocast(self.bench.device, self.recipe.precision)

    def probabilities(self, network: Network, slices: batches.Slices) -> NDArray[np.float32]:
        """Of each class, float32 ``(n, classes)``."""
        return evaluate.classify(
            network, batches.evaluation_batches(slices, self.recipe.preprocessing, BATCH), self.autocast
        )

    def trained(self, slices: batches.Slices, seed: int) -> Network:
        """One that has learnt from ``slices`` by its recipe, without any selection."""
        network = self.network(seed)
        recipe = self.recipe.model_copy(update={"keep": "last", "early_stopping": None, "augmentation": None})
        with TemporaryDirectory() as folder:
            training.fit(
                network, lambda epoch: batches.training_batches(slices, recipe, seed, epoch), recipe,
                seed=seed, device=self.bench.device, checkpoint=Path(folder, "progress.pt"),
            )  # fmt: skip
        return network


def judge_generator(network: Generator, cell: PlannedCell, bench: Bench, autocast: evaluate.Autocast) -> Score:
    """The accuracy that each arm gives on the real test images, the mean over the classifier's seeds; the interval is from the lowest to the highest seed.

    Every image is at the generator's size. The classifier takes as many steps an epoch as its recipe says, or one pass.
    """
    spec = judge_of(bench)
    recipe = spec.recipe.for_budget(cell.identity.budget)
    recipe = recipe.model_copy(update={"precision": hardware.resolve_precision(recipe.precision, bench.device)})
    judge, preprocessing = _Judge(spec, recipe, cell, bench), cell.identity.recipe.preprocessing
    labels = np.array([sample.label for sample in cell.dataset.samples], np.int64)
    images = cell.dataset.images(preprocessing.size, preprocessing.crop)
    test = judge.slices(np.asarray(images[cell.split.test]), labels[cell.split.test])
    wanted = labels[cell.split.train]
    real = np.asarray(images[cell.split.train])
    generated = evaluate.generate(
        network, wanted, cell.identity.seed, autocast, partial(batches.denormalise, preprocessing=preprocessing)
    )
    pools = {
        "real": judge.slices(real, wanted),
        "generated": judge.slices(generated, wanted),
        "copies": judge.slices(_changed(real), wanted),
    }
    arms = dict(zip(ARMS, _arms(pools), strict=True))
    result = Score(
        arrays={"real": real[: len(test)], "generated": generated[: len(test)], "labels": wanted[: len(test)]}
    )
    tables = []
    for arm, slices in arms.items():
        found = [_one(judge, arm, slices, test, seed, cell) for seed in range(SEEDS)]
        tables += [table for table, _ in found]
        result.metrics.append(
            _over_seeds(f"tstr_{arm}{ON_WHAT_IT_LEARNT}", [learnt for _, learnt in found], len(slices))
        )
    result.predictions = _joined(tables)
    result.metrics = sorted(
        [*judged_metrics(result.predictions), *result.metrics], key=lambda metric: _order(metric.name)
    )
    return result


def judged_metrics(table: pd.DataFrame) -> list[MetricValue]:
    """Accuracy and macro F1 of each arm on the real test images, from the predictions of every classifier: means over its seeds."""
    from sklearn.metrics import f1_score

    found = []
    for arm, rows in table.groupby("arm", sort=False):
        each = [(own["label"].to_numpy(), own["predicted"].to_numpy()) for _, own in rows.groupby("classifier_seed")]
        accuracies = [float((truth == predicted).mean()) for truth, predicted in each]
        f1s = [float(f1_score(truth, predicted, average="macro", zero_division=0)) for truth, predicted in each]
        n = len(each[0][0])
        found += [_over_seeds(f"tstr_{arm}", accuracies, n), _over_seeds(f"tstr_{arm}_f1_macro", f1s, n)]
    return found


def _order(name: str) -> tuple[int, str]:
    return ARMS.index(name.split("_")[1]), name


def _arms(pools: dict[str, batches.Slices]) -> Iterator[batches.Slices]:
    yield pools["real"]
    yield pools["generated"]
    yield _both(pools["real"], pools["generated"])
    yield _both(pools["real"], pools["copies"])


def _both(one: batches.Slices, other: batches.Slices) -> batches.Slices:
    axis = 1 if one.images.is_floating_point() else 0
    return batches.Slices(torch.cat([one.images, other.images], axis), torch.cat([one.labels, other.labels]))


def _one(
    judge: _Judge, arm: str, slices: batches.Slices, test: batches.Slices, seed: int, cell: PlannedCell
) -> tuple[pd.DataFrame, float]:
    """The predictions of the classifier of one arm and seed for the real test images, and its accuracy on what it learnt from."""
    from tumorbench.tasks import scoring

    network = judge.trained(slices, seed)
    truth, learnt = test.labels.cpu().numpy(), slices.labels.cpu().numpy()
    table = scoring.predictions_of_classes(
        *test_columns(cell), truth, judge.probabilities(network, test), cell.dataset.spec.classes
    )
    return table.assign(arm=arm, classifier_seed=seed), float(
        (judge.probabilities(network, slices).argmax(1) == learnt).mean()
    )


def _over_seeds(name: str, found: list[float], n: int) -> MetricValue:
    return MetricValue(
        name=name, value=statistics.fmean(found), n=n, higher_is_better=True, interval=(min(found), max(found))
    )


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True)


def _resized(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """uint8 ``(n, side, side)`` -> ``(n, size, size)``, bilinear with antialiasing; real and generated images alike."""
    if images.shape[-1] == size:
        return images
    parts = torch.split(torch.from_numpy(np.array(images)), 256)
    sized = [
        F.interpolate(part[:, None].float(), (size, size), mode="bilinear", antialias=True, align_corners=False)[:, 0]
        for part in parts
    ]
    return torch.cat(sized).round().clamp(0, 255).to(torch.uint8).numpy()


def _changed(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of each image under classic augmentation."""
    unit = Preprocessing(size=images.shape[-1], normalisation="unit")
    slices = batches.Slices(torch.from_numpy(np.array(images)), torch.zeros(len(images), dtype=torch.int64))
    found = batches.augmented_batches(slices, unit, CLASSIC, derive_seed(0, "classic augmentation"), 256)
    return torch.cat([batches.denormalise(batch.images, unit) for batch in found]).numpy()
