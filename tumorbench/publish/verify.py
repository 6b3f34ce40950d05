"""Whether what is published is true: files, splits, and metrics computed again by what scored them in the run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tumorbench import tasks
from tumorbench.contracts.cell import cell_key
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.data.split import PARTS
from tumorbench.errors import BadInput, one_line
from tumorbench.publish.contents import is_published, split_file
from tumorbench.registry import Registry
from tumorbench.store import PREDICTIONS, Store, file_sha256, read_json
from tumorbench.tasks.base import ScoringInput
from tumorbench.tasks.instruments import source_of
from tumorbench.tasks.predictions import COPY

__all__ = ["check_record", "unchecked"]

TOLERANCE = 1e-9  # between a published metric and the one computed again from its predictions


def check_record(path: Path, record: Record, registry: Registry) -> Iterator[str]:
    """What is wrong with a published record, one line each. Raises nothing.

    Its key and place, its files, its split, and its metrics against its predictions. A metric that is installed here
    and that the record lacks is nothing wrong, and neither is one that ``unchecked`` names.
    """
    if cell_key(record.identity) != record.cell_key:
        yield "its cell key is not that of its identity"
    for artifact in record.artifacts:
        file = path.parent / artifact.path
        if file.is_file() and file_sha256(file) != artifact.sha256:
            yield f"{artifact.path} was changed after the record was written"
        elif not file.is_file() and is_published(record, artifact):
            yield f"{artifact.path} is missing; publish it again from its store"
    store = next((Store(folder.parent) for folder in path.parents if folder.name == "cells"), None)
    if store is None or store.cell_folder(record.identity, record.cell_key) != path.parent:
        yield "it does not lie in the folder of its cell"
    yield from _split_problems(store, path, record) if store else ()
    if record.status == "ok" and tasks.of(record.identity).scored_from_table:
        yield from _metric_problems(path, record, registry)


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


def _split_problems(store: Store, path: Path, record: Record) -> Iterator[str]:
    """The split is there, as large as the record says, and nothing was predicted that it does not test."""
    import pandas as pd

    file = split_file(store, record.identity)
    if file is None:
        yield f"no file in {store.split_path(record.identity.dataset, '').parent} is the split that its identity names"
        return
    ids = {part: read_json(file)[part] for part in PARTS}
    if record.sizes != {part: len(ids[part]) for part in PARTS}:
        yield f"its sizes {record.sizes} are not those of its split {file.name}"
    predictions = path.parent / PREDICTIONS
    if tasks.of(record.identity).scored_from_table and predictions.is_file():
        try:
            predicted = pd.read_parquet(predictions, columns=["sample_id"])["sample_id"]
            strange = {each.partition(COPY)[0] for each in predicted} - set(ids["test"])
        except Exception:  # noqa: BLE001 - a file that cannot be read is told where it is scored
            return
        if strange:
            yield f"{PREDICTIONS} has {len(strange)} slices that its split does not test, {min(strange)} among them"


def _metric_problems(path: Path, record: Record, registry: Registry) -> Iterator[str]:
    if not any(artifact.path == PREDICTIONS for artifact in record.artifacts):
        yield f"its artifacts do not name {PREDICTIONS}, so that nothing says whether it was changed"
    try:
        yield from _differences(path, record, registry)
    except Exception as error:  # noqa: BLE001 - one bad record must not hide what is wrong with others
        yield f"it cannot be scored again: {one_line(error)}"


def _differences(path: Path, record: Record, registry: Registry) -> Iterator[str]:
    """Where the record's metrics are not those of its predictions. Raises: whatever reading or scoring them raises."""
    import pandas as pd

    predictions, task = path.parent / PREDICTIONS, tasks.of(record.identity)
    if not predictions.exists():
        raise BadInput(f"{predictions} is missing; publish it again from its store")
    table = pd.read_parquet(predictions)
    scores = task.score(table, ScoringInput.of_record(record, registry))
    again, left_out = {value.name: value for value in scores.metrics}, set(unchecked(record, registry))
    for value in record.metrics:
        if _named(value) not in left_out and task.holds(table, value.name):
            yield from _difference(value, again.get(value.name))


def _difference(value: MetricValue, other: MetricValue | None) -> Iterator[str]:
    if other is None:
        yield f"{value.name} is {value.value} in the record, and its predictions give no such metric"
    elif not _same(value.value, other.value):
        yield f"{value.name} is {value.value} in the record and {other.value} from its predictions"
    elif value.n != other.n:
        yield f"{value.name} is of {value.n} samples in the record and of {other.n} in its predictions"


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= TOLERANCE * max(1.0, abs(one))
