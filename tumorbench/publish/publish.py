"""Boards from records, records from the store to the repository, and the check that what is published is true."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tumorbench.boards import BoardCards, LocatedRecord, render_boards, render_reproductions
from tumorbench.contracts.cell import CellIdentity, canonical_json, cell_key
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import Artifact, MetricValue, Record
from tumorbench.data.split import PARTS
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.store import PREDICTIONS, Store, file_sha256, read_json, read_record, write_json
from tumorbench.tables.columns import is_judged, split_of
from tumorbench.tables.memorised import shares_samples
from tumorbench.tasks import scoring
from tumorbench.tasks.instruments import metrics_of
from tumorbench.tasks.synthetic import ON_WHAT_IT_LEARNT, judged_metrics

__all__ = ["boards_of", "check_boards", "check_record", "find_record", "publish", "write_boards"]

PUBLISHED_FIGURES = (
    "learning curves",
    "confusion matrix",
    "calibration",
    "intensities",
)  # no picture of a patient is ever published
GENERATED_FIGURES = ("samples", "samples over training")
TOLERANCE = 1e-9  # between a published metric and the one computed again from its predictions


def boards_of(records: Path, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards and reproduction pages of every record below ``records``, as text by file name, with links relative to ``boards``."""
    store = Store(records)
    located = [
        LocatedRecord(record, Path(os.path.relpath(path, boards)).as_posix()) for path, record in store.records()
    ]
    cards = BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))
    return render_boards(located, [speed for _, speed in store.throughputs()], cards) | render_reproductions(
        located, cards
    )


