"""Bootstrap replicates of a record's values, from its predictions; kept in the cache by these predictions' hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from tumorbench import tasks
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.record import INTERVALS_VERSION, Record
from tumorbench.data.locations import cache_root
from tumorbench.registry import Registry
from tumorbench.statistics.clusters import DRAWS
from tumorbench.statistics.replicates import Drawn
from tumorbench.store import PREDICTIONS, file_sha256
from tumorbench.tables.stored import column_names, read_stored
from tumorbench.tasks.base import ScoringInput

__all__ = ["Replicates", "replicates_of"]


@dataclass(frozen=True, slots=True)
class Replicates:
    """The replicates of a record's values, read when they are asked for."""

    path: Path  # of the record
    record: Record
    registry: Registry

    def __call__(self) -> Drawn:
        """As ``replicates_of``."""
        return replicates_of(self.path, self.record, self.registry)


def replicates_of(path: Path, record: Record, registry: Registry) -> Drawn:
    """The replicates of the values that follow from the predictions beside the record in ``path``.

    None where the predictions are not there, are not those that the record names, or cannot be read.
    """
    predictions = path.parent / PREDICTIONS
    stated = next((each.sha256 for each in record.artifacts if each.path == PREDICTIONS), None)
    if record.status != "ok" or not predictions.is_file() or file_sha256(predictions) != stated:
        return Drawn()
    given = ScoringInput.of_record(record, registry)
    metrics = sorted((spec.id, spec.version) for spec in registry.metrics.values())
    content = [INTERVALS_VERSION, DRAWS, stated, record.identity.task, given.classes, given.mask_classes, metrics]
    kept = cache_root() / "draws" / f"{hashlib.sha256(canonical_json(content)).hexdigest()[:32]}.npz"
    found = _read(kept)
    if found is None:
        found = _computed(predictions, record, given)
        _write(kept, found)
    return found


def _computed(predictions: Path, record: Record, given: ScoringInput) -> Drawn:
    try:
        columns = [name for name in column_names(predictions) if not name.endswith("_png")]
        return tasks.of(record.identity).replicates(read_stored(predictions, columns), given)
    except Exception:  # noqa: BLE001 - a damaged table is named by ``verify``; here its values have no interval
        return Drawn()


def _read(kept: Path) -> Drawn | None:
    try:
        with np.load(kept) as file:
            names, observed, draws = file["names"].tolist(), file["observed"].tolist(), file["draws"]
            return Drawn(
                dict(zip(names, observed, strict=True)), dict(zip(names, draws, strict=True)), int(file["clusters"])
            )
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return None


def _write(kept: Path, found: Drawn) -> None:
    """The replicates lie in the cache, where it can be written."""
    names = list(found.draws)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(kept) as file:
            np.savez(
                file,
                names=np.array(names, dtype=str),
                observed=np.array([found.observed[name] for name in names], np.float64),
                draws=np.array([found.draws[name] for name in names], np.float64),
                clusters=np.array(found.clusters),
            )
    except OSError:
        return
