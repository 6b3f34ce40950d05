"""A store of record schema 2 becomes one of this schema, in place and cell by cell."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import SCHEMA_VERSION, Record, Throughput
from tumorbench.errors import BadInput, TumorbenchError
from tumorbench.publish.schema2 import FILE, OLD_SCHEMA, OldRecord, read_old, translated
from tumorbench.registry import Registry
from tumorbench.store import RECORD, Store, read_json, read_record, write_json

__all__ = ["Migration", "migrate"]

SCRATCH = ".migrate-"  # begins the name of the folder in which a cell's new folder is made


@dataclass(slots=True)
class Migration:
    """What a migration did."""

    moved: list[Path] = field(default_factory=list)  # new places of records
    replaced: list[Path] = field(default_factory=list)  # old places of records whose cell has a later one
    problems: dict[Path, str] = field(default_factory=dict)  # place -> why it stays as it is


def migrate(store: Store, registry: Registry) -> Migration:
    """Every record of schema 2 is one of this schema, in the folder of its new key, with its artifacts as they were.

    Each cell is moved as a whole or not at all, so that a killed migration goes on with the next call. Of two records
    of one cell the finished one stays, or of two finished ones the later.
    """
    if not store.root.is_dir():
        raise BadInput(f"the store {store.root} is not a folder; name one with --store DIR")
    for left in store.root.glob(f"{SCRATCH}*"):
        shutil.rmtree(left)
    result, old = Migration(), _OldRecords(registry)
    for path in sorted(store.root.glob("throughput/*.json")):
        try:
            _move_throughput(path, result)
        except TumorbenchError as reason:
            result.problems[path] = str(reason)
    for path in sorted(store.root.glob(f"cells/**/{RECORD}")):
        try:
            old.add(path)
        except TumorbenchError as reason:
            result.problems[path] = str(reason)
    for path in old.in_order():
        try:
            _move_cell(path, old.translated(path), store, result)
        except TumorbenchError as reason:
            result.problems[path] = str(reason)
    return result


@dataclass(slots=True)
class _OldRecords:
    """The records of schema 2 of one store, and where each checkpoint comes from."""

    registry: Registry
    records: dict[Path, OldRecord] = field(default_factory=dict)
    origins: dict[str, Path | str] = field(default_factory=dict)  # SHA-256 of a checkpoint -> old record, or new key
    done: dict[Path, Record] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """The record in ``path`` is known. Raises: BadInput for one that cannot be moved, whatever is installed."""
        content = read_json(path)
        version = content.get("schema_version")
        if version == SCHEMA_VERSION:
            new = read_record(path)
            self._made(new, new.cell_key)
        elif version == OLD_SCHEMA:
            self.records[path] = read_old(content)
            self._made(self.records[path], path)
        else:
            raise BadInput(f"it is of record schema {version}; delete it to run its cell again")

    def _made(self, record: OldRecord | Record, where: Path | str) -> None:
        """The record's checkpoint comes from there, unless it only asks what another cell's generator is worth."""
        if record.status == "ok" and record.identity.protocol not in TSTR_SPLITS:
            for artifact in (each for each in record.artifacts if each.kind == "checkpoint"):
                self.origins.setdefault(artifact.sha256, where)

    def in_order(self) -> list[Path]:
        """The records' places, of two records of one cell that which stays before the other.

        Those that start from another cell's weights come first, while its old record is there.
        """
        best_first = sorted(sorted(self.records), key=lambda path: _order(self.records[path]), reverse=True)
        return sorted(best_first, key=lambda path: not self._is_heir(path))

    def _is_heir(self, path: Path) -> bool:
        return (self.records[path].identity.recipe.pretrained or "").startswith(FILE)

    def translated(self, path: Path) -> Record:
        """The record as one of this schema. Raises: BadInput, as ``schema2.translated``."""
        if path not in self.done:
            self.done[path] = translated(self.records[path], self.registry, self._origin)
        return self.done[path]

    def _origin(self, sha256: str) -> str | None:
        """The new key of the cell that made the checkpoint; None where this store has none."""
        where = self.origins.get(sha256)
        return self.translated(where).cell_key if isinstance(where, Path) else where


def _move_throughput(path: Path, result: Migration) -> None:
    content = read_json(path)
    if content.get("schema_version") != OLD_SCHEMA:
        return
    try:
        write_json(path, Throughput.model_validate(content | {"schema_version": SCHEMA_VERSION}))
    except ValidationError as error:
        raise BadInput(f"it is no valid record ({error.errors()[0]['msg']})") from None
    result.moved.append(path)


def _move_cell(path: Path, record: Record, store: Store, result: Migration) -> None:
    """The cell's folder is that of its new key, or is gone where a better record of the cell lies there."""
    old, new = path.parent, store.cell_folder(record.identity, record.cell_key)
    there = read_record(new / RECORD) if (new / RECORD).exists() else None
    with TemporaryDirectory(prefix=SCRATCH, dir=store.root) as folder:
        scratch = Path(folder)
        if there is not None and _order(there) >= _order(record):
            if there != record:  # else a killed migration had moved it
                result.replaced.append(path)
        else:
            shutil.copytree(old, scratch / "new", copy_function=_linked)
            write_json(scratch / "new" / RECORD, record)
            if new.exists():
                new.rename(scratch / "replaced")
            (scratch / "new").rename(new)
            result.moved.append(new / RECORD)
        old.rename(scratch / "old")


def _order(record: OldRecord | Record) -> tuple[bool, str]:
    """Which of two records of one cell stays: the greater."""
    return record.status == "ok", record.started_at


def _linked(source: str, target: str) -> str:
    """The file is in both places, without a copy where the file system can."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
