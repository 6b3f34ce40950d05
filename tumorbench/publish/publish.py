"""From a store to the published records: every sound finished cell, with its split and what may be shown of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.checks.facts import Listed
from tumorbench.publish.contents import is_published, split_file
from tumorbench.publish.marks import Marks
from tumorbench.publish.signing import drop_stale, sign
from tumorbench.publish.verify import check_records
from tumorbench.registry import Registry
from tumorbench.store import RECORD, Store, read_record, write_json

__all__ = ["Publication", "publish"]

SAYS_PATHS = {"reason", "environment", "instruments", "determinism"}  # fields that may name a folder of the publisher
SCRATCH = ".publish-"  # begins the name of the folder in which a cell's new files are made
MISSING = "run its cell again with --force"


@dataclass(slots=True)
class Publication:
    """What was published, by its new place, and what was not, by its place in the store, with the reasons."""

    paths: list[Path] = field(default_factory=list)
    refused: dict[Path, list[str]] = field(default_factory=dict)


def publish(
    store: Store, published: Store, registry: Registry, marks: Marks | None = None, key: Path | None = None
) -> Publication:
    """Every sound finished record of the store lies in ``published``, with its split and what may be shown of it.

    One that ``check_records`` finds wrong is refused. marks: those of ``published``; a record of which the check leaves
    nothing open is marked there. key: the SSH key that signs each record; the signature of a record that is changed is
    gone without one. Raises: BadInput, naming the place, where that cannot be written: what was published before stays,
    and the same call goes on from there.
    """
    finished = [(path, record) for path, record in store.records() if record.status == "ok"]
    checked = check_records(finished, registry, MISSING, Listed(registry, strange_copies=True))
    found = Publication(refused={path: each.problems for path, each in checked.items() if each.problems})
    for left in published.root.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    for path, record in finished:
        if path not in found.refused:
            place = _publish_cell(path, record, store, published)
            found.paths.append(place)
            if key:
                sign(place, key)
            if marks and checked[path].level == "verified":
                marks.add(read_record(place), "verified")
    for path, speed in store.throughputs():
        place = published.root / path.relative_to(store.root)
        write_json(place, speed)
        found.paths.append(place)
    return found


def _publish_cell(path: Path, record: Record, store: Store, published: Store) -> Path:
    split, place = split_file(store, record.identity), published.cell_folder(record.identity, record.cell_key)
    assert split is not None
    before = place / RECORD
    content = before.read_bytes() if before.is_file() else None
    try:
        copy = published.root / split.relative_to(store.root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(copy) as file:
            file.write(_content(split))
        with TemporaryDirectory(prefix=SCRATCH, dir=published.root) as folder:
            staged = Path(folder) / "artifacts"
            staged.mkdir()
            for artifact in (each for each in record.artifacts if is_published(record, each)):
                (staged / artifact.path).parent.mkdir(exist_ok=True)
                (staged / artifact.path).write_bytes(_content(path.parent / artifact.path))
            written = published.replace(_without_home(record), staged)
            drop_stale(written, content)
            return written
    except OSError as error:
        raise BadInput(
            f"{place} cannot be written ({error.strerror}); make room, or fix its permissions, and publish again: "
            "what is published so far stays"
        ) from None


def _content(file: Path) -> bytes:
    """Raises: BadInput, naming the file."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}); {MISSING}") from None


def _without_home(record: Record) -> Record:
    """The record without the publisher's home folder in what it says of the machine."""
    content = record.model_dump(mode="json", include=SAYS_PATHS)
    text = json.dumps(content).replace(json.dumps(str(Path.home()))[1:-1], "~")
    return Record.model_validate(record.model_dump(mode="json") | json.loads(text))
