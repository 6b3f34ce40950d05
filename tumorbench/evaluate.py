"""A trained network becomes predictions, and predictions become metric values. Scoring needs only the predictions, so that anyone can repeat it."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.cards import ExtractorSpec, MetricSpec
from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.contracts.record import MetricValue

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Metric", "classify", "generate", "predictions_of_classes", "predictions_of_images", "predictions_of_masks", "score_classification",
    "score_generation", "score_segmentation", "segment", "time_predictions", "validate_classifier", "validate_segmenter",
]  # fmt: skip

Autocast = Callable[[], Any]
SINGLE_PREDICTIONS = 15  # of which the median is the time of one
SAMPLE_BATCH = 16  # images that a generator makes at once


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's card and its function (see ``tumorbench.metrics`` for what each task's functions take)."""

    spec: MetricSpec
    function: Callable[..., Mapping[str, float | None]]


def classify(network: Network, batches: Iterable[Batch], autocast: Autocast) -> NDArray[np.float32]:
    """Softmax probabilities, float32 ``(n, classes)``, computed in float32 from the logits."""
    network.eval()
    with torch.inference_mode():
        rows = []
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            rows.append(logits.float().softmax(1).cpu())
        return torch.cat(rows).numpy()


def segment(network: Network, batches: Iterable[Batch], autocast: Autocast) -> NDArray[np.uint8]:
    """The most probable class of each pixel, uint8 ``(n, size, size)``."""
    network.eval()
    with torch.inference_mode():
        masks = []
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            masks.append(logits.argmax(1).to(torch.uint8).cpu())
        return torch.cat(masks).numpy()


def generate(
    network: Generator, labels: NDArray[np.int64], seed: int, autocast: Autocast, to_uint8: Callable[[torch.Tensor], torch.Tensor]
) -> NDArray[np.uint8]:
    """One image a label, uint8 ``(n, size, size)``; the same seed gives the same images."""
    network.eval()
    device = next(network.parameters()).device
    rng = torch.Generator().manual_seed(derive_seed(seed, "sampling"))
    with torch.inference_mode():
        images = []
        for part in torch.split(torch.from_numpy(labels), SAMPLE_BATCH):
            with autocast():
                sampled = network.sample(len(part), part.to(device), rng)
            images.append(to_uint8(sampled).cpu())
        return torch.cat(images).numpy()


def validate_classifier(network: Network, batches: Iterable[Batch], autocast: Autocast) -> dict[str, float]:
    """Mean cross-entropy ("val_loss") and accuracy over every validation slice."""
    network.eval()
    loss = correct = n = 0.0
    with torch.inference_mode():
        for batch in batches:
            with autocast():
                logits = network(batch.images)
            loss += F.cross_entropy(logits.float(), batch.labels, reduction="sum").item()
            correct += (logits.argmax(1) == batch.labels).sum().item()
            n += len(batch)
    return {"val_loss": loss / n, "val_accuracy": correct / n}


def validate_segmenter(network: Network, batches: Iterable[Batch], autocast: Autocast) -> dict[str, float]:
    """Mean pixel cross-entropy ("val_loss"), pixel accuracy and pooled foreground Dice (any foreground class) over every validation slice."""
    network.eval()
    loss = correct = overlap = foreground = pixels = 0.0
    with torch.inference_mode():
        for batch in batches:
            assert batch.masks is not None
            with autocast():
                logits = network(batch.images)
            predicted = logits.argmax(1)
            loss += F.cross_entropy(logits.float(), batch.masks, reduction="sum").item()
            correct += (predicted == batch.masks).sum().item()
            overlap += ((predicted > 0) & (batch.masks > 0)).sum().item()
            foreground += (predicted > 0).sum().item() + (batch.masks > 0).sum().item()
            pixels += batch.masks.numel()
    return {"val_loss": loss / pixels, "val_pixel_accuracy": correct / pixels, "val_dice": 2 * overlap / foreground if foreground else 0.0}


