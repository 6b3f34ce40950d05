"""A table of masks becomes metric values: of pixel confusions, and of whatever else a metric's card needs.

Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.factory import load
from tumorbench.metrics.segmentation import lesion_pixels
from tumorbench.statistics.clusters import Clusters
from tumorbench.statistics.replicates import Drawn
from tumorbench.tasks.outlines import CEILING, arguments_of, lacking_of
from tumorbench.tasks.scores.instruments import Applied, Metric, apply
from tumorbench.tasks.scores.replicates import (
    clusters_of,
    confusions_of,
    drawn_of_masks,
    named_classes,
    with_intervals,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["score_masks"]

Arrays = tuple[NDArray[Any], ...]


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What a metric is called with: arrays of one row an image, and what is the same for all of them.

    masks: of what the network says. ceilings: of masks that are right in every pixel that it sees.
    """

    masks: Arrays
    ceilings: Arrays
    shared: tuple[Any, ...] = ()


def score_masks(
    table: pd.DataFrame, mask_classes: Sequence[str], metrics: Sequence[Metric], *, lesions: bool = False
) -> list[Applied]:
    """What each segmentation metric gives of a table with ``confusion`` and ``ceiling``, and with what else it needs.

    Beside each value its ceiling and its 95 % interval over clusters. mask_classes: in the order of the masks' values;
    where none is known they are numbered. lesions: the mask classes are kinds of one lesion, so a metric's bare name is
    of lesion against background, as for a model that does not tell them apart, and ``NAME/CLASS`` of each kind. A table
    without a column that a metric needs gives no value of it, and the reason.
    """
    masks, ceilings = confusions_of(table), confusions_of(table, "ceiling")
    of_classes = _Arguments((masks,), (ceilings,), (named_classes(mask_classes, masks),))
    merged = _Arguments((lesion_pixels(masks),), (lesion_pixels(ceilings),), (("lesion",),)) if lesions else None
    drawn, clusters = drawn_of_masks(table, mask_classes, lesions=lesions), clusters_of(table)

    def score(metric: Metric) -> Applied:
        needs = metric.spec.needs
        if needs != "predictions":
            if reason := lacking_of(table, needs):
                return Applied(metric, reason=reason)
            own = _Arguments(arguments_of(table, needs), arguments_of(table, needs, CEILING))
            return _applied(metric, own, drawn, clusters)
        if merged is None:
            return _applied(metric, of_classes, drawn, clusters)
        each = _applied(metric, of_classes, drawn, clusters, only_classes=True)
        return _applied(metric, merged, drawn, clusters).beside(each)

    return [score(metric) for metric in metrics]


def _applied(
    metric: Metric, given: _Arguments, drawn: Drawn, clusters: Clusters, *, only_classes: bool = False
) -> Applied:
    """The metric with ceilings and intervals. only_classes: of its values those that are of one class."""
    found = _beside_ceiling(metric, given)
    if only_classes:
        found = replace(found, metric_values=tuple(value for value in found.metric_values if "/" in value.name))

    def again(rows: NDArray[np.int64]) -> dict[str, float | None]:
        values: dict[str, float | None] = load(metric.spec.factory)(
            *(each[rows] for each in given.masks), *given.shared
        )
        return values

    return with_intervals(found, drawn, clusters, again)


def _beside_ceiling(metric: Metric, given: _Arguments) -> Applied:
    """The metric of the masks, and beside each value the one of the ceilings; none where no direction is better."""
    n = len(given.masks[0])
    found = apply(metric, (*given.masks, *given.shared), n)
    if metric.spec.higher_is_better is None:
        return found
    highest = {value.name: value.value for value in apply(metric, (*given.ceilings, *given.shared), n).metric_values}
    values = (value.model_copy(update={"ceiling": highest.get(value.name)}) for value in found.metric_values)
    return replace(found, metric_values=tuple(values))
