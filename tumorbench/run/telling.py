"""What is told of a campaign as it goes on: that cells begin and end, how far they are, and each epoch once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tumorbench.contracts.record import Record
from tumorbench.run.plan import PlannedCell

__all__ = ["Teller", "Watch"]


@dataclass(frozen=True, slots=True)
class Watch:
    """What is called as a campaign goes on."""

    on_start: Callable[[PlannedCell, int, int], None] = lambda _cell, _number, _of: None
    on_progress: Callable[[PlannedCell, dict[str, Any]], None] = lambda _cell, _lease: None  # an epoch is over
    on_done: Callable[[PlannedCell, Record, bool], None] = lambda _cell, _record, _cached: None
    on_held: Callable[[PlannedCell, dict[str, Any]], None] = lambda _cell, _lease: None
    on_beat: Callable[[PlannedCell, dict[str, Any]], None] = lambda _cell, _lease: None  # as its lease is looked at


@dataclass(slots=True)
class Teller:
    """Tells of running cells what is new. shown: the last epoch that was told, by key."""

    watch: Watch
    shown: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def look(self, cell: PlannedCell, lease: Mapping[str, Any] | None) -> None:
        """What the lease of a running cell says was told, and each epoch that is new there."""
        if not lease:
            return
        self.watch.on_beat(cell, dict(lease))
        self._epochs(cell, lease.get("recent") or [], lease)

    def rest(self, cell: PlannedCell, record: Record) -> None:
        """The epochs that ended after the last look were told, as the record has them.

        None of one that is scored anew.
        """
        if cell.record is not None and cell.record.started_at == record.started_at:
            return
        told = self.shown.get(cell.key)
        if told is None or told in record.history:  # else of several networks, whose epochs the record has side by side
            self._epochs(cell, record.history, {"epochs": cell.identity.recipe.epochs})

    def _epochs(self, cell: PlannedCell, entries: Sequence[Mapping[str, float]], lease: Mapping[str, Any]) -> None:
        told, known = self.shown.get(cell.key), list(entries)
        for entry in known[known.index(told) + 1 :] if told in known else known:
            self.shown[cell.key] = entry
            self.watch.on_progress(cell, {**lease, "epoch": int(entry["epoch"]), "entry": entry})
