"""From a store to the published records: every finished cell, with its split and what may be shown of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.contents import is_published, split_file
from tumorbench.store import Store, write_json

__all__ = ["publish"]

SAYS_PATHS = {"reason", "environment", "instruments", "determinism"}  # fields that may name a folder of the publisher


def publish(store: Store, published: Store) -> list[Path]:
    """Every finished record of the store lies in ``published``, with its split and what may be shown of its artifacts.

    Returns the records' paths there. Raises: BadInput where the store lacks one of these files.
    """
    paths = [_publish_cell(path, record, store, published) for path, record in store.records() if record.status == "ok"]
    for path, speed in store.throughputs():
        write_json(published.root / path.relative_to(store.root), speed)
        paths.append(published.root / path.relative_to(store.root))
    return paths


def _publish_cell(path: Path, record: Record, store: Store, published: Store) -> Path:
    chosen = split_file(store, record.identity)
    if chosen is None:
        raise BadInput(f"the split of {path} is not in {store.root / 'splits'}; run: {record.command} --force")
    copy = published.root / chosen.relative_to(store.root)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(chosen, copy)
    with TemporaryDirectory(dir=published.root) as folder:
        staged = Path(folder) / "artifacts"
        staged.mkdir()
        for artifact in (each for each in record.artifacts if is_published(record, each)):
            (staged / artifact.path).parent.mkdir(exist_ok=True)
            try:
                shutil.copyfile(path.parent / artifact.path, staged / artifact.path)
            except FileNotFoundError:
                raise BadInput(f"{path.parent / artifact.path} is missing; run: {record.command} --force") from None
        return published.replace(_without_home(record), staged)


def _without_home(record: Record) -> Record:
    """The record without the publisher's home folder in what it says of the machine."""
    content = record.model_dump(mode="json", include=SAYS_PATHS)
    text = json.dumps(content).replace(json.dumps(str(Path.home()))[1:-1], "~")
    return Record.model_validate(record.model_dump(mode="json") | json.loads(text))
