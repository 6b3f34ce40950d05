"""What stands on both sides of the splits that were run, in words."""

from __future__ import annotations

from collections.abc import Sequence

from tumorbench.reports.settings import Setting
from tumorbench.tables.columns import SPLITS
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import code, integers
from tumorbench.tables.rows import Row

__all__ = ["leaks_as_run", "leaks_in_words"]


def leaks_in_words(rows: Sequence[Row], cards: BoardCards) -> str:
    """``613 of 614 test images come from patients who are also in training``, and the same of identical images and near-copies.

    ``nothing is on both sides`` where that was measured, ``nothing known`` where patients are not known; empty where it
    was not measured.
    """
    found = [cell.record.leakage for row in rows for cell in row.cells if cell.record.leakage is not None]
    if not found:
        return ""
    dataset = cards.datasets.get(rows[0].identity.dataset)
    near = _measured([leak.near_identical_test_images for leak in found])
    unknown = _measured([leak.unknown_patient_test_images for leak in found])
    whose = (
        "come from patients who are also in training"
        if near or (dataset and dataset.patients_known)
        else "belong to groups that are also in training"
    )
    tested = integers([leak.test_samples for leak in found])
    counted = [
        ([leak.test_samples_of_shared_groups for leak in found], whose),
        ([leak.identical_test_images for leak in found], "are pixel-identical to a training image"),
        (near, "are near-copies of one"),
    ]
    shared = " and ".join(
        f"{integers(counts)} of {tested} test images {what}" for counts, what in counted if any(counts)
    )
    if not any(unknown):
        return shared or "nothing is on both sides"
    return f"{shared or 'nothing known is on both sides'} (the patients of {integers(unknown)} are unknown)"


def _measured(counts: Sequence[int | None]) -> list[int]:
    return [count for count in counts if count is not None]


def leaks_as_run(settings: Sequence[Setting], cards: BoardCards) -> str:
    """One sentence, on every split that was run under any protocol; empty where none was."""
    words = []
    for split in SPLITS:
        rows = [row for setting in settings for row in setting.of_split(split)]
        if rows:
            words.append(f"under {code(split)} {leaks_in_words(rows, cards) or 'it was not measured'}")
    return f"What is on both sides of the split, as run: {'; '.join(words)}." if words else ""
