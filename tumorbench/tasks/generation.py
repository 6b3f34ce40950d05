"""A generator is scored: its images beside held-out real ones, by every metric and every extractor that is to be had."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tumorbench.contracts.cards import ExtractorSpec
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.families import Generator
from tumorbench.contracts.recipe import Preprocessing
from tumorbench.contracts.whole import written_whole
from tumorbench.data import batches
from tumorbench.data.locations import cache_root
from tumorbench.data.split import SPLIT_SEED
from tumorbench.metrics.features import Features, extract, pixel_features
from tumorbench.metrics.memorisation import closest_pairs
from tumorbench.metrics.uncertainty import intervals
from tumorbench.run.context import Bench
from tumorbench.run.plan import PlannedCell
from tumorbench.tasks import evaluate, scoring
from tumorbench.tasks.instruments import extractor_of, metrics_of
from tumorbench.tasks.score import Score

__all__ = ["reference_sets", "score_generator"]

FEATURE_BATCH = 32
CLOSEST = 12  # pairs of a generated and its nearest training image that are shown
LEAST_OF_CLASS = 20  # images below which a class has no value of its own
NOT_PER_CLASS = ("fid_infinity", "inception_score")
MAX_GENERATED = 1024  # images that a generator is scored on at most


def score_generator(network: Generator, cell: PlannedCell, bench: Bench, autocast: evaluate.Autocast) -> Score:
    """The generator's images beside as many held-out real ones: intensities, and the features of every extractor that is to be had."""
    preprocessing = cell.identity.recipe.preprocessing
    to_uint8 = partial(batches.denormalise, preprocessing=preprocessing)
    reference, others = reference_sets(cell)
    images = cell.dataset.images(preprocessing.size, preprocessing.crop)
    labels = np.array([cell.dataset.samples[index].label for index in reference], np.int64)
    sample = partial(evaluate.generate, network, seed=cell.identity.seed, autocast=autocast, to_uint8=to_uint8)
    _, one_s = evaluate.time_predictions(lambda n: sample(labels[:n]), 1)
    clock = time.perf_counter()
    generated = sample(labels)
    all_s = time.perf_counter() - clock
    result = Score(
        predictions=scoring.predictions_of_images(labels, generated),
        times={"predict_all_s": all_s, "predict_one_s": one_s},
    )
    result.arrays = {"real": np.asarray(images[reference]), "generated": generated, "labels": labels}
    shown = (
        np.linspace(0, len(reference) - 1, min(CLOSEST, len(reference))).round().astype(int)
    )  # of every class: data sets list them one after another
    result.arrays |= _reconstructed(
        network, np.asarray(images[reference[shown]]), labels[shown], preprocessing, bench, autocast
    )
    sides = _Sides(cell, bench, result, reference, others, generated, labels)
    sides.score_pixels(images)
    for spec in bench.registry.extractors.values():
        extractor, reason = extractor_of(spec)
        if reason:
            result.extractors_unavailable[spec.id] = reason
        else:
            sides.score_features(spec, extractor, images)
    return result


def _reconstructed(
    network: Generator,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    preprocessing: Preprocessing,
    bench: Bench,
    autocast: evaluate.Autocast,
) -> dict[str, NDArray[np.uint8]]:
    """Held-out images and what an autoencoder gives back of them; nothing for a generator of another kind."""
    slices = batches.Slices.of(images, labels, None, bench.device)
    (batch,) = batches.evaluation_batches(slices, preprocessing, len(slices))
    with torch.inference_mode(), autocast():
        found = network.reconstruct(batch)
    if found is None:
        return {}
    return {"originals": images, "reconstructed": batches.denormalise(found, preprocessing).cpu().numpy()}


