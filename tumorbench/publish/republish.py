"""Published records move to the form in which records are published today; nothing of what they say changes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from tumorbench.publish.marks import Marks
from tumorbench.publish.publish import Publication, publish
from tumorbench.publish.signing import signature_of
from tumorbench.registry import Registry
from tumorbench.store import Store

__all__ = ["republish"]

SCRATCH = ".migrate-"  # begins the name of the folder in which the new records are made


def republish(place: Store, registry: Registry, bundle: Path | None = None) -> tuple[Publication, int]:
    """(what was published, how many signatures are gone) after every record of ``place`` was published anew.

    All of them or none: where one is refused or damaged, everything stays as it is. A signature is of the earlier form,
    and is gone. bundle: as of ``publish``.
    """
    with TemporaryDirectory(prefix=SCRATCH, dir=place.root.parent) as folder:
        new = Store(Path(folder) / "results")
        result = publish(place, new, registry, bundle=bundle)
        if result.refused or place.damaged:
            return result, 0
        _with_marks(place, new)
        signed = sum(signature_of(path).is_file() for path in place.paths())
        place.root.rename(Path(folder) / "earlier")
        new.root.rename(place.root)
    result.paths = [place.root / path.relative_to(new.root) for path in result.paths]
    return result, signed


def _with_marks(place: Store, new: Store) -> None:
    """The new records have the marks that the earlier ones have, of the same times."""
    before, after = Marks.read(place), Marks.read(new)
    records = {record.cell_key: record for _, record in new.records()}
    for _, record in place.records():
        for level in before.levels(record):
            after.add(records[record.cell_key], level, before.marks[record.cell_key][level].at)
    after.write(records.values())
