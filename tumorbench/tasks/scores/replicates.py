"""From a table of predictions to bootstrap replicates of its values, and to their 95 % intervals. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.record import MetricValue
from tumorbench.errors import INTERRUPTIONS, one_line
from tumorbench.metrics.discrimination import weighted_orders
from tumorbench.metrics.patients import right_of_patients
from tumorbench.statistics.clusters import Clusters
from tumorbench.statistics.replicates import Drawn, Totalled, drawn_of_rows, drawn_of_totals, drawn_of_weights
from tumorbench.tasks.outlines import arguments_of, lacking_of
from tumorbench.tasks.predictions import COPY
from tumorbench.tasks.scores.instruments import Applied
from tumorbench.tasks.scores.totals import (
    mean_of_defined,
    totals_of_classes,
    totals_of_lesions,
    totals_of_masks,
    totals_of_shares,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "classes_of",
    "clusters_of",
    "confusions_of",
    "drawn_of_arms",
    "drawn_of_classes",
    "drawn_of_masks",
    "named_classes",
    "patients_of",
    "right_of",
    "with_intervals",
]

SAME = 1e-9  # between a metric's value and what its sums give
Again = Callable[[NDArray[np.int64]], Mapping[str, float | None]]


def clusters_of(table: pd.DataFrame) -> Clusters:
    """The clusters of the table's rows; of an older table the patients, and where these are not known the slices."""
    if "cluster" in table:
        return Clusters.of(table["cluster"].astype(str).tolist())
    ids = [str(each).partition(COPY)[0] for each in table["sample_id"]]
    groups = table["group"].fillna("").astype(str) if "group" in table else [""] * len(ids)
    return Clusters.of([group or f"sample:{each}" for group, each in zip(groups, ids, strict=True)])


def patients_of(table: pd.DataFrame) -> NDArray[np.str_]:
    """The patient of each row, "" where it is not known or the table does not say."""
    known = table["group"].fillna("").astype(str) if "group" in table else [""] * len(table)
    return np.array(list(known), np.str_)


def classes_of(
    table: pd.DataFrame, classes: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64], float | None]:
    """(labels int64 ``(n,)``, probabilities float64 ``(n, classes)``, temperature) of a table with ``p/CLASS``."""
    probabilities = table[[f"p/{name}" for name in classes]].to_numpy(np.float64)
    probabilities = probabilities / probabilities.sum(1, keepdims=True)  # what pandas reads from Parquet is read-only
    temperature = float(table["temperature"].iloc[0]) if "temperature" in table else None
    return table["label"].to_numpy(np.int64), probabilities, temperature


def confusions_of(table: pd.DataFrame, column: str = "confusion") -> NDArray[np.int64]:
    """The pixel confusion of each row, int64 ``(n, k, k)``, ``[true, predicted]``, class 0 the background."""
    rows = np.array(table[column].tolist(), np.int64)
    k = round(rows.shape[-1] ** 0.5)
    return rows.reshape(-1, k, k)


def drawn_of_classes(table: pd.DataFrame, classes: Sequence[str]) -> Drawn:
    """Replicates of every built-in classification metric of a table with ``p/CLASS``; none of an empty one."""
    if not len(table):
        return Drawn()
    labels, probabilities, temperature = classes_of(table, classes)
    if not (np.isfinite(probabilities).all() and labels.min() >= 0 and labels.max() < len(classes)):
        return Drawn()  # the metrics refuse it
    every = [*totals_of_classes(labels, probabilities, classes, temperature)]
    if "leaked" in table:
        right, leaked = (probabilities.argmax(1) == labels).astype(np.float64), table["leaked"].to_numpy() != ""
        every.append(totals_of_shares("accuracy_clean", np.where(leaked, np.nan, right)))
        every.append(totals_of_shares("accuracy_leaked", np.where(leaked, right, np.nan)))
    every.append(totals_of_shares("patient_accuracy", right_of_patients(labels, probabilities, patients_of(table))))
    if "cam_inside" in table:
        every.append(totals_of_shares("cam_in_mask", table["cam_inside"].to_numpy(np.float64)))
    clusters = clusters_of(table)
    return drawn_of_totals(every, clusters).beside(_drawn_of_orders(labels, probabilities, classes, clusters))


