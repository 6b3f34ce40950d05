"""What each task does with a trained network: validate, predict, score. Core's choice, the same for every competitor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench import training
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Generator, Network
from tumorbench.contracts.problem import TSTR_SPLITS, Task
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.record import MetricValue
from tumorbench.data import batches
from tumorbench.data.split import SPLIT_SEED
from tumorbench.run.context import Bench
from tumorbench.run.plan import PlannedCell
from tumorbench.tasks import attention, evaluate, scoring
from tumorbench.tasks.instruments import metrics_of
from tumorbench.tasks.material import Material

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Score", "score", "test_columns", "validation", "values_of_parts"]

EVALUATION_BATCH = 16
VALIDATION_LIMIT = 128  # held-out images beside which a generator's epochs are compared, and as many samples
PART_LIMIT = 512  # training slices on which the scored weights are evaluated once more
EXAMPLES = 6  # right and wrong predictions each that are explained where no mask makes it a metric


@dataclass(slots=True)
class Score:
    """A task's result on the test slices, and the pictures' raw material."""

    metrics: list[MetricValue] = field(default_factory=list)
    predictions: pd.DataFrame | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    temperature: float | None = None
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    extractors_unavailable: dict[str, str] = field(default_factory=dict)
    faults: scoring.Faults = field(default_factory=dict)  # metric id -> why it has no value
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)  # what the figures show
    closest: dict[str, tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = field(
        default_factory=dict
    )  # features -> generated, training, distances of pairs


def validation(
    task: Task, slices: batches.Slices, recipe: Recipe, device: str
) -> Callable[[Network], dict[str, float]] | None:
    """How the loop validates; None where nothing is held out for it."""
    if not len(slices):
        return None
    autocast = partial(training.autocast, device, recipe.precision)
    if task == "generation":
        return partial(_validate_generator, slices=slices.spread(VALIDATION_LIMIT), recipe=recipe, autocast=autocast)
    judge = {"classification": evaluate.validate_classifier, "segmentation": evaluate.validate_segmenter}[task]
    return lambda network: judge(
        network, batches.evaluation_batches(slices, recipe.preprocessing, EVALUATION_BATCH), autocast
    )


def _validate_generator(
    network: Network, slices: batches.Slices, recipe: Recipe, autocast: evaluate.Autocast
) -> dict[str, float]:
    assert isinstance(network, Generator)
    real = batches.evaluation_batches(slices, recipe.preprocessing, EVALUATION_BATCH)
    to_unit = partial(batches.to_unit, preprocessing=recipe.preprocessing)
    return evaluate.validate_generator(network, real, slices.labels.cpu().numpy(), SPLIT_SEED, autocast, to_unit)


def values_of_parts(
    network: Network, task: Task, material: Material, recipe: Recipe, device: str
) -> dict[str, dict[str, float]]:
    """Loss and accuracy or Dice of the scored weights on the training part (some of its slices, where it is large) and on the validation part."""
    found = {}
    for part in ("train", "val"):
        slices = material.learned[part]
        slices = slices.spread(PART_LIMIT) if part == "train" else slices
        judge = validation(task, slices, recipe, device)
        if judge:
            found[part] = {
                **{name.removeprefix("val_"): value for name, value in judge(network).items()},
                "n": float(len(slices)),
            }
    return found


def _own_parts(
    network: Generator, material: Material, recipe: Recipe, autocast: evaluate.Autocast
) -> dict[str, dict[str, float]]:
    """What the scored weights say of the held-out images, as an autoencoder's loss; nothing for a generator that says nothing of an image."""
    parts = {part: material.slices[part] for part in ("val", "test")}
    found = {
        part: evaluate.own_values(
            network, batches.evaluation_batches(each, recipe.preprocessing, EVALUATION_BATCH), autocast
        )
        for part, each in parts.items()
    }
    return {part: {**values, "n": float(len(parts[part]))} for part, values in found.items() if values}


