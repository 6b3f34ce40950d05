"""Which published records were checked, how, and when: a small file beside them, which boards show.

A mark names the record and its predictions by their hashes, so that a record that is changed loses it. It is a claim of
whoever committed it: ``verify`` repeats what it can of it at once, ``verify --data`` and ``replay`` the rest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import TypeAdapter, ValidationError

from tumorbench.contracts.card import Card
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.files.regular import shown
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.checks.facts import LEVELS, Level
from tumorbench.store import PREDICTIONS, Store, read_json, write_json

__all__ = ["CHECKS", "Mark", "Marks"]

CHECKS = "checks.json"  # in the folder of the published records


class Mark(Card):
    """One check of one record: when (ISO 8601, UTC), and the SHA-256 of what was checked."""

    at: str
    record: str
    predictions: str  # "" where the record names none


ALL_MARKS = TypeAdapter(dict[str, dict[Level, Mark]])


@dataclass(slots=True)
class Marks:
    """The marks of a store, by cell key and level."""

    store: Store
    marks: dict[str, dict[Level, Mark]] = field(default_factory=dict)

    @classmethod
    def read(cls, store: Store) -> Marks:
        """Those of the store; none where it has no file of them. Raises: BadInput for a damaged one."""
        path = store.root / CHECKS
        if not path.exists():
            return cls(store)
        try:
            return cls(store, ALL_MARKS.validate_python(read_json(path)))
        except ValidationError as error:
            first = error.errors()[0]
            where = shown(".".join(map(str, first["loc"])))
            raise BadInput(
                f"{path} holds no checks of records ({where}: {shown(first['msg'])}); delete it and run: tumorbench verify --mark"
            ) from None

    def levels(self, record: Record) -> list[Level]:
        """How the record was checked as it is now, the most last."""
        own, due = self.marks.get(record.cell_key, {}), _hashes(record)
        return [level for level in LEVELS if level in own and (own[level].record, own[level].predictions) == due]

    def add(self, record: Record, level: Level, at: str = "") -> None:
        """The record is marked, now or at that time; a mark of that level that it has keeps its time."""
        if level not in self.levels(record):
            sha256, predictions = _hashes(record)
            at = at or datetime.now(UTC).isoformat(timespec="seconds")
            own = self.marks.setdefault(record.cell_key, {})
            own[level] = Mark(at=at, record=sha256, predictions=predictions)

    def forget(self, record: Record) -> None:
        """The record has no mark."""
        self.marks.pop(record.cell_key, None)

    def write(self, records: Iterable[Record]) -> None:
        """The marks of these records lie in the store's file, and no others: not those of what is gone or was changed."""
        kept = {}
        for record in sorted(records, key=lambda record: record.cell_key):
            own = self.marks.get(record.cell_key, {})
            if levels := self.levels(record):
                kept[record.cell_key] = {level: own[level].model_dump() for level in levels}
        self.marks = ALL_MARKS.validate_python(kept)
        if kept or (self.store.root / CHECKS).exists():
            write_json(self.store.root / CHECKS, kept)


def _hashes(record: Record) -> tuple[str, str]:
    """SHA-256 of the record's content, and of its predictions as it names them."""
    content = canonical_json(record.model_dump(mode="json", exclude_defaults=True))
    predictions = next((each.sha256 for each in record.artifacts if each.path == PREDICTIONS), "")
    return hashlib.sha256(content).hexdigest(), predictions
