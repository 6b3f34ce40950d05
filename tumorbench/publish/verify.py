"""Whether records are true: their files and splits, what the cards say, and every number that can be computed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from tumorbench import tasks
from tumorbench.contracts.cell import cell_key
from tumorbench.contracts.record import Record
from tumorbench.errors import one_line
from tumorbench.publish.claims import check_claims
from tumorbench.publish.contents import is_published
from tumorbench.publish.scores import check_scores, unchecked
from tumorbench.publish.splits import KnownGroups, check_split
from tumorbench.registry import Registry
from tumorbench.store import ARTIFACTS, Store, file_sha256

__all__ = ["check_records", "unchecked"]

MISSING = "publish it again from its store"


def check_records(
    records: Sequence[tuple[Path, Record]], registry: Registry, missing: str = MISSING
) -> Iterator[tuple[Path, list[str]]]:
    """(place, what is wrong with it in one line each) of every record with which something is wrong.

    A metric that is installed here and that a record lacks is nothing wrong, and neither is one that ``unchecked``
    names. records: all of one store, which tell more together. missing: what to do where a file is not there.
    """
    groups = KnownGroups(records)
    for path, record in records:
        try:
            found = list(_check_record(path, record, registry, groups, missing))
        except Exception as error:  # noqa: BLE001 - one bad record must not hide what is wrong with others
            found = [f"it cannot be checked: {one_line(error)}"]
        if found:
            yield path, found


def _check_record(path: Path, record: Record, registry: Registry, groups: KnownGroups, missing: str) -> Iterator[str]:
    if cell_key(record.identity) != record.cell_key:
        yield "its cell key is not that of its identity"
    yield from _check_files(path, record, missing)
    store = next((Store(folder.parent) for folder in path.parents if folder.name == "cells"), None)
    if store is None or store.cell_folder(record.identity, record.cell_key) != path.parent:
        yield "it does not lie in the folder of its cell"
    else:
        yield from check_split(store, path, record, groups)
    yield from check_claims(record, registry)
    if record.status == "ok" and tasks.of(record.identity).scored_from_table:
        yield from check_scores(path, record, registry, missing)
    elif record.confusion is not None or record.temperature is not None:
        yield "it has a confusion matrix or a temperature, which nothing that it stores gives"


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
