"""Whether a record's numbers are those of its predictions: metrics, confusion and temperature, computed again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorbench import tasks
from tumorbench.contracts.record import INTERVALS_VERSION, Instrument, MetricValue, Record
from tumorbench.errors import BadInput, one_line
from tumorbench.metrics.lesions import lesion_counts
from tumorbench.registry import Registry
from tumorbench.store import PREDICTIONS
from tumorbench.tables.stored import read_stored
from tumorbench.tasks.base import Scores, ScoringInput
from tumorbench.tasks.predictions import pixels_of
from tumorbench.tasks.scores.instruments import source_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_scores", "differences", "instrument_name", "same", "unchecked"]

TOLERANCE = 1e-9  # between a published number and the one computed again from its predictions


def check_scores(path: Path, record: Record, registry: Registry, missing: str) -> Iterator[str]:
    """Where the record's numbers are not those of its predictions, one line each. Raises nothing."""
    if not any(artifact.path == PREDICTIONS for artifact in record.artifacts):
        yield f"its artifacts do not name {PREDICTIONS}, so that nothing says whether it was changed"
    try:
        yield from _differences(path, record, registry, missing)
    except Exception as error:  # noqa: BLE001 - one bad record must not hide what is wrong with others
        yield f"it cannot be scored again: {one_line(error)}"


def unchecked(record: Record, registry: Registry) -> list[str]:
    """The metrics of the record that cannot be checked here, because no installed plugin has them in that version.

    None of a generator's, of which nothing is checked: they need the real images, and ``replay`` has those.
    """
    task = tasks.of(record.identity)
    if record.status != "ok" or not task.scored_from_table:
        return []
    valued = {_named(value) for value in record.metrics}
    return [name for name in task.unchecked(record, registry) if name in valued]


def _named(value: MetricValue) -> str:
    """What gave the value, as ``Task.unchecked`` names it."""
    metric, extractor = source_of(value)
    return f"{metric}[{extractor}]" if extractor else metric


def instrument_name(instrument: Instrument) -> str:
    """``ID`` or ``ID[EXTRACTOR]``."""
    return f"{instrument.metric}[{instrument.extractor}]" if instrument.extractor else instrument.metric


def _differences(path: Path, record: Record, registry: Registry, missing: str) -> Iterator[str]:
    """Where the record's numbers are not those of its predictions. Raises: whatever reading or scoring them raises."""
    predictions, task = path.parent / PREDICTIONS, tasks.of(record.identity)
    if not predictions.exists():
        raise BadInput(f"{predictions} is missing; {missing}")
    table = read_stored(predictions)
    yield from _contradictions(table, record)
    asked = {(each.metric, each.extractor): each.reason for each in record.instruments}
    scores = task.score(table, ScoringInput.of_record(record, registry, only=asked))
    left_out = set(unchecked(record, registry))
    left_out |= {_named(value) for value in record.metrics if not task.holds(table, value.name)}
    yield from differences(record, scores, left_out)


def differences(
    record: Record, scores: Scores, left_out: Collection[str], tolerance: float = TOLERANCE
) -> Iterator[str]:
    """Where the record's numbers are not those of the scores, one line each. left_out: as ``unchecked`` names them."""
    asked = {(each.metric, each.extractor): each.reason for each in record.instruments}
    again, there = {value.name: value for value in scores.metrics}, {value.name for value in record.metrics}
    for value in record.metrics:
        if _named(value) not in left_out:
            yield from _difference(value, _as_old_as(record, value, again.get(value.name)), tolerance)
    for name, value in again.items():
        if name not in there and _named(value) not in left_out and not asked.get(source_of(value)):
            yield f"its predictions give {name} {value.value}, which the record lacks"
    if record.confusion != scores.confusion:
        yield "its confusion matrix is not that of its predictions"


def _as_old_as(record: Record, value: MetricValue, other: MetricValue | None) -> MetricValue | None:
    """The other without its interval where the record is of before values had one."""
    if other is None or value.interval is not None or record.intervals == INTERVALS_VERSION:
        return other
    return other.model_copy(update={"interval": None})


def _contradictions(table: pd.DataFrame, record: Record) -> Iterator[str]:
    """Where the table contradicts itself, or the record in what it repeats of it."""
    columns = [f"p/{name}" for name in record.classes]
    if "predicted" in table and set(columns) <= set(table) and len(table):
        wrong = int((table[columns].to_numpy().argmax(1) != table["predicted"].to_numpy()).sum())
        if wrong:
            yield f"{PREDICTIONS} names in {wrong} rows another class than the most probable one"
    given = set(table["temperature"]) if "temperature" in table else {None}
    if len(given) > 1 or not same(record.temperature, next(iter(given), None), TOLERANCE):
        yield f"its temperature {record.temperature} is not that of its predictions"
    if {"mask_png", "confusion"} <= set(table) and (wrong := sum(map(_unlike, table["mask_png"], table["confusion"]))):
        yield f"{PREDICTIONS} has in {wrong} rows a confusion that its mask does not give"
    if {"mask_png", "lesions"} <= set(table) and (
        wrong := sum(map(_counts_other, table["mask_png"], table["lesions"]))
    ):
        yield f"{PREDICTIONS} has in {wrong} rows a number of predicted lesions that its mask does not give"


def _unlike(png: bytes, confusion: Sequence[int]) -> bool:
    """Whether the mask has not as many pixels of each class as the confusion says, where they are of one size."""
    counts = np.asarray(confusion, np.int64)
    predicted = counts.reshape(round(len(counts) ** 0.5), -1).sum(0)
    mask = pixels_of(png)
    found = np.bincount(mask.ravel(), minlength=len(predicted)).tolist()
    return bool(mask.size == predicted.sum()) and found != predicted.tolist()


def _counts_other(png: bytes, lesions: Sequence[int]) -> bool:
    """Whether the mask has another number of lesions than the counts say are predicted."""
    mask = pixels_of(png)
    return lesion_counts(mask, mask)[1] != lesions[1]


def _difference(value: MetricValue, other: MetricValue | None, tolerance: float) -> Iterator[str]:
    if other is None:
        yield f"{value.name} is {value.value} in the record, and its predictions give no such metric"
    elif not same(value.value, other.value, tolerance):
        yield f"{value.name} is {value.value} in the record and {other.value} from its predictions"
    elif value.n != other.n:
        yield f"{value.name} is of {value.n} samples in the record and of {other.n} in its predictions"
    elif not _same_beside(value, other, tolerance):
        yield f"{value.name} has another interval, chance level or direction in the record than from its predictions"


def _same_beside(one: MetricValue, other: MetricValue, tolerance: float) -> bool:
    """Whether what stands beside the two values is the same too."""
    ends = zip(one.interval or (None,), other.interval or (None,), strict=False)
    facts = (one.higher_is_better, one.comparable, one.interval is None)
    return (
        facts == (other.higher_is_better, other.comparable, other.interval is None)
        and all(same(*pair, tolerance) for pair in ends)
        and same(one.by_chance, other.by_chance, tolerance)
        and same(one.real_vs_real, other.real_vs_real, tolerance)
        and same(one.ceiling, other.ceiling, tolerance)
    )


def same(one: float | None, other: float | None, tolerance: float) -> bool:
    """Whether the values are equal to ``tolerance`` of the first, or of 1 where it is smaller; None only to None."""
    return one == other if one is None or other is None else abs(one - other) <= tolerance * max(1.0, abs(one))
