"""A table of predictions becomes metric values. It needs nothing else, so that anyone can repeat it; loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.factory import load
from tumorbench.tasks.scores.instruments import Applied, Metric, apply
from tumorbench.tasks.scores.replicates import (
    classes_of,
    clusters_of,
    confusions_of,
    drawn_of_classes,
    patients_of,
    with_intervals,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["confusion_of", "confusions_of", "score_classes"]


def score_classes(table: pd.DataFrame, classes: Sequence[str], metrics: Sequence[Metric]) -> list[Applied]:
    """What each classification metric gives of a table with ``p/CLASS``, with 95 % intervals over its clusters."""
    labels, probabilities, temperature = classes_of(table, classes)
    given: dict[str, tuple[Any, ...]] = {
        "predictions": (labels, probabilities, tuple(classes)),
        "calibration": (labels, probabilities, temperature),
    }
    drawn, clusters = drawn_of_classes(table, classes), clusters_of(table)

    def again(metric: Metric, rows: NDArray[np.int64]) -> Mapping[str, float | None]:
        last = given[metric.spec.needs][2]
        found: Mapping[str, float | None] = load(metric.spec.factory)(labels[rows], probabilities[rows], last)
        return found

    return [
        with_intervals(
            _of_table(metric, table, classes, given.get(metric.spec.needs)),
            drawn,
            clusters,
            partial(again, metric) if metric.spec.needs in given else None,
        )
        for metric in metrics
    ]


def _of_table(
    metric: Metric, table: pd.DataFrame, classes: Sequence[str], arguments: tuple[Any, ...] | None
) -> Applied:
    """What one classification metric gives. arguments: of one that needs probabilities alone."""
    if metric.spec.needs == "attention":
        return _attended(metric, table)
    if metric.spec.needs == "patients":
        return _of_patients(metric, table, classes)
    if metric.spec.needs in ("clean", "leaked"):
        return _of_part(metric, table, classes)
    if arguments is None:
        return Applied(metric, reason=f"it needs {metric.spec.needs}, which a classifier does not have")
    return apply(metric, arguments, len(table))


def _of_part(metric: Metric, table: pd.DataFrame, classes: Sequence[str]) -> Applied:
    """The metric on the clean or on the leaked slices; nothing where none leaked, or the table does not say."""
    if "leaked" not in table or not (leaked := table["leaked"].to_numpy() != "").any():
        return Applied(metric)
    part = table[leaked if metric.spec.needs == "leaked" else ~leaked]
    labels, probabilities, _ = classes_of(part, classes)
    return apply(metric, (labels, probabilities, tuple(classes)), len(part))


def _of_patients(metric: Metric, table: pd.DataFrame, classes: Sequence[str]) -> Applied:
    """The metric over the patients that are known; nothing where none is."""
    patients = patients_of(table)
    if not (known := patients != "").any():
        return Applied(metric)
    labels, probabilities, _ = classes_of(table, classes)
    return apply(metric, (labels, probabilities, patients), len(set(zip(labels[known], patients[known], strict=True))))


def _attended(metric: Metric, table: pd.DataFrame) -> Applied:
    """The metric over the slices with a Grad-CAM map and a mask, beside its value by chance; nothing without any."""
    if "cam_inside" not in table:
        return Applied(metric)
    inside, chance = (table[name].to_numpy(np.float64) for name in ("cam_inside", "cam_chance"))
    seen = np.isfinite(inside)
    if not seen.any():
        return Applied(metric)
    return apply(metric, (inside[seen], chance[seen]), int(seen.sum())).changed(by_chance=float(chance[seen].mean()))


def confusion_of(table: pd.DataFrame, classes: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Counts ``[true][predicted]`` of a table with ``predicted``, in class order."""
    from tumorbench.metrics.classification import confusion_matrix

    counts = confusion_matrix(table["label"].to_numpy(), table["predicted"].to_numpy(), len(classes))
    return tuple(tuple(int(count) for count in row) for row in counts)