def time_predictions(predict: Callable[[int], object], n: int) -> tuple[float, float]:
    """(seconds for all n images, median seconds for one), both after a warm-up; ``predict(k)`` predicts the first k images to host memory."""
    predict(1)
    singles = []
    for _ in range(SINGLE_PREDICTIONS):
        started = time.perf_counter()
        predict(1)
        singles.append(time.perf_counter() - started)
    started = time.perf_counter()
    predict(n)
    return time.perf_counter() - started, statistics.median(singles)


def predictions_of_classes(
    sample_ids: Sequence[str], groups: Sequence[str], labels: NDArray[np.int64], probabilities: NDArray[np.float32], classes: Sequence[str]
) -> pd.DataFrame:
    """One row a test slice: sample_id, group, label, predicted, and ``p/CLASS`` (float32) for each class."""
    import pandas as pd

    frame = pd.DataFrame({"sample_id": sample_ids, "group": groups, "label": labels, "predicted": probabilities.argmax(1).astype(np.int64)})
    return frame.assign(**{f"p/{name}": probabilities[:, index] for index, name in enumerate(classes)})


def predictions_of_masks(
    sample_ids: Sequence[str], groups: Sequence[str], labels: NDArray[np.int64], confusions: NDArray[np.int64], masks: NDArray[np.uint8]
) -> pd.DataFrame:
    """One row a test slice: sample_id, group, label, its pixel confusion matrix (row by row), and the predicted mask as PNG bytes."""
    import pandas as pd

    flat = [confusion.ravel().tolist() for confusion in confusions]
    return pd.DataFrame({"sample_id": sample_ids, "group": groups, "label": labels, "confusion": flat, "mask_png": [_png(mask) for mask in masks]})


def predictions_of_images(labels: NDArray[np.int64], images: NDArray[np.uint8]) -> pd.DataFrame:
    """One row a generated image: its number, the label it was asked for, and the image as PNG bytes."""
    import pandas as pd

    return pd.DataFrame({"sample_id": [f"generated-{index}" for index in range(len(images))], "label": labels, "image_png": [_png(image) for image in images]})


def score_classification(frame: pd.DataFrame, classes: Sequence[str], metrics: Sequence[Metric]) -> list[MetricValue]:
    """Every classification metric of a predictions table."""
    probabilities = frame[[f"p/{name}" for name in classes]].to_numpy(np.float64)
    probabilities = probabilities / probabilities.sum(1, keepdims=True)  # not in place: what pandas reads from Parquet is read-only
    labels = frame["label"].to_numpy(np.int64)
    return [value for metric in metrics for value in _values(metric, metric.function(labels, probabilities, tuple(classes)), len(frame))]


def score_segmentation(frame: pd.DataFrame, mask_classes: Sequence[str], metrics: Sequence[Metric]) -> list[MetricValue]:
    """Every segmentation metric of a predictions table."""
    k = 1 + len(mask_classes)
    confusions = np.array(frame["confusion"].tolist(), np.int64).reshape(-1, k, k)
    return [value for metric in metrics for value in _values(metric, metric.function(confusions, tuple(mask_classes)), len(frame))]


def score_generation(
    real: Any, generated: Any, other_real: Any, n: int, metrics: Sequence[Metric], extractor: ExtractorSpec | None = None
) -> list[MetricValue]:
    """Every generation metric, between ``n`` held-out real images and as many generated ones; beside it the value of ``n`` other real images.

    The three are uint8 images for metrics of intensities, and ``Features`` of one extractor for the others.
    """
    values = []
    for metric in metrics:
        ideal = metric.function(real, other_real)
        for value in _values(metric, metric.function(real, generated), n):
            name = value.name if extractor is None else f"{value.name}[{extractor.id}]"
            comparable = extractor is None or extractor.comparable
            values.append(value.model_copy(update={"name": name, "real_vs_real": ideal.get(value.name), "comparable": comparable}))
    return values


def _values(metric: Metric, values: Mapping[str, float | None], n: int) -> list[MetricValue]:
    return [MetricValue(name=name, value=value, n=n, higher_is_better=metric.spec.higher_is_better) for name, value in values.items()]


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
