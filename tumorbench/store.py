"""The store: one folder a cell, one atomically written JSON record in it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.record import SCHEMA_VERSION, Artifact, Record, Throughput
from tumorbench.contracts.whole import written_whole
from tumorbench.errors import BadInput

__all__ = ["Store", "file_sha256", "find_record", "read_json", "read_record", "read_throughput", "write_json"]

RECORD, JOB = "record.json", "job.json"
PREDICTIONS, CHECKPOINT, FIGURES = ARTIFACTS = ("predictions.parquet", "checkpoint.pt", "figures")  # beside the record
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
        content = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path} cannot be read as a record ({error}); delete it to run its cell again") from None
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
        where = ".".join(map(str, first["loc"]))
        raise BadInput(
            f"{path} is no valid record ({where}: {first['msg']}); delete it to run its cell again"
        ) from None


def _store_of(path: Path) -> Path:
    """The root of the store in which a record lies; its folder, where it lies in none."""
    return next((folder.parent for folder in path.parents if folder.name in ("cells", "throughput")), path.parent)


def find_record(store: Store, name: str) -> tuple[Path, Record]:
    """The one record whose cell key begins with ``name``, or that lies at that path.

    Raises: BadInput for none or several.
    """
    if (path := Path(name)).is_file():
        return path, read_record(path)
    found = [(path, record) for path, record in store.records() if record.cell_key.startswith(name)]
    if not found:
        raise BadInput(
            f"no record in {store.root} has a cell key that begins with {name!r}; "
            "name the store with --store, or give a record's path"
        )
    if len(found) > 1:
        raise BadInput(
            f"{len(found)} records in {store.root} have a cell key that begins with {name!r}; "
            "give more of the key, or the record's path"
        )
    return found[0]


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``. Raises: BadInput, naming the file."""
    try:
        content = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}); delete it to make it anew") from None
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
    """A folder of records."""

    root: Path

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

    def check(self) -> None:
        """Every record can be read, so that the boards can be written after a run. Raises: BadInput, naming the first that cannot."""
        for _ in (*self.records(), *self.throughputs()):
            pass

    def _check_folder(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise BadInput(f"the store {self.root} cannot be used (it is not a folder); give another with --store DIR")

    def cell_folder(self, identity: CellIdentity, key: str) -> Path:
        """Where the cell's record, predictions, checkpoint and figures lie."""
        name = f"{identity.protocol}-fold{identity.fold}-seed{identity.seed}-{identity.budget}-{key[:12]}"
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
        for path in sorted(self.root.glob(f"cells/*/*/*-{key[:12]}/{RECORD}")):
            record = read_record(path)
            if record.cell_key == key and record.status == "ok":
                return path, record
        return None

    def write(self, record: Record) -> Path:
        """The record lies in its cell's folder. Returns its path."""
        path = self.cell_folder(record.identity, record.cell_key) / RECORD
        write_json(path, record)
        return path

    def replace(self, record: Record, artifacts: Path) -> Path:
        """The record and what lay in the folder ``artifacts``, which is gone, lie in the cell's folder instead of an earlier record with its artifacts.

        Killed on the way it leaves no record, never one beside another's artifacts. Returns the record's path.
        """
        folder = self.cell_folder(record.identity, record.cell_key)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).unlink(missing_ok=True)
        for path in (folder / name for name in ARTIFACTS):
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
        for path in sorted(artifacts.iterdir()):
            path.rename(folder / path.name)
        artifacts.rmdir()
        return self.write(record)

    def records(self) -> Iterator[tuple[Path, Record]]:
        """Every record with its path, in a fixed order."""
        self._check_folder()
        for path in sorted(self.root.glob(f"cells/**/{RECORD}")):
            yield path, read_record(path)

    def throughput_path(self, key: str, model: str, dataset: str) -> Path:
        """Where a throughput record lies."""
        return self.root / "throughput" / f"{file_name(model)}-{dataset}-{key[:12]}.json"

    def throughputs(self) -> Iterator[tuple[Path, Throughput]]:
        """Every throughput record with its path, in a fixed order."""
        for path in sorted(self.root.glob("throughput/*.json")):
            yield path, read_throughput(path)

    def split_path(self, dataset: str, name: str) -> Path:
        """Where a split lies, by sample ids."""
        return self.root / "splits" / dataset / f"{name}.json"


def file_name(item_id: str) -> str:
    """An id as a file name: ``timm/resnet18`` -> ``timm--resnet18``."""
    return re.sub(r"[^\w.=,\[\]-]", "--", item_id)


def artifact(kind: Any, folder: Path, path: Path, title: str = "") -> Artifact:
    """The card of a file below its record's folder."""
    return Artifact(kind=kind, path=path.relative_to(folder).as_posix(), sha256=file_sha256(path), title=title)
