"""A table of predictions becomes metric values. It needs nothing else, so that anyone can repeat it; loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.factory import load
from tumorbench.metrics.segmentation import lesion_pixels
from tumorbench.tasks.scores.instruments import Applied, Metric, apply
from tumorbench.tasks.scores.replicates import (
    classes_of,
    clusters_of,
    confusions_of,
    drawn_of_classes,
    drawn_of_masks,
    named_classes,
    with_intervals,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["confusion_of", "confusions_of", "score_classes", "score_masks"]


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
    """What each segmentation metric gives of a table with ``confusion`` and ``ceiling``.

    Beside each value its ceiling and its 95 % interval over clusters. mask_classes: in the order of the masks' values;
    where none is known they are numbered. lesions: the mask classes are kinds of one lesion, so a metric's bare name is
    of lesion against background, as for a model that does not tell them apart, and ``NAME/CLASS`` of each kind.
    """
    both = confusions_of(table), confusions_of(table, "ceiling")
    names = named_classes(mask_classes, both[0])
    drawn, clusters = drawn_of_masks(table, mask_classes, lesions=lesions), clusters_of(table)

    def sure(applied: Applied, confusions: NDArray[np.int64], names: tuple[str, ...]) -> Applied:
        function = load(applied.metric.spec.factory)
        return with_intervals(applied, drawn, clusters, lambda rows: function(confusions[rows], names))

    found = [_beside_ceiling(metric, both, names) for metric in metrics]
    if not lesions:
        return [sure(each, both[0], names) for each in found]
    merged = lesion_pixels(both[0]), lesion_pixels(both[1])
    kinds = [replace(each, metric_values=tuple(v for v in each.metric_values if "/" in v.name)) for each in found]
    return [
        sure(_beside_ceiling(each.metric, merged, ("lesion",)), merged[0], ("lesion",)).beside(
            sure(each, both[0], names)
        )
        for each in kinds
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


def confusion_of(table: pd.DataFrame, classes: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Counts ``[true][predicted]`` of a table with ``predicted``, in class order."""
    from tumorbench.metrics.classification import confusion_matrix

    counts = confusion_matrix(table["label"].to_numpy(), table["predicted"].to_numpy(), len(classes))
    return tuple(tuple(int(count) for count in row) for row in counts)
