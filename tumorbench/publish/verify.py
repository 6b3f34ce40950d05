"""Whether records are true: their files and splits, what the cards say, and every number that can be computed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from tumorbench import tasks
from tumorbench.contracts.cell import cell_key
from tumorbench.contracts.record import Record
from tumorbench.errors import one_line
from tumorbench.publish.bundle import bundle_conflicts
from tumorbench.publish.checks.anew import IMAGES, PRETRAINING, FromData
from tumorbench.publish.checks.claims import check_claims
from tumorbench.publish.checks.copies import find_copies
from tumorbench.publish.checks.facts import Facts, Level, Listed, Unknown
from tumorbench.publish.checks.plausible import check_plausible
from tumorbench.publish.checks.scores import check_scores, unchecked
from tumorbench.publish.checks.splits import check_split, unmeasured
from tumorbench.publish.checks.testimony import Testimony
from tumorbench.publish.contents import is_published, store_of
from tumorbench.registry import Registry
from tumorbench.store import ARTIFACTS, file_sha256

__all__ = ["MISSING", "Checked", "check_records"]

MISSING = "publish it again from its store"
ELSEWHERE = "what its model is and has seen: it was trained elsewhere, and its predictions alone are checked"


@dataclass(slots=True)
class Checked:
    """What a check found of one record.

    problems: what is wrong with it, one line each. left_open: what this check cannot tell, one line each.
    unchecked: its metrics that no installed plugin has in that version. level: how it was checked; "" where something
    is wrong or left open.
    """

    problems: list[str] = field(default_factory=list)
    left_open: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    level: Level | Literal[""] = ""


def check_records(
    records: Sequence[tuple[Path, Record]], registry: Registry, missing: str = MISSING, facts: Facts | None = None
) -> dict[Path, Checked]:
    """What is wrong with each record, and what is left open. Raises nothing.

    A metric that is installed here and that a record lacks is nothing wrong, and neither is one that is not installed.
    records: all of one store, which tell more together. missing: what to do where a file is not there. facts: who knows
    the splits; by default what the cards of the data sets list.
    """
    known = facts or Listed(registry)
    testimony, copies, conflicts = Testimony(records, known), find_copies(records), bundle_conflicts(records)
    checked = {}
    for path, record in records:
        found = checked[path] = Checked()
        try:
            found.problems += _check_record(path, record, registry, known, testimony, missing)
            found.problems += [*copies.get(path, ()), *conflicts.get(path, ())]
            _look_further(path, record, registry, known, found)
        except Exception as error:  # noqa: BLE001 - one bad record must not hide what is wrong with others
            found.problems.append(f"it cannot be checked: {one_line(error)}")
        if not (found.problems or found.left_open or found.unchecked):
            found.level = known.level(record.identity)
    return checked


def _check_record(
    path: Path, record: Record, registry: Registry, facts: Facts, testimony: Testimony, missing: str
) -> Iterator[str]:
    if cell_key(record.identity) != record.cell_key:
        yield "its cell key is not that of its identity"
    yield from _check_files(path, record, missing)
    store = store_of(path)
    if store is None or store.cell_folder(record.identity, record.cell_key) != path.parent:
        yield "it does not lie in the folder of its cell"
    else:
        yield from check_split(store, path, record, facts, testimony)
    yield from check_claims(record, registry)
    yield from check_plausible(record)
    if record.status == "ok" and tasks.of(record.identity).scored_from_table:
        yield from check_scores(path, record, registry, missing)
    elif record.confusion is not None or record.temperature is not None:
        yield "it has a confusion matrix or a temperature, which nothing that it stores gives"


def _look_further(path: Path, record: Record, registry: Registry, facts: Facts, found: Checked) -> None:
    """What is left open is in ``found``, and what only the data tell."""
    known = facts.of(record.identity)
    if not isinstance(known, Unknown):
        found.left_open += unmeasured(record, known)
    elif not known.refused:
        found.left_open.append(known.reason)
    found.unchecked += unchecked(record, registry)
    if record.identity.origin == "evaluated":
        found.left_open.append(ELSEWHERE)
    if isinstance(facts, FromData):
        faults, left_open = facts.check(path, record)
        found.problems += faults
        found.left_open += left_open
        return
    if record.identity.starts_from:
        found.left_open.append(f"{PRETRAINING}: verify --data measures it")
    if not tasks.of(record.identity).scored_from_table:
        found.left_open.append(
            f"{IMAGES}: they are not published; verify --data compares them, and replay makes them again"
        )


def _check_files(path: Path, record: Record, missing: str) -> Iterator[str]:
    """Each file that the record names lies beside it and is the one that it was."""
    for artifact in record.artifacts:
        parts = PurePosixPath(artifact.path).parts
        if parts[:1] not in [(name,) for name in ARTIFACTS] or ".." in parts:
            yield f"its artifact {ascii(artifact.path)[:120]} is none that a cell leaves"
            continue
        file = path.parent / artifact.path
        if file.is_file() and file_sha256(file) != artifact.sha256:
            yield f"{artifact.path} was changed after the record was written"
        elif not file.is_file() and is_published(record, artifact):
            yield f"{artifact.path} is missing; {missing}"
