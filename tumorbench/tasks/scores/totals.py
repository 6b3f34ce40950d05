"""The built-in metrics of a table of predictions as sums over its rows, so that a thousand replicates cost one product.

Each function gives the same values as the metrics of that name; ``scoring`` checks that on the table itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.calibration import BINS, apply_temperature
from tumorbench.metrics.segmentation import SMALL, dice_of_images, lesion_pixels
from tumorbench.statistics.replicates import Totalled

__all__ = ["mean_of_defined", "totals_of_classes", "totals_of_lesions", "totals_of_masks", "totals_of_shares"]

Array = NDArray[np.float64]
EPSILON = float(np.finfo(np.float64).eps)
AVERAGES = ("macro", "micro", "weighted")


def totals_of_classes(
    labels: NDArray[np.int64], probabilities: Array, classes: Sequence[str], temperature: float | None
) -> Iterator[Totalled]:
    """What the classification metrics follow from; labels int64 ``(n,)``, probabilities float64 ``(n, classes)``."""
    k = len(classes)
    counts = np.zeros((len(labels), k * k))
    counts[np.arange(len(labels)), labels * k + probabilities.argmax(1)] = 1
    names = ["accuracy", "balanced_accuracy"]
    names += [f"{metric}_{average}" for metric in ("precision", "recall", "f1") for average in AVERAGES]
    names += ["mcc", "cohen_kappa"]
    names += [f"{metric}/{title}" for metric in ("precision", "recall", "f1") for title in classes]
    yield Totalled(tuple(names), counts, lambda totals: _of_counts(totals.reshape(-1, k, k)))
    yield from _sureness("", labels, probabilities)
    if temperature is not None:
        yield from _sureness("_scaled", labels, apply_temperature(probabilities, temperature))


def _of_counts(counts: Array) -> Array:
    """Confusions ``(draws, k, k)``, ``[true, predicted]``, -> values in the order of ``totals_of_classes``."""
    hits, true, predicted = np.diagonal(counts, axis1=1, axis2=2), counts.sum(2), counts.sum(1)
    n = true.sum(1)
    accuracy = _ratio(hits.sum(1), n)
    occurs = true + predicted > 0
    recalls = _ratio(hits, true)
    kinds = [_ratio(hits, predicted), recalls, _ratio(2 * hits, true + predicted)]
    kinds = [np.where(occurs, np.nan_to_num(kind), np.nan) for kind in kinds]
    found = [accuracy, mean_of_defined(recalls)]
    for kind in kinds:
        found += [mean_of_defined(kind), accuracy, _ratio((np.nan_to_num(kind) * true).sum(1), n)]
    return np.column_stack([*found, *_beyond_chance(hits.sum(1), true, predicted), *kinds])


def _beyond_chance(hits: Array, true: Array, predicted: Array) -> tuple[Array, Array]:
    """Matthews' correlation and Cohen's kappa, NaN where the truth is of one class. true, predicted: ``(draws, k)``."""
    n = true.sum(1)
    chance = (true * predicted).sum(1)
    spread, others = n**2 - (true**2).sum(1), n**2 - (predicted**2).sum(1)
    correlation = np.nan_to_num(_ratio(hits * n - chance, np.sqrt(spread * others)))  # 0 for a constant answer
    several = spread > 0
    return np.where(several, correlation, np.nan), np.where(several, _ratio(hits * n - chance, n**2 - chance), np.nan)


def _sureness(suffix: str, labels: NDArray[np.int64], probabilities: Array) -> Iterator[Totalled]:
    """Cross-entropy and calibration error."""
    nats = -np.log(np.clip(probabilities[np.arange(len(labels)), labels], EPSILON, 1.0))
    yield Totalled((f"cross_entropy{suffix}",), np.column_stack([nats, np.ones(len(labels))]), _quotient)
    confidence, right = probabilities.max(1, initial=0.0), probabilities.argmax(1) == labels
    bins = np.clip(np.searchsorted(np.linspace(0.0, 1.0, BINS + 1), confidence) - 1, 0, BINS - 1)
    parts = np.zeros((len(labels), BINS + 1))
    parts[np.arange(len(labels)), bins] = confidence - right
    parts[:, BINS] = 1

    def gap(totals: Array) -> Array:
        return _ratio(np.abs(totals[:, :BINS]).sum(1), totals[:, BINS])[:, None]

    yield Totalled((f"ece{suffix}",), parts, gap)


def totals_of_masks(confusions: NDArray[np.int64], mask_classes: Sequence[str], *, lesions: bool) -> Iterator[Totalled]:
    """What the segmentation metrics follow from; confusions int64 ``(n, k, k)``. lesions: as ``score_masks``."""
    merged = lesion_pixels(confusions) if lesions else confusions
    yield _pooled(merged, ("",))
    if len(mask_classes) > 1:
        yield _pooled(confusions, [f"/{title}" for title in mask_classes])
    yield from _over_images(merged)


def _pooled(confusions: NDArray[np.int64], suffixes: Sequence[str]) -> Totalled:
    """Values of all pixels together; of each class where there is a suffix for each."""
    k = confusions.shape[1]
    whole = tuple(suffixes) == ("",)
    names = [f"{metric}{suffix}" for metric in ("dice", "iou") for suffix in suffixes]

    def finish(totals: Array) -> Array:
        counts = totals.reshape(-1, k, k)
        hits = np.diagonal(counts, axis1=1, axis2=2)
        true, predicted = counts.sum(2), counts.sum(1)
        dice = _ratio(2 * hits, true + predicted)[:, 1:]
        iou = _ratio(hits, true + predicted - hits)[:, 1:]
        if not whole:
            return np.column_stack([dice, iou])
        n, occurring = true.sum(1), 1 + np.count_nonzero(true[:, 1:], axis=1)
        artefact = _ratio(true[:, 0], n) / occurring
        return np.column_stack([mean_of_defined(dice), mean_of_defined(iou), _ratio(hits.sum(1), n), artefact])

    names += ["pixel_accuracy", "keras_meaniou_bug"] if whole else []
    return Totalled(tuple(names), confusions.reshape(len(confusions), -1).astype(np.float64), finish)


def _over_images(confusions: NDArray[np.int64]) -> Iterator[Totalled]:
    """Means over images of those where they are defined."""
    counts = confusions.astype(np.float64)
    hits, true, predicted = np.diagonal(counts, axis1=1, axis2=2)[:, 1:], counts.sum(2)[:, 1:], counts.sum(1)[:, 1:]
    yield totals_of_shares("dice_image_mean", mean_of_defined(_ratio(2 * hits, true + predicted)))
    yield totals_of_shares("iou_image_mean", mean_of_defined(_ratio(hits, true + predicted - hits)))
    lesion = true.sum(1)
    small = (lesion > 0) & (lesion * SMALL < counts.sum((1, 2)))
    yield totals_of_shares("dice_small_lesions", np.where(small, dice_of_images(confusions), np.nan))
    silent = counts[:, 0, 1:].sum(1) == 0
    yield totals_of_shares("lesion_free_specificity", np.where(lesion == 0, silent, np.nan))


def totals_of_lesions(lesions: NDArray[np.int64]) -> Totalled:
    """Precision and recall of lesions; lesions int64 ``(n, 3)``: true, predicted, matched."""
    return Totalled(
        ("lesion_precision", "lesion_recall"),
        lesions.astype(np.float64),
        lambda totals: np.column_stack([_ratio(totals[:, 2], totals[:, 1]), _ratio(totals[:, 2], totals[:, 0])]),
    )


def totals_of_shares(name: str, values: Array) -> Totalled:
    """The mean of the rows' values, float64 ``(n,)``, over those that are not NaN."""
    defined = ~np.isnan(values)
    return Totalled((name,), np.column_stack([np.where(defined, values, 0), defined]).astype(np.float64), _quotient)


def _quotient(totals: Array) -> Array:
    """``(draws, 2)``: sum and count -> mean ``(draws, 1)``."""
    return _ratio(totals[:, 0], totals[:, 1])[:, None]


def _ratio(top: Array, bottom: Array) -> Array:
    """NaN for x/0."""
    return np.asarray(np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0))


def mean_of_defined(values: Array) -> Array:
    """``(draws, k)`` -> ``(draws,)``, the mean of those that are defined; NaN where none is."""
    defined = ~np.isnan(values)
    return _ratio(np.where(defined, values, 0).sum(1), defined.sum(1).astype(np.float64))
