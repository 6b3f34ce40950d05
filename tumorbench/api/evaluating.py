"""``tumorbench.evaluate``: the predictions of a model that was trained elsewhere, scored as every other model's."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tumorbench import hardware, tasks
from tumorbench.api.loading import part_of
from tumorbench.api.place import MOST_SEED, Folder, check_fold, context_at, one_of
from tumorbench.api.predictions import Predict
from tumorbench.api.results import Results
from tumorbench.api.sources import Called, Given
from tumorbench.api.tables import read_predictions
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.evaluated import evaluated_card
from tumorbench.contracts.problem import Protocol, Task
from tumorbench.contracts.record import INTERVALS_VERSION, Record, Timing
from tumorbench.data.split import PARTS, measure_leakage
from tumorbench.errors import BadInput
from tumorbench.run.context import Context
from tumorbench.run.identity import identify
from tumorbench.run.lease import Lease
from tumorbench.store import PREDICTIONS, artifact
from tumorbench.tasks import Scores, ScoringInput
from tumorbench.tasks.cell import Cell
from tumorbench.tasks.generation import reference_sets

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evaluate", "ids_tested"]

SPLIT_ALIKE = ("grouped", "official")  # protocols whose split is nobody's own
STAGED = "unfinished"


def evaluate(
    predict: Predict | pd.DataFrame | Folder,
    *,
    dataset: str,
    name: str,
    task: str = "classification",
    protocol: str = "grouped",
    fold: int = 0,
    size: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
    version: str = "1",
    title: str = "",
    store: Folder = "runs",
    data_root: Folder | None = None,
) -> Results:
    """The predictions of a model that was trained elsewhere are scored, and their record lies in the store.

    predict: called with float32 images ``(batch, 1, size, size)`` from 0 to 1, as ``load`` gives them, a numpy array
    (a torch tensor for a ``torch.nn.Module``), and returns for classification logits or probabilities ``(batch,
    classes)``, for segmentation masks ``(batch, size, size)`` or logits ``(batch, 1 + mask classes, size, size)``. For
    generation it is called with labels, int64 ``(batch,)``, and returns images ``(batch, side, side)``, floats from 0
    to 1 or uint8. Or a table of predictions, or its file: ``tumorbench evaluate --help`` names the columns.

    name: what records and boards call the model. seed: tells apart several trainings of one model. size: as of
    ``load``. The same name, version, data set, protocol, fold and seed evaluated again replaces the record.

    Nobody here knows what the model was trained on, so its record is of origin ``evaluated``: it stands on boards in a
    group of its own, is not ranked, and cannot be replayed.

    Raises: BadInput for an unknown or taken name, a protocol other than ``grouped`` and ``official``, or predictions of
    the wrong shape, NaN or None. What ``predict`` itself raises is passed on.

    >>> import tempfile
    >>> import numpy as np
    >>> import tumorbench as tb
    >>> def brightness(images):  # float32 (batch, 1, 32, 32) -> logits of the four classes
    ...     return np.outer(images.mean((1, 2, 3)), [0, 0, -1, 1])
    >>> found = tb.evaluate(brightness, dataset="phantom", name="brightness", size=32, store=tempfile.mkdtemp())
    >>> found.frame().query("metric == 'accuracy'")[["model", "origin", "n"]].values.tolist()
    [['brightness', 'evaluated', 48]]
    """
    began, started = time.perf_counter(), datetime.now(UTC)
    context = context_at(store, data_root)
    card = _card(context, name, one_of("task", task, Task), version, title)
    cell = _cell(context, card, dataset, protocol, fold, seed)
    if isinstance(predict, str | os.PathLike):
        predict, where = read_predictions(Path(predict)), str(predict)
    else:
        where = "the table"
    source = Called(cell, predict, size, batch_size) if callable(predict) else Given(cell, predict, where)
    table = source.table()
    scores = tasks.of(cell.identity).score(table, ScoringInput.of_cell(cell, context.tools()))
    seconds = {"evaluate_s": max(0.001, round(time.perf_counter() - began, 3)), **source.times}
    return Results.of_written(context.store, [_written(cell, context, table, scores, source.facts, seconds, started)])


def ids_tested(
    dataset: str, *, task: str, protocol: str, fold: int, data_root: Folder | None = None
) -> list[tuple[str, str]]:
    """(sample id, class) of each slice that the fold tests, or ("", class) of each image to generate."""
    context = context_at(None, data_root)
    card = evaluated_card("none", one_of("task", task, Task), "1")
    cell = _cell(context, card, dataset, protocol, fold, seed=0)
    classes = cell.dataset.spec.classes
    if card.task == "generation":
        return [("", classes[label]) for label in cell.labels[reference_sets(cell)[0]].tolist()]
    chosen = [cell.dataset.samples[number] for number in cell.split.test.tolist()]
    return [(sample.id, classes[sample.label]) for sample in chosen]


def _card(context: Context, name: str, task: Task, version: str, title: str) -> ModelSpec:
    """The card that stands for the model. Raises: BadInput for what is no id, or an installed model's."""
    if context.registry.has_model(name):
        raise BadInput(f"name {name!r} is an installed model's id, which its own cells have; give another name")
    try:
        return evaluated_card(name, task, version, title)
    except ValidationError:
        raise BadInput(
            f"name {name!r} is no id; give small letters, digits and ._/-, beginning with a letter or digit"
        ) from None


