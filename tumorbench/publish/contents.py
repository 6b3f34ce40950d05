"""What of a record is published: which of its artifacts, and its split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tumorbench import tasks
from tumorbench.contracts.cell import CellIdentity, canonical_json
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import Artifact, Record
from tumorbench.data.split import PARTS
from tumorbench.errors import BadInput
from tumorbench.store import Store, read_json
from tumorbench.tables.memorised import shares_samples

__all__ = ["is_published", "split_file", "split_ids", "store_of"]

# no picture of a patient is ever published
FIGURES = ("learning curves", "confusion matrix", "calibration", "intensities")
GENERATED_FIGURES = ("samples", "samples over training")


def is_published(record: Record, artifact: Artifact) -> bool:
    """Whether the artifact is copied to the published records.

    Predictions are, unless they are images; figures are, unless they show real images, or generated ones of a generator
    that repeats its training images.
    """
    if artifact.kind == "predictions":
        return tasks.of(record.identity).scored_from_table
    return artifact.title in FIGURES or (artifact.title in GENERATED_FIGURES and shares_samples(record))


def split_file(store: Store, identity: CellIdentity) -> Path | None:
    """The store's split that has the identity's fingerprint, by the ids in it; None where there is none."""
    return next((path for path, _ in _splits(store, identity)), None)


def split_ids(store: Store, identity: CellIdentity) -> dict[str, list[str]] | None:
    """The sample ids of each part of the identity's split, as the store has it; None where it has none."""
    return next((ids for _, ids in _splits(store, identity)), None)


def store_of(path: Path) -> Store | None:
    """The store in which the record lies; None where it lies in none."""
    return next((Store(folder.parent) for folder in path.parents if folder.name == "cells"), None)


def _splits(store: Store, identity: CellIdentity) -> Iterator[tuple[Path, dict[str, list[str]]]]:
    protocol = TSTR_SPLITS.get(identity.protocol, identity.protocol)
    found = store.split_path(identity.dataset, "").parent.glob(f"{protocol}-fold{identity.fold}-*.json")
    for path in sorted(found):
        status = path.stat()
        fingerprint, ids = _content(path, status.st_mtime_ns, status.st_size)
        if fingerprint == identity.split_fingerprint:
            yield path, ids


@lru_cache(maxsize=256)
def _content(path: Path, _mtime_ns: int, _size: int) -> tuple[str, dict[str, list[str]]]:
    """(as ``Split.fingerprint``, the ids) of a stored split that was not written since; "" of a file that holds none."""
    try:
        stored = read_json(path)
    except BadInput:
        return "", {}
    fingerprint = hashlib.sha256(canonical_json({part: stored.get(part) for part in PARTS})).hexdigest()
    return fingerprint, {part: list(map(str, stored.get(part) or ())) for part in PARTS}