def score(network: Network, cell: PlannedCell, material: Material, bench: Bench) -> Score:
    """The cell's predictions and their metrics."""
    recipe = cell.identity.recipe
    autocast = partial(training.autocast, bench.device, recipe.precision)
    match cell.model.task:
        case "classification":
            result = _score_classifier(network, cell, material, bench, autocast)
        case "segmentation":
            result = _score_segmenter(network, cell, material, bench, autocast)
        case "generation":
            from tumorbench.tasks.generation import score_generator
            from tumorbench.tasks.synthetic import judge_generator

            assert isinstance(network, Generator)
            if cell.identity.protocol in TSTR_SPLITS:
                return judge_generator(network, cell, bench, autocast)
            result = score_generator(network, cell, bench, autocast)
            result.parts = _own_parts(network, material, recipe, autocast)
            return result
    result.parts = values_of_parts(network, cell.model.task, material, recipe, bench.device)
    return result


def test_columns(cell: PlannedCell) -> tuple[list[str], list[str]]:
    """(sample ids, groups) of the test slices."""
    samples = [cell.dataset.samples[index] for index in cell.split.test]
    return [sample.id for sample in samples], [sample.group or sample.patient or "" for sample in samples]


def _score_classifier(
    network: Network, cell: PlannedCell, material: Material, bench: Bench, autocast: evaluate.Autocast
) -> Score:
    recipe, classes = cell.identity.recipe, cell.dataset.spec.classes
    images, learned, validated = material.slices["test"], material.learned["test"], material.learned["val"]

    def predict(slices: batches.Slices) -> NDArray[np.float32]:
        return evaluate.classify(
            network, batches.evaluation_batches(slices, recipe.preprocessing, EVALUATION_BATCH), autocast
        )

    probabilities, labels = predict(learned), images.labels.cpu().numpy()
    all_s, one_s = evaluate.time_predictions(lambda n: predict(images.first(n)), len(images))
    result = Score(times={"predict_all_s": all_s, "predict_one_s": one_s})
    if len(validated):
        from tumorbench.metrics.calibration import fit_temperature

        result.temperature = fit_temperature(validated.labels.cpu().numpy(), predict(validated).astype(np.float64))
    result.arrays = {"images": images.images.cpu().numpy(), "labels": labels, "probabilities": probabilities}
    shares = _attend(network, cell, images, probabilities, result)
    ids, groups = test_columns(cell)
    if cell.identity.protocol == "paper" and recipe.augmented_test_copies:
        probabilities, labels, ids, groups = _with_copies(network, recipe, images, probabilities, ids, groups, autocast)
        shares = (
            tuple(np.pad(each, (0, len(labels) - len(each)), constant_values=np.nan) for each in shares)
            if shares
            else None
        )  # type: ignore[assignment]
    frame = scoring.predictions_of_classes(
        ids, groups, labels, probabilities, classes, temperature=result.temperature, attention=shares
    )
    return _scored(result, frame, cell, bench)


def _with_copies(
    network: Network,
    recipe: Recipe,
    images: batches.Slices,
    probabilities: NDArray[np.float32],
    ids: list[str],
    groups: list[str],
    autocast: evaluate.Autocast,
) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str], list[str]]:
    """The test set as a source enlarged it: each slice as it is, and so many copies of it under the recipe's augmentation."""
    assert recipe.augmentation is not None
    copies = range(1, 1 + recipe.augmented_test_copies)
    more = [
        evaluate.classify(
            network,
            batches.augmented_batches(
                images,
                recipe.preprocessing,
                recipe.augmentation,
                derive_seed(SPLIT_SEED, "test copy", copy),
                EVALUATION_BATCH,
            ),
            autocast,
        )
        for copy in copies
    ]
    labels = np.tile(images.labels.cpu().numpy(), 1 + len(copies))
    return (
        np.concatenate([probabilities, *more]),
        labels,
        ids + [f"{each}{scoring.COPY}{copy}" for copy in copies for each in ids],
        groups * (1 + len(copies)),
    )


