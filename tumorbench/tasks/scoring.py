"""Predictions become tables, and tables become metric values: scoring needs only the predictions, so that anyone can repeat it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cards import ExtractorSpec, MetricSpec
from tumorbench.contracts.problem import Task
from tumorbench.contracts.record import MetricValue

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COPY", "Faults", "Metric", "predictions_of_classes", "predictions_of_images", "predictions_of_masks", "score_classification", "score_generation", "score_memory",
    "score_predictions", "score_segmentation", "with_classes",
]  # fmt: skip

COPY = "#copy-"  # between a slice's id and the number of its augmented copy, where a source enlarged its test set
Faults = dict[str, str]
IntervalOf = Callable[[str], Callable[..., Mapping[str, tuple[float, float] | None]] | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's card and its function (see ``tumorbench.metrics`` for what each task's functions take)."""

    spec: MetricSpec
    function: Callable[..., Mapping[str, float | None]]


def predictions_of_classes(
    sample_ids: Sequence[str],
    groups: Sequence[str],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    *,
    temperature: float | None = None,
    attention: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """One row a test slice: sample_id, group, label, predicted, and ``p/CLASS`` (float32) for each class.

    Where they are known also: the temperature fitted on validation (the same in each row), and of the Grad-CAM map the share inside the mask and the
    share that chance would put there (``cam_inside``, ``cam_chance``).
    """
    import pandas as pd

    frame = pd.DataFrame(
        {
            "sample_id": sample_ids,
            "group": groups,
            "label": labels,
            "predicted": probabilities.argmax(1).astype(np.int64),
        }
    )
    frame = frame.assign(**{f"p/{name}": probabilities[:, index] for index, name in enumerate(classes)})
    if temperature is not None:
        frame["temperature"] = temperature
    return frame if attention is None else frame.assign(cam_inside=attention[0], cam_chance=attention[1])


def predictions_of_masks(
    sample_ids: Sequence[str],
    groups: Sequence[str],
    labels: NDArray[np.int64],
    confusions: NDArray[np.int64],
    masks: NDArray[np.uint8],
) -> pd.DataFrame:
    """One row a test slice: sample_id, group, label, its pixel confusion matrix (row by row), and the predicted mask as PNG bytes."""
    import pandas as pd

    flat = [confusion.ravel().tolist() for confusion in confusions]
    return pd.DataFrame(
        {
            "sample_id": sample_ids,
            "group": groups,
            "label": labels,
            "confusion": flat,
            "mask_png": [_png(mask) for mask in masks],
        }
    )


def with_classes(frame: pd.DataFrame, probabilities: NDArray[np.float32], classes: Sequence[str]) -> pd.DataFrame:
    """The table of a network that segments and classifies: with ``predicted`` and ``p/CLASS``, as a classifier's has."""
    columns = {f"p/{name}": probabilities[:, index] for index, name in enumerate(classes)}
    return frame.assign(predicted=probabilities.argmax(1).astype(np.int64), **columns)


def predictions_of_images(labels: NDArray[np.int64], images: NDArray[np.uint8]) -> pd.DataFrame:
    """One row a generated image: its number, the label it was asked for, and the image as PNG bytes."""
    import pandas as pd

    return pd.DataFrame(
        {
            "sample_id": [f"generated-{index}" for index in range(len(images))],
            "label": labels,
            "image_png": [_png(image) for image in images],
        }
    )


def score_predictions(
    frame: pd.DataFrame,
    task: Task,
    classes: Sequence[str],
    mask_classes: Sequence[str],
    metrics: Sequence[Metric],
    faults: Faults | None = None,
) -> list[MetricValue]:
    """Every metric of a classifier's or segmenter's predictions table; of both tasks where the table holds masks and class probabilities.

    mask_classes: the data set's own. faults: metric id -> what its function raised, filled here; that metric has no value then.
    """
    of_task: dict[str, list[Metric]] = {}
    for metric in metrics:
        of_task.setdefault(metric.spec.task, []).append(metric)
    both = "confusion" in frame and f"p/{classes[0]}" in frame
    values = []
    if task == "segmentation":
        values += score_segmentation(
            frame, classes if both else mask_classes, of_task.get("segmentation", []), lesions=both, faults=faults
        )
    if task == "classification" or both:
        values += score_classification(frame, classes, of_task.get("classification", []), faults)
    return values


def score_classification(
    frame: pd.DataFrame, classes: Sequence[str], metrics: Sequence[Metric], faults: Faults | None = None
) -> list[MetricValue]:
    """Every classification metric of a predictions table."""
    probabilities = frame[[f"p/{name}" for name in classes]].to_numpy(np.float64)
    probabilities = probabilities / probabilities.sum(
        1, keepdims=True
    )  # not in place: what pandas reads from Parquet is read-only
    labels = frame["label"].to_numpy(np.int64)
    temperature = float(frame["temperature"].iloc[0]) if "temperature" in frame else None
    inside, chance = (
        frame[name].to_numpy(np.float64) if name in frame else np.zeros(0) for name in ("cam_inside", "cam_chance")
    )
    seen = np.isfinite(inside)
    arguments = {
        "predictions": (labels, probabilities, tuple(classes)),
        "calibration": (labels, probabilities, temperature),
        "attention": (inside[seen], chance[seen]),
    }
    values = []
    for metric in metrics:
        if metric.spec.needs == "attention":
            if seen.any():
                expected = float(chance[seen].mean())
                values += [
                    value.model_copy(update={"by_chance": expected})
                    for value in _values(metric, arguments["attention"], int(seen.sum()), faults)
                ]
        else:
            values += _values(metric, arguments[metric.spec.needs], len(frame), faults)
    return values


def score_segmentation(
    frame: pd.DataFrame,
    mask_classes: Sequence[str],
    metrics: Sequence[Metric],
    *,
    lesions: bool = False,
    faults: Faults | None = None,
) -> list[MetricValue]:
    """Every segmentation metric of a predictions table.

    lesions: the mask classes are kinds of one lesion, so a metric's bare name is of lesion against background, as for a model that does not tell them
    apart, and ``NAME/CLASS`` of each kind.
    """
    k = 1 + len(mask_classes)
    confusions = np.array(frame["confusion"].tolist(), np.int64).reshape(-1, k, k)
    values = []
    for metric in metrics:
        own = _values(metric, (confusions, tuple(mask_classes)), len(frame), faults)
        if lesions:
            own = _values(metric, (_any_lesion(confusions), ("lesion",)), len(frame), faults) + [
                value for value in own if "/" in value.name
            ]
        values += own
    return values


def _any_lesion(confusions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixel confusions ``(n, k, k)`` with the foreground classes taken together: ``(n, 2, 2)``."""
    rows = np.stack([confusions[:, 0], confusions[:, 1:].sum(1)], 1)
    return np.stack([rows[:, :, 0], rows[:, :, 1:].sum(2)], 2)


def score_generation(
    real: Any,
    generated: Any,
    other_real: Any,
    n: int,
    metrics: Sequence[Metric],
    extractor: ExtractorSpec | None = None,
    faults: Faults | None = None,
    interval_of: IntervalOf = lambda _metric: None,
    suffix: str = "",
) -> list[MetricValue]:
    """Every generation metric, between ``n`` held-out real images and as many generated ones; beside it the value of ``n`` other real images.

    The three are uint8 images for metrics of intensities, and ``Features`` of one extractor for the others. interval_of: metric id -> what gives its
    95 % intervals by value name, from the same arguments. suffix: follows each name (``/CLASS``).
    """
    values = []
    for metric in metrics:
        ideal = {value.name: value.value for value in _values(metric, (real, other_real), n, faults)}
        found = _values(metric, (real, generated), n, faults)
        intervals = _intervals(metric, (real, generated), interval_of, faults) if found else {}
        for value in found:
            interval = None if value.value is None else intervals.get(value.name)
            update = {
                "real_vs_real": ideal.get(value.name),
                "interval": interval,
                "name": _named(value.name, extractor) + suffix,
            }
            values.append(value.model_copy(update=update | {"comparable": extractor is None or extractor.comparable}))
    return values


def score_memory(
    generated: Any,
    training: Any,
    held_out: Any,
    n: int,
    metrics: Sequence[Metric],
    label: str,
    faults: Faults | None = None,
    interval_of: IntervalOf = lambda _metric: None,
) -> list[MetricValue]:
    """Every metric of memorisation: how near ``n`` generated images come to the training images, beside how near held-out real ones come.

    The three are ``Features`` of one extractor, ``label``, or of the pixels.
    """
    values = []
    for metric in metrics:
        found = _values(metric, (generated, training, held_out), n, faults)
        intervals = _intervals(metric, (generated, training, held_out), interval_of, faults) if found else {}
        values += [
            value.model_copy(update={"name": f"{value.name}[{label}]", "interval": intervals.get(value.name)})
            for value in found
        ]
    return values


def _named(name: str, extractor: ExtractorSpec | None) -> str:
    return name if extractor is None else f"{name}[{extractor.id}]"


def _intervals(
    metric: Metric, arguments: tuple[Any, ...], interval_of: IntervalOf, faults: Faults | None
) -> Mapping[str, tuple[float, float] | None]:
    give = interval_of(metric.spec.id)
    if give is None:
        return {}
    try:
        return give(*arguments)
    except Exception as error:
        if faults is None:
            raise
        faults[f"interval of {metric.spec.id}"] = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        return {}


def _values(metric: Metric, arguments: tuple[Any, ...], n: int, faults: Faults | None) -> list[MetricValue]:
    """The metric's values; none where its function raises and ``faults`` is there to hold the reason."""
    try:
        values = metric.function(*arguments)
    except Exception as error:
        if faults is None:
            raise
        faults[metric.spec.id] = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        return []
    return [
        MetricValue(name=name, value=value, n=n, higher_is_better=metric.spec.higher_is_better)
        for name, value in values.items()
    ]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