@dataclass(frozen=True, slots=True)
class _Sides:
    """What is compared: held-out real slices, other real ones, those that the generator learned from, and its images. Values are added to ``result``."""

    cell: PlannedCell
    bench: Bench
    result: Score
    reference: NDArray[np.int64]
    others: NDArray[np.int64]
    generated: NDArray[np.uint8]
    labels: NDArray[np.int64]  # of the reference, and so of the generated images

    def score_pixels(self, images: NDArray[np.uint8]) -> None:
        """Intensities, and memorisation in pixels."""
        real, other = np.asarray(images[self.reference]), np.asarray(images[self.others])
        plain, memory = self._metrics(with_extractor=False)
        self._compare(real, self.generated, other, plain, None)
        training = np.asarray(images[self.cell.split.train])
        pixels = tuple(pixel_features(each) for each in (self.generated, training, real))
        self._remember(pixels, memory, "pixels", training)

    def score_features(self, spec: ExtractorSpec, extractor: Any, images: NDArray[np.uint8]) -> None:
        """The metrics of one extractor."""
        everything = _real_features(self.cell, self.bench, spec, extractor, images)
        generated = extract(self.generated, extractor, self.bench.device, FEATURE_BATCH)
        plain, memory = self._metrics(with_extractor=True)
        real = everything[self.reference]
        self._compare(real, generated, everything[self.others], plain, spec)
        train = self.cell.split.train
        self._remember((generated, everything[train], real), memory, spec.id, images[train])

    def _metrics(self, *, with_extractor: bool) -> tuple[list[scoring.Metric], list[scoring.Metric]]:
        """(those that compare with real images, those of memorisation, which work on features of any kind)."""
        found = metrics_of(self.bench.registry, "generation", faults=self.result.faults, with_extractor=with_extractor)
        memory = [
            metric
            for metric in metrics_of(self.bench.registry, "generation", faults=self.result.faults, with_extractor=False)
            if metric.spec.needs == "memory"
        ]
        return [metric for metric in found if metric.spec.needs != "memory"], memory

    def _compare(
        self, real: Any, generated: Any, other: Any, metrics: list[scoring.Metric], spec: ExtractorSpec | None
    ) -> None:
        n, faults = len(self.labels), self.result.faults
        self.result.metrics += scoring.score_generation(real, generated, other, n, metrics, spec, faults, intervals)
        if not self.cell.model.conditional:
            return
        other_labels = np.array([self.cell.dataset.samples[index].label for index in self.others], np.int64)
        of_class = [metric for metric in metrics if metric.spec.id not in NOT_PER_CLASS]
        for label, name in enumerate(self.cell.dataset.spec.classes):
            own, ideal = np.flatnonzero(self.labels == label), np.flatnonzero(other_labels == label)
            n = min(len(own), len(ideal))
            if n >= LEAST_OF_CLASS:
                sides = (real[own[:n]], generated[own[:n]], other[ideal[:n]])
                self.result.metrics += scoring.score_generation(
                    *sides, n, of_class, spec, faults, intervals, f"/{name}"
                )

    def _remember(
        self, sides: tuple[Features, ...], metrics: list[scoring.Metric], label: str, training_images: NDArray[np.uint8]
    ) -> None:
        """What the generator repeats of its training images, by features of one kind; the closest pairs are kept for the figure.

        sides: of the generated, the training and the held-out images.
        """
        generated, training, held_out = sides
        pairs = closest_pairs(generated, training, CLOSEST)
        self.result.closest[label] = (
            self.generated[pairs.generated],
            np.asarray(training_images[pairs.training]),
            pairs.distances,
        )
        self.result.metrics += scoring.score_memory(
            generated, training, held_out, len(self.labels), metrics, label, self.result.faults, intervals
        )


def _real_features(
    cell: PlannedCell, bench: Bench, spec: ExtractorSpec, extractor: Any, images: NDArray[np.uint8]
) -> Features:
    """The extractor's features of every real slice: computed once for all generators, and kept in the cache."""
    preprocessing = cell.identity.recipe.preprocessing
    content = [spec.id, spec.version, cell.dataset.fingerprint, preprocessing.size, preprocessing.crop, bench.device]
    path = (
        cache_root()
        / "features"
        / cell.dataset.spec.id
        / f"{spec.id}-{hashlib.sha256(canonical_json(content)).hexdigest()[:32]}.npz"
    )
    if path.exists():
        with np.load(path) as kept:
            return Features(kept["features"], kept.get("logits", None), extractor.get_name())
    found = extract(np.asarray(images), extractor, bench.device, FEATURE_BATCH)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial_file:
        np.savez(partial_file, features=found.features, **({} if found.logits is None else {"logits": found.logits}))  # type: ignore[arg-type]
    return found


def reference_sets(cell: PlannedCell) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(held-out real slices, as many other real ones): the reference, and what a perfect generator would be.

    Where the protocol holds nothing out, the two are random halves of everything.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    test = rng.permutation(cell.split.test)
    shown = {cell.dataset.slices[index].pixels for index in test}
    others = np.array(
        [
            index
            for index in np.concatenate([cell.split.train, cell.split.val])
            if cell.dataset.slices[index].pixels not in shown
        ],
        np.int64,
    )
    if not len(others):
        test, others = np.array_split(test, 2)
    n = min(len(test), len(others), MAX_GENERATED)
    return np.sort(test[:n]), np.sort(rng.permutation(others)[:n])
