"""Records of schema 2 as records of this schema: what was asked for, without what a machine or its metrics added."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError

from tumorbench import tasks
from tumorbench.contracts.card import Card
from tumorbench.contracts.cell import CellIdentity, Judge, canonical_json, cell_key
from tumorbench.contracts.problem import TSTR_SPLITS, Protocol, Task
from tumorbench.contracts.recipe import CELL, Recipe
from tumorbench.contracts.record import SCHEMA_VERSION, Artifact, Instrument, Record
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.run.lost import command_of
from tumorbench.tasks.scores.instruments import source_of

__all__ = ["FILE", "OLD_SCHEMA", "OldRecord", "read_old", "translated"]

OLD_SCHEMA, OLD_KEY_VERSION = 2, 2
FIRST = "1"  # the version of every metric and extractor in the time of schema 2
FILE = "sha256:"  # in a recipe's ``pretrained``: a file by its content
MOVED = ABSENT, FAULTS = "extractors_unavailable", "metrics_without_value"  # of the environment, to the instruments
OriginOf = Callable[[str], str | None]
"""SHA-256 of a checkpoint -> the new key of the cell that made it, None where the store has none."""


class OldIdentity(Card):
    """A cell's identity under key version 2."""

    dataset: str
    dataset_fingerprint: str
    protocol: Protocol
    split_fingerprint: str
    fold: int
    task: Task
    model: str
    model_version: str
    recipe: Recipe  # as the budget runs it, precision resolved
    seed: int
    budget: Literal["full", "quick"]
    metric_suite: str  # fingerprint of the metrics' ids and versions, or of the classifier that judges a generator
    key_version: int = OLD_KEY_VERSION


class OldRecord(Card):
    """A record of schema 2: the fields that a migration looks at. The others are kept beside them."""

    model_config = ConfigDict(extra="allow")

    cell_key: str
    status: str
    started_at: str = ""
    identity: OldIdentity
    timing: dict[str, Any]
    environment: dict[str, Any]
    artifacts: tuple[Artifact, ...]


def read_old(content: dict[str, Any]) -> OldRecord:
    """The record of schema 2. Raises: BadInput for what is none, or where its cell key is not that of its identity."""
    try:
        old = OldRecord.model_validate(content)
    except ValidationError as error:
        raise BadInput(_first_fault(error)) from None
    asked = {**old.identity.model_dump(mode="json", exclude_defaults=True), "key_version": old.identity.key_version}
    if hashlib.sha256(canonical_json(asked)).hexdigest() != old.cell_key:
        raise BadInput("its cell key is not that of its identity")
    return old


def translated(old: OldRecord, registry: Registry, origin_of: OriginOf) -> Record:
    """The record of schema 2 as one of this schema. Raises: BadInput, saying why it cannot be one."""
    identity = _identity(old.identity, registry, origin_of)
    environment = {name: value for name, value in old.environment.items() if name not in MOVED}
    sessions = 1 if old.timing.get("resumed_from_epoch") is None else 2
    content = old.model_dump(mode="json") | {
        "schema_version": SCHEMA_VERSION,
        "cell_key": cell_key(identity),
        "identity": identity,
        "precision": old.identity.recipe.precision,
        "timing": {**old.timing, "sessions": sessions},
        "environment": environment,
        "command": command_of(identity),
    }
    try:
        record = Record.model_validate(content)
    except ValidationError as error:
        raise BadInput(_first_fault(error)) from None
    if record.status != "ok":
        return record
    return record.model_copy(update={"instruments": tuple(_instruments(record, old, registry))})


def _first_fault(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"it is no valid record ({'.'.join(map(str, first['loc']))}: {first['msg']})"


def _identity(old: OldIdentity, registry: Registry, origin_of: OriginOf) -> CellIdentity:
    """What was asked for: precision as the model's card declares it, and the cell that it starts from by its key."""
    declared, starts_from = registry.model(old.model).recipe, None
    changes: dict[str, Any] = {}
    if declared.precision in ("auto", old.recipe.precision):  # else the card changed since
        changes["precision"] = declared.precision
    if (declared.pretrained or "").startswith(CELL) and (old.recipe.pretrained or "").startswith(FILE):
        starts_from = origin_of(str(old.recipe.pretrained).removeprefix(FILE))
        if starts_from:  # else it was a file that somebody gave, and stays one
            changes["pretrained"] = str(declared.pretrained)
    kept = old.model_dump(exclude={"metric_suite", "key_version", "recipe"})
    recipe = old.recipe.model_copy(update=changes)
    return CellIdentity(**kept, recipe=recipe, starts_from=starts_from, judge=_judge(old, registry))


def _judge(old: OldIdentity, registry: Registry) -> Judge | None:
    """The classifier whose fingerprint the old identity holds. Raises: BadInput where no installed one has it."""
    if old.protocol not in TSTR_SPLITS:
        return None
    for spec in registry.models.values():
        judge = Judge(model=spec.id, model_version=spec.version, recipe=spec.recipe.for_budget(old.budget))
        if _fingerprint_of_judge(judge) == old.metric_suite:
            return judge
    raise BadInput("the classifier that judged its images is not installed, or its recipe changed since")


def _fingerprint_of_judge(judge: Judge) -> str:
    return _fingerprint([judge.procedure, judge.model, judge.model_version, judge.recipe.model_dump(mode="json")])


def _fingerprint_of_metrics(task: Task, registry: Registry) -> str:
    metrics = sorted((spec.id, spec.version) for spec in registry.metrics.values() if spec.task == task)
    extractors = sorted((spec.id, spec.version) for spec in registry.extractors.values())
    return _fingerprint([metrics, extractors if task == "generation" else []])


def _fingerprint(content: list[Any]) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()[:16]


def _instruments(record: Record, old: OldRecord, registry: Registry) -> Iterator[Instrument]:
    """What the record was scored by.

    That is what is installed, where the old fingerprint proves that it was the same then. What the fingerprint does not
    cover was there if it gave a value, and of its first version.
    """
    identity, valued = record.identity, {source_of(value) for value in record.metrics}
    proven = identity.judge or _fingerprint_of_metrics(identity.task, registry) == old.identity.metric_suite
    for each in tasks.of(identity).instruments(identity, registry):
        key, spec = (each.metric, each.extractor), registry.metrics.get(each.metric)
        if proven and (spec is None or spec.task == identity.task):
            yield each.model_copy(update={"reason": _reason(each, old.environment, has_value=key in valued)})
            valued.discard(key)
    if not identity.judge:
        yield from (_of_first_version(metric, extractor, registry) for metric, extractor in sorted(valued, key=str))


def _reason(instrument: Instrument, environment: Mapping[str, Any], *, has_value: bool) -> str:
    """Why it gave no value, as schema 2 said it in the environment; "" where it gave one, or was of no use."""
    faults = environment.get(FAULTS, {})
    if has_value:
        fault = faults.get(f"interval of {instrument.metric}")
        return f"no interval: {fault}" if fault else ""
    absent = environment.get(ABSENT, {}).get(instrument.extractor)
    return f"extractor not available: {absent}" if absent else faults.get(instrument.metric, "")


def _of_first_version(metric: str, extractor: str | None, registry: Registry) -> Instrument:
    return Instrument(
        metric=metric,
        version=FIRST,
        plugin=registry.provider("metrics", metric) if metric in registry.metrics else "?",
        extractor=extractor,
        extractor_version=FIRST if extractor else None,
    )
