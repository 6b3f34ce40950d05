"""From a store to the published records: every sound finished cell, with its split and what may be shown of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tumorbench.contracts.record import Artifact, Bundle, Record
from tumorbench.errors import BadInput
from tumorbench.publish.bundle import bundled_here, write_bundle
from tumorbench.publish.checks.facts import Listed
from tumorbench.publish.contents import is_published
from tumorbench.publish.forms import record_text, stage_table
from tumorbench.publish.marks import Marks
from tumorbench.publish.signing import drop_stale, sign
from tumorbench.publish.splits import drop_unused, split_ids, write_split
from tumorbench.publish.verify import check_records
from tumorbench.registry import Registry
from tumorbench.store import PREDICTIONS, RECORD, Store, file_sha256, read_record, write_json

__all__ = ["Publication", "publish"]

SAYS_PATHS = {"reason", "environment", "instruments", "determinism"}  # fields that may name a folder of the publisher
SCRATCH = ".publish-"  # begins the name of the folder in which a cell's new files are made
MISSING = "run its cell again with --force"


@dataclass(slots=True)
class Publication:
    """What was published, by its new place, and what was not, by its place in the store, with the reasons.

    bundle: where one was written.
    """

    paths: list[Path] = field(default_factory=list)
    refused: dict[Path, list[str]] = field(default_factory=dict)
    bundle: Bundle | None = None


def publish(
    store: Store,
    published: Store,
    registry: Registry,
    marks: Marks | None = None,
    key: Path | None = None,
    bundle: Path | None = None,
) -> Publication:
    """Every sound finished record of the store lies in ``published``, with its split and what may be shown of it.

    One that ``check_records`` finds wrong is refused. marks: those of ``published``; a record of which the check leaves
    nothing open is marked there. key: the SSH key that signs each record; the signature of a record that is changed is
    gone without one. bundle: the file that then has what may be shown and does not lie beside the records. Raises:
    BadInput, naming the place, where that cannot be written: what was published before stays, and the same call goes
    on from there.
    """
    finished = [(path, record) for path, record in store.records() if record.status == "ok"]
    checked = check_records(finished, registry, MISSING, Listed(registry, strange_copies=True))
    found = Publication(refused={path: each.problems for path, each in checked.items() if each.problems})
    sound = [(path, record) for path, record in finished if path not in found.refused]
    for left in published.root.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    if bundle:
        found.bundle = write_bundle(bundle, sound, _remaining(published, sound))
    for path, record in sound:
        place = _publish_cell(path, record, store, published, found.bundle)
        found.paths.append(place)
        if key:
            sign(place, key)
        if marks and checked[path].level == "verified":
            marks.add(read_record(place), "verified")
    for path, speed in store.throughputs():
        place = published.root / path.relative_to(store.root)
        write_json(place, speed)
        found.paths.append(place)
    drop_unused(published)
    return found


def _remaining(published: Store, sound: Sequence[tuple[Path, Record]]) -> list[Record]:
    """The published records that name a bundle and will go on naming it."""
    renewed = {record.cell_key for path, record in sound if bundled_here(path, record)}
    return [record for _, record in published.records() if record.cell_key not in renewed]


def _publish_cell(path: Path, record: Record, store: Store, published: Store, bundle: Bundle | None) -> Path:
    ids, place = split_ids(store, record.identity), published.cell_folder(record.identity, record.cell_key)
    assert ids is not None
    content = (place / RECORD).read_bytes() if (place / RECORD).is_file() else None
    try:
        published.root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=SCRATCH, dir=published.root) as folder:
            scratch = Store(Path(folder))
            staged = scratch.cell_folder(record.identity, record.cell_key)
            staged.mkdir(parents=True)
            for artifact in (each for each in record.artifacts if is_published(record, each)):
                (staged / artifact.path).parent.mkdir(exist_ok=True)
                if artifact.path == PREDICTIONS:
                    stage_table(path.parent / PREDICTIONS, staged / PREDICTIONS)
                else:
                    (staged / artifact.path).write_bytes(_content(path.parent / artifact.path))
            write_split(published, record.identity, ids)
            for facts in scratch.root.glob("splits/*/*"):
                facts.replace(published.root / facts.relative_to(scratch.root))
            new = _as_published(path, record, staged, published, bundle)
            written = published.replace(new, staged, record_text(new))
            drop_stale(written, content)
            return written
    except OSError as error:
        raise BadInput(
            f"{place} cannot be written ({error.strerror}); make room, or fix its permissions, and publish again: "
            "what is published so far stays"
        ) from None


def _as_published(path: Path, record: Record, staged: Path, published: Store, bundle: Bundle | None) -> Record:
    """The record without the publisher's home folder, with its table's hash and the place of each artifact."""
    before = next(_there(published, record), None)
    kept = record if record.bundle else before
    ours = {each.path for each in bundled_here(path, record)} if bundle else set()
    theirs = (
        {(each.path, each.sha256) for each in kept.artifacts if each.place == "bundle"} if kept and not ours else set()
    )

    def placed(artifact: Artifact) -> Artifact:
        if is_published(record, artifact):
            return artifact.model_copy(update={"sha256": file_sha256(staged / artifact.path), "place": ""})
        in_bundle = artifact.path in ours or (artifact.path, artifact.sha256) in theirs
        return artifact.model_copy(update={"place": "bundle" if in_bundle else "left out"})

    artifacts = tuple(placed(each) for each in record.artifacts)
    some = any(each.place == "bundle" for each in artifacts)
    its_bundle = (bundle if ours else kept.bundle if kept else None) if some else None
    return _without_home(record).model_copy(update={"artifacts": artifacts, "bundle": its_bundle})


def _there(published: Store, record: Record) -> Iterator[Record]:
    """The cell's record as it is published so far; nothing where there is none that can be read."""
    with suppress(BadInput):
        if found := published.finished(record.identity, record.cell_key):
            yield found


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
