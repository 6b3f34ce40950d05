"""A table of predictions becomes metric values. It needs nothing else, so that anyone can repeat it; loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.tasks.instruments import Applied, Metric, apply

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["confusion_of", "score_classes", "score_masks"]


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
    """What each segmentation metric gives of a table with ``confusion``.

    mask_classes: in the order of the masks' values; where none is known they are numbered. lesions: the mask classes
    are kinds of one lesion, so a metric's bare name is of lesion against background, as for a model that does not tell
    them apart, and ``NAME/CLASS`` of each kind.
    """
    k = 1 + len(mask_classes) if mask_classes else round(len(table["confusion"].iloc[0]) ** 0.5)
    names = tuple(mask_classes) or tuple(f"foreground-{number}" for number in range(1, k))
    confusions = np.array(table["confusion"].tolist(), np.int64).reshape(-1, k, k)
    found = [apply(metric, (confusions, names), len(table)) for metric in metrics]
    if not lesions:
        return found
    merged = _any_lesion(confusions)
    return [
        apply(each.metric, (merged, ("lesion",)), len(table)).beside(
            replace(each, metric_values=tuple(value for value in each.metric_values if "/" in value.name))
        )
        for each in found
    ]


def _any_lesion(confusions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixel confusions ``(n, k, k)`` with the foreground classes taken together: ``(n, 2, 2)``."""
    rows = np.stack([confusions[:, 0], confusions[:, 1:].sum(1)], 1)
    return np.stack([rows[:, :, 0], rows[:, :, 1:].sum(2)], 2)


def confusion_of(table: pd.DataFrame, classes: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Counts ``[true][predicted]`` of a table with ``predicted``, in class order."""
    from tumorbench.metrics.classification import confusion_matrix

    counts = confusion_matrix(table["label"].to_numpy(), table["predicted"].to_numpy(), len(classes))
    return tuple(tuple(int(count) for count in row) for row in counts)
