"""The store: one folder a cell, one atomically written JSON record in it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.files.json_file import json_content
from tumorbench.contracts.files.regular import shown
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.record import SCHEMA_VERSION, Artifact, Record, Throughput
from tumorbench.errors import BadInput

__all__ = ["Store", "file_sha256", "find_record", "read_json", "read_record", "read_throughput", "write_json"]

RECORD, JOB = "record.json", "job.json"
PREDICTIONS, CHECKPOINT, FIGURES = ARTIFACTS = ("predictions.parquet", "checkpoint.pt", "figures")  # beside the record
SHORT_KEY = 12  # digits of its key that a cell's folder is named by
AGAIN = "delete it to run its cell again"
AnyRecord = TypeVar("AnyRecord", Record, Throughput)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_record(path: Path) -> Record:
    """The cell record in ``path``. Raises: BadInput for what is no record, or one that a newer tumorbench wrote."""
    return _read(path, Record)


def read_throughput(path: Path) -> Throughput:
    """The throughput record in ``path``. Raises: as ``read_record``."""
    return _read(path, Throughput)


def _read(path: Path, model: type[AnyRecord]) -> AnyRecord:
    try:
        content = json_content(path)
    except ValueError as error:
        raise BadInput(f"{path} cannot be read as a record ({shown(error)}); {AGAIN}") from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise BadInput(
            f"{path} has schema version {version}, this tumorbench reads up to {SCHEMA_VERSION}; "
            "install a newer tumorbench"
        )
    if isinstance(version, int) and version < SCHEMA_VERSION:
        raise BadInput(f"{path} is of record schema {version}; run: tumorbench migrate --store {_store_of(path)}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = shown(".".join(map(str, first["loc"])))
        raise BadInput(f"{path} is no valid record ({where}: {shown(first['msg'])}); {AGAIN}") from None


def _store_of(path: Path) -> Path:
    """The root of the store in which a record lies; its folder, where it lies in none."""
    return next((folder.parent for folder in path.parents if folder.name in ("cells", "throughput")), path.parent)


def find_record(store: Store, name: str) -> tuple[Path, Record]:
    """The one record whose cell key begins with ``name``, or that lies at that path. No other record is read.

    Raises: BadInput for none or several, and where that record is damaged.
    """
    if "/" in name or Path(name).is_file():
        place = Path(name) / RECORD if Path(name).is_dir() else Path(name)
        return place, read_record(place)
    found = [path for path in store.paths() if path.parent.name.rpartition("-")[2].startswith(name[:SHORT_KEY])]
    located = [(path, record) for path in found if (record := read_record(path)).cell_key.startswith(name)]
    if not located:
        raise BadInput(
            f"no record in {store.root} has a cell key that begins with {shown(name)!r}; "
            "name the store with --store, or give a record's path"
        )
    if len(located) > 1:
        raise BadInput(
            f"{len(located)} records in {store.root} have a cell key that begins with {shown(name)!r}; "
            "give more of the key, or the record's path"
        )
    return located[0]


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``. Raises: BadInput, naming the file."""
    try:
        content = json_content(path)
    except ValueError as error:
        raise BadInput(f"{path} cannot be read ({shown(error)}); delete it to make it anew") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds no JSON object; delete it to make it anew")
    return content