def _cell(context: Context, card: ModelSpec, dataset: str, protocol: str, fold: int, seed: int) -> Cell:
    """The cell whose predictions are scored. Raises: BadInput, Unavailable."""
    spec = context.registry.dataset(dataset)
    if card.task not in spec.tasks:
        raise BadInput(f"{dataset} has no data for {card.task}; it has them for {', '.join(spec.tasks)}")
    named: Protocol = one_of("protocol", protocol, Protocol)
    if named not in SPLIT_ALIKE:
        raise BadInput(f"a model that was trained elsewhere is tested under {' or '.join(SPLIT_ALIKE)}, not {protocol}")
    check_fold(spec, named, fold)
    if type(seed) is not int or not 0 <= seed <= MOST_SEED:
        raise BadInput(f"seed {seed!r} is no whole number from 0 to {MOST_SEED}")
    decoded, split = part_of(context, dataset, protocol, fold)
    identity = identify(decoded, card, named, split, "full", seed).model_copy(update={"origin": "evaluated"})
    return Cell(identity, card, decoded, split)


def _written(
    cell: Cell,
    context: Context,
    table: pd.DataFrame,
    scores: Scores,
    facts: dict[str, Any],
    seconds: dict[str, float],
    started: datetime,
) -> Record:
    """The record, which lies in the store with its predictions and its split.

    Raises: BadInput where it cannot be written.
    """
    folder = context.store.cell_folder(cell.identity, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    lease = Lease.acquire(folder)
    if lease is None:
        raise BadInput(f"another process is writing the record in {folder}; evaluate again when it has ended")
    try:
        before = context.store.finished(cell.identity, cell.key)
        times = 1 + (before.environment.get("evaluated", {}).get("times", 1) if before else 0)
        context.keep_split(cell)
        staged = folder / STAGED
        staged.mkdir(exist_ok=True)
        table.to_parquet(staged / PREDICTIONS, index=False)
        record = _record(cell, scores, facts | {"times": times}, seconds, started).model_copy(
            update={"artifacts": (artifact("predictions", staged, staged / PREDICTIONS),)}
        )
        context.store.replace(record, staged)
    except OSError as error:
        raise BadInput(
            f"{folder} cannot be written ({error.strerror or error}); make room, or give another store"
        ) from None
    finally:
        lease.release()
    return record


def _record(cell: Cell, scores: Scores, facts: dict[str, Any], seconds: dict[str, float], started: datetime) -> Record:
    identity, spec = cell.identity, cell.dataset.spec
    called = f"dataset={identity.dataset!r}, name={identity.model!r}, task={identity.task!r}"
    return Record(
        cell_key=cell.key,
        status="ok",
        identity=identity,
        dataset_title=spec.title,
        model_title=cell.model.title,
        synthetic=spec.synthetic,
        sizes={part: len(getattr(cell.split, part)) for part in PARTS},
        leakage=measure_leakage(cell.split),
        metrics=tuple(scores.metrics),
        instruments=tuple(scores.instruments),
        intervals=INTERVALS_VERSION,
        confusion=scores.confusion,
        classes=spec.classes,
        timing=Timing(**seconds, total_s=seconds["evaluate_s"]),
        hardware=hardware.describe_hardware("cpu"),
        environment=hardware.describe_environment() | {"evaluated": facts},
        command=f"tumorbench.evaluate(..., {called}, protocol={identity.protocol!r}, fold={identity.fold}, "
        f"seed={identity.seed})",
        started_at=started.isoformat(timespec="seconds"),
    )
