"""Boards from records, records from the store to the repository, and the check that what is published is true."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tumorbench import evaluate, results
from tumorbench.boards import BoardCards, LocatedRecord, render_boards
from tumorbench.contracts.cell import cell_key
from tumorbench.contracts.factory import load
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.results import Store

__all__ = ["boards_of", "check_boards", "check_record", "find_record", "publish", "write_boards"]

PUBLISHED_FIGURES = ("learning curves", "confusion matrix", "intensities")  # no picture of a patient is ever published
TOLERANCE = 1e-9  # between a published metric and the one computed again from its predictions


def boards_of(records: Path, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards of every record below ``records``, as text by file name, with links relative to ``boards``."""
    store = Store(records)
    located = [LocatedRecord(record, Path(os.path.relpath(path, boards)).as_posix()) for path, record in store.records()]
    cards = BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))
    return render_boards(located, [speed for _, speed in store.throughputs()], cards)


def write_boards(records: Path, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards lie in ``boards``. Returns their texts by file name."""
    texts = boards_of(records, boards, registry)
    boards.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (boards / name).write_text(text)
    return texts


def check_boards(records: Path, boards: Path, registry: Registry) -> list[str]:
    """The names of boards that differ from what their records give."""
    return [name for name, text in boards_of(records, boards, registry).items() if not (boards / name).exists() or (boards / name).read_text() != text]


def find_record(store: Store, name: str) -> tuple[Path, Record]:
    """The one record whose cell key begins with ``name``, or that lies at that path. Raises: BadInput for none or several."""
    if (path := Path(name)).is_file():
        return path, results.read_record(path)
    found = [(path, record) for path, record in store.records() if record.cell_key.startswith(name)]
    if not found:
        raise BadInput(f"no record in {store.root} has a cell key that begins with {name!r}; name the store with --store, or give a record's path")
    if len(found) > 1:
        raise BadInput(f"{len(found)} records in {store.root} have a cell key that begins with {name!r}; give more of the key, or the record's path")
    return found[0]


def publish(store: Store, published: Store) -> list[Path]:
    """Every finished record of the store lies in ``published``, with what may be shown of its artifacts. Returns the records' paths there."""
    paths = []
    for path, record in store.records():
        if record.status != "ok":
            continue
        target = published.write(record)
        for artifact in record.artifacts:
            wanted = (artifact.kind == "predictions" and record.identity.task != "generation") or artifact.title in PUBLISHED_FIGURES
            if wanted:
                (target.parent / artifact.path).parent.mkdir(exist_ok=True)
                shutil.copyfile(path.parent / artifact.path, target.parent / artifact.path)
        paths.append(target)
    for path, speed in store.throughputs():
        results.write_json(published.root / path.relative_to(store.root), speed)
        paths.append(published.root / path.relative_to(store.root))
    return paths


def check_record(path: Path, record: Record, registry: Registry) -> Iterator[str]:
    """What is wrong with a published record, one line each: its key, its files' hashes, its metrics against its predictions."""
    if cell_key(record.identity) != record.cell_key:
        yield "its cell key is not that of its identity"
    for artifact in record.artifacts:
        file = path.parent / artifact.path
        if file.exists() and results.file_sha256(file) != artifact.sha256:
            yield f"{artifact.path} was changed after the record was written"
    again = {value.name: value for value in scored_again(path, record, registry)}
    for value in record.metrics:
        other = again.get(value.name)
        if other is not None and not _same(value.value, other.value):
            yield f"{value.name} is {value.value} in the record and {other.value} from its predictions"


def scored_again(path: Path, record: Record, registry: Registry) -> list[MetricValue]:
    """The record's metrics computed from its predictions. Empty for generation, whose scores need the real images too."""
    import pandas as pd

    predictions = path.parent / "predictions.parquet"
    task = record.identity.task
    if task == "generation":
        return []
    if not predictions.exists():
        raise BadInput(f"{predictions} is missing, so that {path} cannot be scored again; publish it again from its store")
    metrics = [evaluate.Metric(spec, load(spec.factory)) for spec in registry.metrics.values() if spec.task == task]
    frame = pd.read_parquet(predictions)
    if task == "classification":
        return evaluate.score_classification(frame, record.classes, metrics)
    foreground = round(len(frame["confusion"][0]) ** 0.5) - 1
    dataset = registry.datasets.get(record.identity.dataset)
    names = dataset.mask_classes if dataset else tuple(f"foreground-{number}" for number in range(1, foreground + 1))
    return evaluate.score_segmentation(frame, names, metrics)


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= TOLERANCE * max(1.0, abs(one))