def write_json(path: Path, content: BaseModel | dict[str, Any]) -> None:
    """``content`` stands in ``path`` as a whole, or the old file does."""
    text = content.model_dump_json(indent=1) if isinstance(content, BaseModel) else json.dumps(content, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path, "w") as partial:
        partial.write(text + "\n")


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of records.

    damaged: path -> why, of every record that was met in reading and cannot be read. It stays as it is, and stops
    nothing: a command names it at its end.
    """

    root: Path
    damaged: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)

    def open(self) -> Store:
        """The store, with its folder made. Raises: BadInput where that cannot be read and written."""
        self._check_folder()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root):
                pass
            next(self.root.iterdir(), None)
        except OSError as error:
            raise BadInput(
                f"the store {self.root} cannot be used ({error.strerror}); give another with --store DIR"
            ) from None
        return self

    def to_read(self) -> Store:
        """The store, which is a folder or not there yet. Raises: BadInput where it is something else."""
        self._check_folder()
        return self

    def _check_folder(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise BadInput(f"the store {self.root} cannot be used (it is not a folder); give another with --store DIR")

    def cell_folder(self, identity: CellIdentity, key: str) -> Path:
        """Where the cell's record, predictions, checkpoint and figures lie."""
        name = f"{identity.protocol}-fold{identity.fold}-seed{identity.seed}-{identity.budget}-{key[:SHORT_KEY]}"
        return self.root / "cells" / identity.dataset / file_name(identity.model) / name

    def finished(self, identity: CellIdentity, key: str) -> Record | None:
        """The cell's record if it is finished (status ``ok``); failures are recorded, but do not count as finished."""
        path = self.cell_folder(identity, key) / RECORD
        if not path.exists():
            return None
        record = read_record(path)
        return record if record.status == "ok" and record.cell_key == key else None

    def by_key(self, key: str) -> tuple[Path, Record] | None:
        """The finished record of that cell key with its path, whatever else its identity says; None without one."""
        for path in sorted(self.root.glob(f"cells/*/*/*-{key[:SHORT_KEY]}/{RECORD}")):
            record = self._sound(path, read_record)
            if record is not None and record.cell_key == key and record.status == "ok":
                return path, record
        return None

    def write(self, record: Record) -> Path:
        """The record lies in its cell's folder. Returns its path."""
        path = self.cell_folder(record.identity, record.cell_key) / RECORD
        write_json(path, record)
        return path

    def replace(self, record: Record, artifacts: Path, text: str = "") -> Path:
        """The record and what lay in the folder ``artifacts``, which is gone, lie in the cell's folder.

        They replace an earlier record with its artifacts. The record is written first, so that on a full disk the
        earlier one stays; killed on the way it leaves no record, never one beside another's artifacts. text: the record
        as JSON where it is not to be written in the usual form. Returns the record's path.
        """
        folder = self.cell_folder(record.identity, record.cell_key)
        folder.mkdir(parents=True, exist_ok=True)
        if text:
            (artifacts / RECORD).write_text(text, encoding="utf-8")
        else:
            write_json(artifacts / RECORD, record)
        (folder / RECORD).unlink(missing_ok=True)
        for path in (folder / name for name in ARTIFACTS):
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        for path in sorted(artifacts.iterdir(), key=lambda path: path.name == RECORD):  # the record last
            path.rename(folder / path.name)
        artifacts.rmdir()
        return folder / RECORD

    def paths(self) -> list[Path]:
        """Where the cells' records lie, in a fixed order. Raises: BadInput where the store is a file."""
        self._check_folder()
        return sorted(self.root.glob(f"cells/**/{RECORD}"))

    def records(self) -> Iterator[tuple[Path, Record]]:
        """Every record with its path, in a fixed order; those that cannot be read are in ``damaged``."""
        for path in self.paths():
            if (record := self._sound(path, read_record)) is not None:
                yield path, record

    def _sound(self, path: Path, read: Callable[[Path], AnyRecord]) -> AnyRecord | None:
        """The record in ``path``; None where it is damaged, which is noted."""
        try:
            found = read(path)
        except BadInput as error:
            self.damaged[path] = str(error)
            return None
        self.damaged.pop(path, None)
        return found

    def throughput_path(self, key: str, model: str, dataset: str) -> Path:
        """Where a throughput record lies."""
        return self.root / "throughput" / f"{file_name(model)}-{dataset}-{key[:SHORT_KEY]}.json"

    def throughputs(self) -> Iterator[tuple[Path, Throughput]]:
        """Every throughput record with its path, in a fixed order; those that cannot be read are in ``damaged``."""
        for path in sorted(self.root.glob("throughput/*.json")):
            if (speed := self._sound(path, read_throughput)) is not None:
                yield path, speed

    def split_path(self, dataset: str, name: str) -> Path:
        """Where a split lies, by sample ids."""
        return self.root / "splits" / dataset / f"{name}.json"


def file_name(item_id: str) -> str:
    """An id as a file name: ``timm/resnet18`` -> ``timm--resnet18``."""
    return re.sub(r"[^\w.=,\[\]-]", "--", item_id)


def artifact(kind: Any, folder: Path, path: Path, title: str = "") -> Artifact:
    """The card of a file below its record's folder."""
    return Artifact(kind=kind, path=path.relative_to(folder).as_posix(), sha256=file_sha256(path), title=title)