def _drawn_of_orders(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], classes: Sequence[str], clusters: Clusters
) -> Drawn:
    """Replicates of the AUROC and the average precision of each class, and of their means."""
    suffixes = ("", *(f"/{title}" for title in classes))
    names = [f"{name}{suffix}" for name in ("auroc", "average_precision") for suffix in suffixes]

    def values(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        each = [weighted_orders(probabilities[:, number], labels == number, weights) for number in range(len(classes))]
        kinds = [np.column_stack(kind) for kind in zip(*each, strict=True)]
        return np.column_stack([part for kind in kinds for part in (mean_of_defined(kind), kind)])

    return drawn_of_weights(values, names, clusters)


def drawn_of_arms(table: pd.DataFrame) -> Drawn:
    """Replicates of the accuracy that each ``arm`` gives, the mean over the classifier's seeds: ``tstr_ARM``."""
    found = Drawn()
    for arm, rows in table.groupby("arm", sort=False):
        right = np.asarray(rows["predicted"] == rows["label"], np.float64)
        found = drawn_of_totals([totals_of_shares(f"tstr_{arm}", right)], clusters_of(rows)).beside(found)
    return found


def drawn_of_masks(table: pd.DataFrame, mask_classes: Sequence[str], *, lesions: bool) -> Drawn:
    """Replicates of every built-in segmentation metric of a table with ``confusion``. lesions: as ``score_masks``."""
    if not len(table):
        return Drawn()
    confusions = confusions_of(table)
    names = named_classes(mask_classes, confusions)
    every = [*totals_of_masks(confusions, names, lesions=lesions), *_totals_of_outlines(table)]
    return drawn_of_totals(every, clusters_of(table))


def _totals_of_outlines(table: pd.DataFrame) -> Iterator[Totalled]:
    """What the metrics of surfaces and lesions follow from; nothing of a table without them."""
    if not lacking_of(table, "surfaces"):
        surfaces, spacing_mm = arguments_of(table, "surfaces")
        for name, distances in zip(("hd95", "surface_distance"), surfaces.T, strict=True):
            yield totals_of_shares(name, distances)
            yield totals_of_shares(f"{name}_mm", distances * spacing_mm)
    if not lacking_of(table, "lesions"):
        yield totals_of_lesions(*arguments_of(table, "lesions"))


def named_classes(mask_classes: Sequence[str], confusions: NDArray[np.int64]) -> tuple[str, ...]:
    """The mask classes; where none is known, numbered ones for the confusions' foreground."""
    return tuple(mask_classes) or tuple(f"foreground-{number}" for number in range(1, confusions.shape[1]))


def right_of(table: pd.DataFrame) -> NDArray[np.bool_] | None:
    """Which rows of a table with ``predicted`` are right, ``(n,)``; None for one without."""
    return np.asarray(table["predicted"] == table["label"], np.bool_) if "predicted" in table else None


def with_intervals(applied: Applied, drawn: Drawn, clusters: Clusters, again: Again | None) -> Applied:
    """The same with the interval of each value.

    drawn: of built-in metrics. again: what the metric gives of chosen rows, for one that ``drawn`` does not know.
    """
    if not applied.metric_values:
        return applied
    values, reach = applied.metric_values, applied.metric.spec.value_range
    unknown = [each.name for each in values if each.value is not None and not _known(each, drawn)]
    reason = applied.reason
    if unknown and again is not None:
        try:
            drawn = drawn.beside(drawn_of_rows(again, unknown, clusters))
        except INTERRUPTIONS:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's metric may raise anything on a part of the rows
            reason = reason or f"no interval: {one_line(error)}"
    found = (
        each.model_copy(update={"interval": drawn.interval(each.name, each.value, reach)})
        if _known(each, drawn)
        else each
        for each in values
    )
    return replace(applied, metric_values=tuple(found), reason=reason)


def _known(value: MetricValue, drawn: Drawn) -> bool:
    """Whether the sums give this value: a plugin's metric may have a built-in one's name."""
    there = drawn.observed.get(value.name)
    return value.value is not None and there is not None and abs(there - value.value) <= SAME * max(1.0, abs(there))
