"""Which pictures a report shows, and as what: ``data:`` addresses, so that the file needs no other.

A published report shows no patient: of its pictures only those of generated slices are taken, and only of a generator
that was looked for copies of its training images and has few.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from tumorbench.contracts.record import Artifact, Record
from tumorbench.reports.html.views import Picture
from tumorbench.store import file_sha256
from tumorbench.tables.inputs import LocatedRecord, metric_id
from tumorbench.tables.memorised import shares_samples
from tumorbench.tables.rows import Row

__all__ = ["GENERATED", "REAL", "pictures_of"]

REAL = {
    "worst mistakes": "Test slices that were given the wrong class, the most confident first.",
    "masks": "Test slices with their true and their predicted masks, from the worst to the best.",
}
GENERATED = {
    "samples over training": "What the generator makes of the same few latents, from its first epochs to its last.",
    "samples": "Slices that the generator made.",
}
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 4 * 2**20  # bytes of one picture


def pictures_of(row: Row, folder: Path, *, published: bool) -> Iterator[Picture]:
    """Of each kind the picture of the first cell that has it.

    folder: that the cells' paths are relative to.
    """
    for title, text in (GENERATED if published else REAL | GENERATED).items():
        shown = ((cell, each) for cell in row.cells for each in cell.record.artifacts if each.title == title)
        for cell, artifact in shown:
            if published and not _may_be_shared(cell.record):
                continue
            if content := _content(cell, artifact, folder):
                source = f"data:image/png;base64,{base64.b64encode(content).decode()}"
                where = f"fold {cell.record.identity.fold}, seed {cell.record.identity.seed}"
                yield Picture(f"{title} ({where})", source, text, real=title in REAL)
                break


def _may_be_shared(record: Record) -> bool:
    """Whether the record is of a generator of which it is known that it repeats few of its training images."""
    looked_for = any(metric_id(metric.name) == "memorisation" and metric.value is not None for metric in record.metrics)
    return record.identity.task == "generation" and looked_for and shares_samples(record)


def _content(cell: LocatedRecord, artifact: Artifact, folder: Path) -> bytes | None:
    """The picture; None where it is not the file that the record names, or no PNG, or lies outside its folder."""
    own = (folder / cell.path).parent.resolve()
    path = (own / artifact.path).resolve()
    if not path.is_relative_to(own) or not path.is_file() or path.stat().st_size > LARGEST:
        return None
    content = path.read_bytes()
    return content if content.startswith(SIGNATURE) and file_sha256(path) == artifact.sha256 else None
