"""What each task does with a trained network: validate, predict, score, draw. Core's choice, the same for every competitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench import batches, evaluate, train
from tumorbench.contracts.cards import ExtractorSpec
from tumorbench.contracts.factory import load
from tumorbench.contracts.families import Generator, Network
from tumorbench.contracts.problem import Task
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.record import MetricValue
from tumorbench.errors import Unavailable
from tumorbench.registry import Registry
from tumorbench.run.plan import Bench, PlannedCell
from tumorbench.split import SPLIT_SEED

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Score", "draw", "score", "validation"]

EVALUATION_BATCH = 16
FEATURE_BATCH = 32
MAX_GENERATED = 2048  # images that a generator is scored on at most


@dataclass(slots=True)
class Score:
    """A task's result on the test slices, and the pictures' raw material."""

    metrics: list[MetricValue] = field(default_factory=list)
    predictions: pd.DataFrame | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    times: dict[str, float] = field(default_factory=dict)
    extractors_unavailable: dict[str, str] = field(default_factory=dict)
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)  # what the figures show


def validation(task: Task, slices: batches.Slices, recipe: Recipe, device: str) -> Callable[[Network], dict[str, float]] | None:
    """How the loop validates; None where nothing is held out for it, and for generators, which nothing selects."""
    judge = {"classification": evaluate.validate_classifier, "segmentation": evaluate.validate_segmenter}.get(task)
    if judge is None or not len(slices):
        return None
    autocast = partial(train.autocast, device, recipe.precision)
    return lambda network: judge(network, batches.evaluation_batches(slices, recipe.preprocessing, EVALUATION_BATCH), autocast)


def score(network: Network, cell: PlannedCell, parts: dict[str, batches.Slices], bench: Bench) -> Score:
    """The cell's predictions and their metrics."""
    autocast = partial(train.autocast, bench.device, cell.identity.recipe.precision)
    match cell.model.task:
        case "classification":
            return _score_classifier(network, cell, parts["test"], bench.registry, autocast)
        case "segmentation":
            return _score_segmenter(network, cell, parts["test"], bench.registry, autocast)
        case "generation":
            assert isinstance(network, Generator)
            return _score_generator(network, cell, bench, autocast)


def _metrics(registry: Registry, task: Task, *, with_extractor: bool = False) -> list[evaluate.Metric]:
    return [evaluate.Metric(spec, load(spec.factory)) for spec in registry.metrics.values() if spec.task == task and spec.needs_extractor == with_extractor]


def _first(slices: batches.Slices, n: int) -> batches.Slices:
    return batches.Slices(slices.images[:n], slices.labels[:n], slices.masks[:n] if slices.masks is not None else None)


def _test_columns(cell: PlannedCell) -> tuple[list[str], list[str]]:
    samples = [cell.dataset.samples[index] for index in cell.split.test]
    return [sample.id for sample in samples], [sample.group or sample.patient or "" for sample in samples]


def _score_classifier(network: Network, cell: PlannedCell, test: batches.Slices, registry: Registry, autocast: evaluate.Autocast) -> Score:
    from tumorbench.metrics.classification import confusion_matrix

    preprocessing, classes = cell.identity.recipe.preprocessing, cell.dataset.spec.classes

    def predict(n: int) -> NDArray[np.float32]:
        return evaluate.classify(network, batches.evaluation_batches(_first(test, n), preprocessing, EVALUATION_BATCH), autocast)

    probabilities, labels = predict(len(test)), test.labels.cpu().numpy()
    all_s, one_s = evaluate.time_predictions(predict, len(test))
    frame = evaluate.predictions_of_classes(*_test_columns(cell), labels, probabilities, classes)
    confusion = confusion_matrix(labels, probabilities.argmax(1), len(classes))
    return Score(
        metrics=evaluate.score_classification(frame, classes, _metrics(registry, "classification")),
        predictions=frame,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        times={"predict_all_s": all_s, "predict_one_s": one_s},
        arrays={"images": test.images.cpu().numpy(), "labels": labels, "probabilities": probabilities},
    )


def _score_segmenter(network: Network, cell: PlannedCell, test: batches.Slices, registry: Registry, autocast: evaluate.Autocast) -> Score:
    from tumorbench.metrics.segmentation import pixel_confusions

    preprocessing, mask_classes = cell.identity.recipe.preprocessing, cell.dataset.spec.mask_classes
    assert test.masks is not None

    def predict(n: int) -> NDArray[np.uint8]:
        return evaluate.segment(network, batches.evaluation_batches(_first(test, n), preprocessing, EVALUATION_BATCH), autocast)

    predicted, true = predict(len(test)), test.masks.cpu().numpy()
    all_s, one_s = evaluate.time_predictions(predict, len(test))
    confusions = pixel_confusions(true, predicted, 1 + len(mask_classes))
    frame = evaluate.predictions_of_masks(*_test_columns(cell), test.labels.cpu().numpy(), confusions, predicted)
    return Score(
        metrics=evaluate.score_segmentation(frame, mask_classes, _metrics(registry, "segmentation")),
        predictions=frame,
        times={"predict_all_s": all_s, "predict_one_s": one_s},
        arrays={"images": test.images.cpu().numpy(), "true": true, "predicted": predicted},
    )