def _attend(
    network: Network, cell: PlannedCell, images: batches.Slices, probabilities: NDArray[np.float32], result: Score
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Grad-CAM maps for the figure lie in ``result``; the shares of their mass inside the masks, where the data set has masks."""
    preprocessing, predicted = cell.identity.recipe.preprocessing, probabilities.argmax(1)
    layer = attention.feature_layer(network, batches.normalise(images.images[:1], preprocessing))
    if layer is None:
        return None
    masks = cell.dataset.masks(images.images.shape[-1], preprocessing.crop)
    right = predicted == result.arrays["labels"]
    shown = (
        np.arange(len(images))
        if masks is not None
        else np.concatenate([_spread(np.flatnonzero(right)), _spread(np.flatnonzero(~right))])
    )
    maps = []
    for chosen in np.array_split(shown, -(-len(shown) // EVALUATION_BATCH)):
        inputs = batches.normalise(images.images[chosen], preprocessing)
        maps.append(attention.grad_cam(network, inputs, predicted[chosen], layer))
    result.arrays |= {"attended": shown, "maps": np.concatenate(maps)}
    if masks is None:
        return None
    result.arrays["masks"] = np.asarray(masks[cell.split.test])
    return attention.cam_shares(result.arrays["maps"], result.arrays["masks"])


def _spread(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """A few of them, evenly spaced: slices come sorted by class."""
    picks: NDArray[np.int64] = np.linspace(0, len(indices) - 1, min(EXAMPLES, len(indices))).astype(np.int64)
    return np.asarray(indices[picks], np.int64)


def _score_segmenter(
    network: Network, cell: PlannedCell, material: Material, bench: Bench, autocast: evaluate.Autocast
) -> Score:
    from tumorbench.metrics.segmentation import pixel_confusions

    recipe, spec, test = cell.identity.recipe, cell.dataset.spec, material.slices["test"]
    joint = recipe.masks == "classes"
    free = _lesion_free(material.slices["train"], len(spec.classes)) if joint else ()
    assert test.masks is not None

    def predict(n: int) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
        found = batches.evaluation_batches(test.first(n), recipe.preprocessing, EVALUATION_BATCH)
        return (
            evaluate.segment_and_classify(network, found, autocast, free)
            if joint
            else (evaluate.segment(network, found, autocast), None)
        )

    (predicted, probabilities), true, labels = predict(len(test)), test.masks.cpu().numpy(), test.labels.cpu().numpy()
    all_s, one_s = evaluate.time_predictions(predict, len(test))
    confusions = pixel_confusions(true, predicted, 1 + len(spec.classes if joint else spec.mask_classes))
    frame = scoring.predictions_of_masks(*test_columns(cell), labels, confusions, predicted)
    result = Score(times={"predict_all_s": all_s, "predict_one_s": one_s})
    result.arrays = {"images": test.images.cpu().numpy(), "true": true, "predicted": predicted}
    if probabilities is not None:
        frame = scoring.with_classes(frame, probabilities, spec.classes)
        result.arrays |= {"labels": labels, "probabilities": probabilities}
    return _scored(result, frame, cell, bench)


def _lesion_free(train_part: batches.Slices, classes: int) -> tuple[int, ...]:
    """The classes of whose training slices none has a lesion."""
    assert train_part.masks is not None
    with_lesion = train_part.labels[(train_part.masks > 0).flatten(1).any(1)]
    return tuple(label for label in range(classes) if not (with_lesion == label).any())


def _scored(result: Score, frame: pd.DataFrame, cell: PlannedCell, bench: Bench) -> Score:
    """``result`` with its table, its metrics and, where it has classes, its confusion matrix."""
    from tumorbench.metrics.classification import confusion_matrix

    spec, tasks = cell.dataset.spec, ("classification", "segmentation")
    metrics = metrics_of(bench.registry, *tasks, faults=result.faults)  # type: ignore[arg-type]
    result.predictions = frame
    result.metrics = scoring.score_predictions(
        frame, cell.model.task, spec.classes, spec.mask_classes, metrics, result.faults
    )
    if "predicted" in frame:
        counts = confusion_matrix(frame["label"].to_numpy(), frame["predicted"].to_numpy(), len(spec.classes))
        result.confusion = tuple(tuple(int(count) for count in row) for row in counts)
    return result
