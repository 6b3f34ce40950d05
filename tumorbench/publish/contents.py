"""What of a record is published, and where: beside it in the repository, in a bundle, or nowhere."""

from __future__ import annotations

from pathlib import Path

from tumorbench import tasks
from tumorbench.contracts.record import Artifact, Record
from tumorbench.store import Store
from tumorbench.tables.inputs import metric_id
from tumorbench.tables.memorised import shares_samples

__all__ = ["is_bundled", "is_published", "store_of"]

# no picture of a patient is ever published
FIGURES = ("learning curves", "confusion matrix", "calibration", "intensities")
SAMPLES = "samples"
GENERATED_FIGURES = (SAMPLES, "samples over training")


def is_published(record: Record, artifact: Artifact) -> bool:
    """Whether the artifact lies beside the published record: what its numbers follow from, and what a page shows.

    Predictions do, unless they are images; and of the first cell of a generator's row its samples, unless it repeats
    its training images.
    """
    if artifact.kind == "predictions":
        return tasks.of(record.identity).scored_from_table
    first = record.identity.fold == 0 and record.identity.seed == 0
    return artifact.title == SAMPLES and first and shares_samples(record)


def is_bundled(record: Record, artifact: Artifact) -> bool:
    """Whether the artifact is for a bundle: whatever else may be shown of the cell.

    Figures without real images, those of generated ones of a generator that does not repeat its training images, and
    the generated images themselves where it was looked for that.
    """
    if is_published(record, artifact) or artifact.kind == "checkpoint":
        return False
    if artifact.kind == "predictions":
        looked_for = any(metric_id(each.name) == "memorisation" and each.value is not None for each in record.metrics)
        return looked_for and shares_samples(record)
    return artifact.title in FIGURES or (artifact.title in GENERATED_FIGURES and shares_samples(record))


def store_of(path: Path) -> Store | None:
    """The store in which the record lies; None where it lies in none."""
    return next((Store(folder.parent) for folder in path.parents if folder.name == "cells"), None)
