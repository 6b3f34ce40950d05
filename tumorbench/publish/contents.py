"""What of a record is published: which of its artifacts, and its split."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tumorbench import tasks
from tumorbench.contracts.cell import CellIdentity, canonical_json
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import Artifact, Record
from tumorbench.data.split import PARTS
from tumorbench.errors import BadInput
from tumorbench.store import Store, read_json
from tumorbench.tables.memorised import shares_samples

__all__ = ["is_published", "split_file"]

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
    protocol = TSTR_SPLITS.get(identity.protocol, identity.protocol)
    found = store.split_path(identity.dataset, "").parent.glob(f"{protocol}-fold{identity.fold}-*.json")
    return next((path for path in sorted(found) if _fingerprint(path) == identity.split_fingerprint), None)


def _fingerprint(path: Path) -> str:
    """As ``Split.fingerprint``, of a stored split; "" of a file that holds none."""
    try:
        stored = read_json(path)
    except BadInput:
        return ""
    return hashlib.sha256(canonical_json({part: stored.get(part) for part in PARTS})).hexdigest()