def write_boards(records: Path, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards lie in ``boards``. Returns their texts by file name."""
    texts = boards_of(records, boards, registry)
    for name, text in texts.items():
        (boards / name).parent.mkdir(parents=True, exist_ok=True)
        (boards / name).write_text(text)
    return texts


def check_boards(records: Path, boards: Path, registry: Registry) -> list[str]:
    """The names of boards that differ from what their records give."""
    return [
        name
        for name, text in boards_of(records, boards, registry).items()
        if not (boards / name).exists() or (boards / name).read_text() != text
    ]


def find_record(store: Store, name: str) -> tuple[Path, Record]:
    """The one record whose cell key begins with ``name``, or that lies at that path. Raises: BadInput for none or several."""
    if (path := Path(name)).is_file():
        return path, read_record(path)
    found = [(path, record) for path, record in store.records() if record.cell_key.startswith(name)]
    if not found:
        raise BadInput(
            f"no record in {store.root} has a cell key that begins with {name!r}; name the store with --store, or give a record's path"
        )
    if len(found) > 1:
        raise BadInput(
            f"{len(found)} records in {store.root} have a cell key that begins with {name!r}; give more of the key, or the record's path"
        )
    return found[0]


def publish(store: Store, published: Store) -> list[Path]:
    """Every finished record of the store lies in ``published``, with its split and what may be shown of its artifacts. Returns the records' paths there.

    Raises: BadInput where the store lacks one of these files.
    """
    paths = [_publish_cell(path, record, store, published) for path, record in store.records() if record.status == "ok"]
    for path, speed in store.throughputs():
        write_json(published.root / path.relative_to(store.root), speed)
        paths.append(published.root / path.relative_to(store.root))
    return paths


def _publish_cell(path: Path, record: Record, store: Store, published: Store) -> Path:
    chosen = _split_file(store, record.identity)
    if chosen is None:
        raise BadInput(f"the split of {path} is not in {store.root / 'splits'}; run: {record.command} --force")
    copy = published.root / chosen.relative_to(store.root)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(chosen, copy)
    with TemporaryDirectory(dir=published.root) as folder:
        staged = Path(folder) / "artifacts"
        staged.mkdir()
        for artifact in (each for each in record.artifacts if _is_published(record, each)):
            (staged / artifact.path).parent.mkdir(exist_ok=True)
            try:
                shutil.copyfile(path.parent / artifact.path, staged / artifact.path)
            except FileNotFoundError:
                raise BadInput(f"{path.parent / artifact.path} is missing; run: {record.command} --force") from None
        return published.replace(_without_home(record), staged)


def _without_home(record: Record) -> Record:
    """The record without the publisher's home folder in what it says of the environment."""
    text = json.dumps(record.environment).replace(json.dumps(str(Path.home()))[1:-1], "~")
    return record.model_copy(update={"environment": json.loads(text)})


def _is_published(record: Record, artifact: Artifact) -> bool:
    """Predictions unless they are images, figures without images, and generated ones of a generator that does not repeat its training images."""
    if artifact.kind == "predictions":
        return _is_scored_again(record)
    return artifact.title in PUBLISHED_FIGURES or (artifact.title in GENERATED_FIGURES and shares_samples(record))


def _is_scored_again(record: Record) -> bool:
    """Whether the record's metrics follow from its predictions; a generator's need the real images too."""
    return record.identity.task != "generation" or record.identity.protocol in TSTR_SPLITS


def _split_file(store: Store, identity: CellIdentity) -> Path | None:
    """The store's split that has the identity's fingerprint, by the ids in it; None where there is none."""
    found = store.split_path(identity.dataset, "").parent.glob(
        f"{split_of(identity.protocol)}-fold{identity.fold}-*.json"
    )
    return next((path for path in sorted(found) if _split_fingerprint(path) == identity.split_fingerprint), None)


def _split_fingerprint(path: Path) -> str:
    """As ``Split.fingerprint``, of a stored split; "" of a file that holds none."""
    try:
        stored = read_json(path)
    except BadInput:
        return ""
    return hashlib.sha256(canonical_json({part: stored.get(part) for part in PARTS})).hexdigest()


def check_record(path: Path, record: Record, registry: Registry) -> Iterator[str]:
    """What is wrong with a published record, one line each: its key and place, its files, its split, its metrics against its predictions. Raises nothing."""
    if cell_key(record.identity) != record.cell_key:
        yield "its cell key is not that of its identity"
    for artifact in record.artifacts:
        file = path.parent / artifact.path
        if file.is_file() and file_sha256(file) != artifact.sha256:
            yield f"{artifact.path} was changed after the record was written"
        elif not file.is_file() and _is_published(record, artifact):
            yield f"{artifact.path} is missing; publish it again from its store"
    store = next((Store(folder.parent) for folder in path.parents if folder.name == "cells"), None)
    if store is None or store.cell_folder(record.identity, record.cell_key) != path.parent:
        yield "it does not lie in the folder of its cell"
    yield from _split_problems(store, path, record) if store else ()
    if record.status == "ok" and _is_scored_again(record):
        yield from _metric_problems(path, record, registry)


def _split_problems(store: Store, path: Path, record: Record) -> Iterator[str]:
    """The split is there, as large as the record says, and nothing was predicted that it does not test."""
    import pandas as pd

    file = _split_file(store, record.identity)
    if file is None:
        yield f"no file in {store.split_path(record.identity.dataset, '').parent} is the split that its identity names"
        return
    ids = {part: read_json(file)[part] for part in PARTS}
    if record.sizes != {part: len(ids[part]) for part in PARTS}:
        yield f"its sizes {record.sizes} are not those of its split {file.name}"
    predictions = path.parent / PREDICTIONS
    if _is_scored_again(record) and predictions.is_file():
        try:
            predicted = pd.read_parquet(predictions, columns=["sample_id"])["sample_id"]
            strange = {each.partition(scoring.COPY)[0] for each in predicted} - set(ids["test"])
        except Exception:  # noqa: BLE001 - a file that cannot be read is told where it is scored
            return
        if strange:
            yield f"{PREDICTIONS} has {len(strange)} slices that its split does not test, {min(strange)} among them"


def _metric_problems(path: Path, record: Record, registry: Registry) -> Iterator[str]:
    if not any(artifact.path == PREDICTIONS for artifact in record.artifacts):
        yield f"its artifacts do not name {PREDICTIONS}, so that nothing says whether it was changed"
    try:
        again = {value.name: value for value in scored_again(path, record, registry)}
    except Exception as error:  # noqa: BLE001 - one record that cannot be scored must not hide what is wrong with the others
        yield f"it cannot be scored again: {type(error).__name__}: {' '.join(str(error).split())}"[:500]
        return
    for value in (
        each for each in record.metrics if not (is_judged(each.name) and each.name.endswith(ON_WHAT_IT_LEARNT))
    ):
        other = again.get(value.name)
        if other is None:
            yield f"{value.name} is {value.value} in the record, and its predictions give no such metric"
        elif not _same(value.value, other.value):
            yield f"{value.name} is {value.value} in the record and {other.value} from its predictions"
        elif value.n != other.n:
            yield f"{value.name} is of {value.n} samples in the record and of {other.n} in its predictions"


def scored_again(path: Path, record: Record, registry: Registry) -> list[MetricValue]:
    """The record's metrics computed from its predictions. Empty for generators' images, whose scores need the real ones too."""
    import pandas as pd

    predictions = path.parent / "predictions.parquet"
    task = record.identity.task
    if not _is_scored_again(record):
        return []
    if not predictions.exists():
        raise BadInput(
            f"{predictions} is missing, so that {path} cannot be scored again; publish it again from its store"
        )
    frame = pd.read_parquet(predictions)
    if task == "generation":
        return judged_metrics(frame)
    metrics = metrics_of(registry, "classification", "segmentation", faults={})
    dataset = registry.datasets.get(record.identity.dataset)
    foreground = range(1, round(len(frame["confusion"][0]) ** 0.5)) if task == "segmentation" else ()
    names = dataset.mask_classes if dataset else tuple(f"foreground-{number}" for number in foreground)
    return scoring.score_predictions(frame, task, record.classes, names, metrics, {})


def _same(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= TOLERANCE * max(1.0, abs(one))
