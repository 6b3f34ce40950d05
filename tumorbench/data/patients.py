"""Whose a slice is, found by matching it with a data set that knows."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tumorbench.contracts.files.whole import written_whole
from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import thumbnails_of
from tumorbench.data.near import matches

__all__ = ["COLUMNS", "Recovered", "recover", "write_patients"]

COLUMNS = ("sample_id", "patient", "confidence")


class Recovered(NamedTuple):
    """Whose a slice is. patient: the other set's group or patient. confidence: the correlation of the best match."""

    sample_id: str
    patient: str
    confidence: float


def recover(unknown: Decoded, known: Decoded) -> list[Recovered]:
    """Whose the slices of one data set are, as far as they match a slice of another set whose patients are known.

    A slice is the patient's of whose slices one is its near-copy (``data.near``), the one that is most alike. Left out
    are slices without a near-copy there, and those that two patients' slices are equally like. In the samples' order.
    """
    owners = [sample.group or sample.patient or "" for sample in known.samples]
    found = matches(thumbnails_of(unknown), thumbnails_of(known))
    best: dict[int, dict[str, float]] = {}
    for (index, other), alike in zip(found.pairs.tolist(), found.correlations.tolist(), strict=True):
        if owner := owners[other]:
            own = best.setdefault(index, {})
            own[owner] = max(alike, own.get(owner, 0.0))
    return [
        Recovered(unknown.samples[index].id, *told)
        for index, own in sorted(best.items())
        if (told := _told(own)) is not None
    ]


def _told(own: dict[str, float]) -> tuple[str, float] | None:
    """(patient, correlation) of the best match; None where another patient's is as good."""
    (patient, first), *rest = sorted(own.items(), key=lambda each: (-each[1], each[0]))
    return None if rest and rest[0][1] == first else (patient, first)


def write_patients(found: Sequence[Recovered], path: Path) -> None:
    """The table lies at ``path`` as CSV: sample_id, patient, confidence (four places)."""
    with written_whole(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(
            (each.sample_id, each.patient, f"{np.floor(each.confidence * 1e4) / 1e4:.4f}") for each in found
        )