def _score_generator(network: Generator, cell: PlannedCell, bench: Bench, autocast: evaluate.Autocast) -> Score:
    from tumorbench.metrics.features import extract

    preprocessing = cell.identity.recipe.preprocessing
    to_uint8 = partial(batches.denormalise, preprocessing=preprocessing)
    reference, others = reference_sets(cell)
    images = cell.dataset.images(preprocessing.size)
    real, other_real = np.asarray(images[reference]), np.asarray(images[others])
    labels = np.array([cell.dataset.samples[index].label for index in reference], np.int64)
    sample = partial(evaluate.generate, network, seed=cell.identity.seed, autocast=autocast, to_uint8=to_uint8)
    generated = sample(labels)
    all_s, one_s = evaluate.time_predictions(lambda n: sample(labels[:n]), len(labels))

    values = evaluate.score_generation(real, generated, other_real, len(real), _metrics(bench.registry, "generation"))
    unavailable: dict[str, str] = {}
    for spec in bench.registry.extractors.values():
        extractor, reason = _extractor(spec)
        if reason:
            unavailable[spec.id] = reason
            continue
        seen = [extract(each, extractor, bench.device, FEATURE_BATCH) for each in (real, generated, other_real)]
        with_extractor = _metrics(bench.registry, "generation", with_extractor=True)
        values += evaluate.score_generation(seen[0], seen[1], seen[2], len(real), with_extractor, spec)
    return Score(
        metrics=values,
        predictions=evaluate.predictions_of_images(labels, generated),
        times={"predict_all_s": all_s, "predict_one_s": one_s},
        extractors_unavailable=unavailable,
        arrays={"real": real, "generated": generated, "labels": labels},
    )


def reference_sets(cell: PlannedCell) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(held-out real slices, as many other real ones): the reference, and what a perfect generator would be.

    Where the protocol holds nothing out, the two are random halves of everything.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    test = rng.permutation(cell.split.test)
    shown = {cell.dataset.slices[index].pixels for index in test}
    others = np.array([index for index in np.concatenate([cell.split.train, cell.split.val]) if cell.dataset.slices[index].pixels not in shown], np.int64)
    if not len(others):
        test, others = np.array_split(test, 2)
    n = min(len(test), len(others), MAX_GENERATED)
    return np.sort(test[:n]), np.sort(rng.permutation(others)[:n])


@cache
def _extractor(spec: ExtractorSpec) -> tuple[Any, str]:
    """(extractor, "") or (None, why it is not to be had); asked once a process."""
    try:
        return load(spec.factory)(), ""
    except Unavailable as reason:
        return None, str(reason)


def draw(cell: PlannedCell, fit: train.Fit, result: Score, folder: Path) -> Iterator[tuple[str, Path]]:
    """The cell's figures: (title, path) of each as it is drawn."""
    from tumorbench import figures

    arrays, classes, ids = result.arrays, cell.dataset.spec.classes, _test_columns(cell)[0]

    def drawn(what: str, function: Callable[..., None], *content: Any, **options: Any) -> tuple[str, Path]:
        path = folder / f"{what.replace(' ', '-')}.png"
        function(*content, path=path, **options)
        return what, path

    yield drawn("learning curves", figures.learning_curves, fit.history, best_epoch=fit.best_epoch)
    match cell.model.task:
        case "classification":
            yield drawn("confusion matrix", figures.confusion_matrix, result.confusion, classes)
            shown = (arrays["images"], arrays["labels"], arrays["probabilities"], classes, ids)
            yield drawn("worst mistakes", figures.worst_mistakes, *shown)
            yield drawn("predictions", figures.predictions_grid, *shown)
        case "segmentation":
            yield drawn("masks", figures.segmentation_examples, arrays["images"], arrays["true"], arrays["predicted"], ids)
        case "generation":
            yield drawn("samples", figures.sample_grid, arrays["generated"][:36], title=f"{cell.model.id}, generated")
            yield drawn("real samples", figures.sample_grid, arrays["real"][:36], title=f"{cell.dataset.spec.id}, real, held out")
            yield drawn("intensities", figures.intensity_histograms, arrays["real"], arrays["generated"])
