"""A table of predictions becomes metric values. It needs nothing else, so that anyone can repeat it; loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.metrics.segmentation import lesion_pixels
from tumorbench.tasks.instruments import Applied, Metric, apply

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["confusion_of", "confusions_of", "score_classes", "score_masks"]


def score_classes(table: pd.DataFrame, classes: Sequence[str], metrics: Sequence[Metric]) -> list[Applied]:
    """What each classification metric gives of a table with ``p/CLASS``."""
    probabilities = table[[f"p/{name}" for name in classes]].to_numpy(np.float64)
    probabilities = probabilities / probabilities.sum(1, keepdims=True)  # what pandas reads from Parquet is read-only
    labels = table["label"].to_numpy(np.int64)
    temperature = float(table["temperature"].iloc[0]) if "temperature" in table else None
    given = {
        "predictions": (labels, probabilities, tuple(classes)),
        "calibration": (labels, probabilities, temperature),
    }
    return [_of_table(metric, table, given.get(metric.spec.needs)) for metric in metrics]


def _of_table(metric: Metric, table: pd.DataFrame, arguments: tuple[Any, ...] | None) -> Applied:
    """What one classification metric gives. arguments: of one that needs probabilities alone."""
    if metric.spec.needs == "attention":
        return _attended(metric, table)
    if arguments is None:
        return Applied(metric, reason=f"it needs {metric.spec.needs}, which a classifier does not have")
    return apply(metric, arguments, len(table))


def _attended(metric: Metric, table: pd.DataFrame) -> Applied:
    """The metric over the slices with a Grad-CAM map and a mask, beside its value by chance; nothing without any."""
    if "cam_inside" not in table:
        return Applied(metric)
    inside, chance = (table[name].to_numpy(np.float64) for name in ("cam_inside", "cam_chance"))
    seen = np.isfinite(inside)
    if not seen.any():
        return Applied(metric)
    return apply(metric, (inside[seen], chance[seen]), int(seen.sum())).changed(by_chance=float(chance[seen].mean()))


def score_masks(
    table: pd.DataFrame, mask_classes: Sequence[str], metrics: Sequence[Metric], *, lesions: bool = False
) -> list[Applied]:
    """What each segmentation metric gives of a table with ``confusion`` and ``ceiling``; the ceiling beside each value.

    mask_classes: in the order of the masks' values; where none is known they are numbered. lesions: the mask classes
    are kinds of one lesion, so a metric's bare name is of lesion against background, as for a model that does not tell
    them apart, and ``NAME/CLASS`` of each kind.
    """
    both = confusions_of(table), confusions_of(table, "ceiling")
    names = tuple(mask_classes) or tuple(f"foreground-{number}" for number in range(1, both[0].shape[1]))
    found = [_beside_ceiling(metric, both, names) for metric in metrics]
    if not lesions:
        return found
    merged = lesion_pixels(both[0]), lesion_pixels(both[1])
    return [
        _beside_ceiling(each.metric, merged, ("lesion",)).beside(
            replace(each, metric_values=tuple(value for value in each.metric_values if "/" in value.name))
        )
        for each in found
    ]


def _beside_ceiling(
    metric: Metric, both: tuple[NDArray[np.int64], NDArray[np.int64]], names: tuple[str, ...]
) -> Applied:
    """The metric of the confusions, and beside each value the one of the ceilings; none where no direction is better."""
    found = apply(metric, (both[0], names), len(both[0]))
    if metric.spec.higher_is_better is None:
        return found
    highest = {value.name: value.value for value in apply(metric, (both[1], names), len(both[1])).metric_values}
    values = (value.model_copy(update={"ceiling": highest.get(value.name)}) for value in found.metric_values)
    return replace(found, metric_values=tuple(values))


def confusions_of(table: pd.DataFrame, column: str = "confusion") -> NDArray[np.int64]:
    """The pixel confusion of each row, int64 ``(n, k, k)``, ``[true, predicted]``, class 0 the background."""
    rows = np.array(table[column].tolist(), np.int64)
    k = round(rows.shape[-1] ** 0.5)
    return rows.reshape(-1, k, k)


def confusion_of(table: pd.DataFrame, classes: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Counts ``[true][predicted]`` of a table with ``predicted``, in class order."""
    from tumorbench.metrics.classification import confusion_matrix

    counts = confusion_matrix(table["label"].to_numpy(), table["predicted"].to_numpy(), len(classes))
    return tuple(tuple(int(count) for count in row) for row in counts)
