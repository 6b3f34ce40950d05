"""The live table of a run: each cell with its epoch, loss, main value and time left, and the total below.

For terminals.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from tumorbench.contracts.record import Record
    from tumorbench.run.plan import Plan, PlannedCell

__all__ = ["Board", "Row", "seconds_as_text"]

MAIN = ("val_accuracy", "val_dice", "val_block_distance", "val_loss")  # the first that an epoch has is its main value
OTHERS = ("epoch", "learning_rate", "wall_s")  # of an epoch's entry: no losses
SHORTENED = ("cell", "main value")  # columns, on a narrow terminal
ENDED, NEXT, RUNNING = 5, 3, 10  # rows of each kind at most, so that the table fits a screen


@dataclass(slots=True)
class Row:
    """One cell as the table shows it. began: on the board's clock, None where it has not.

    Left_s: None where nothing tells it.
    """

    cell: str
    state: str = "waiting"
    began: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    entry: Mapping[str, float] = field(default_factory=dict)
    left_s: float | None = None
    result: str = ""

    @property
    def at(self) -> str:
        """The epoch, such as ``3/20``, with the step of the one that is under way where one is."""
        reached = f"{self.epoch}/{self.epochs}" if self.epochs else ""
        return f"{reached} +{self.step}".strip() if self.step and self.state == "running" else reached

    @property
    def loss(self) -> str:
        """The first loss of the last epoch."""
        names = [name for name in self.entry if name not in OTHERS and not name.startswith("val_")]
        return f"{self.entry[names[0]]:.4g}" if names else ""

    @property
    def main(self) -> str:
        """The main value of the last epoch, with its name; of an ended cell what its record tells."""
        name = next((name for name in MAIN if name in self.entry), "")
        return self.result or (f"{name} {self.entry[name]:.4g}" if name else "")


class Board:
    """What is known of a plan's cells while they run. expected_s: key -> seconds, where a store tells."""

    def __init__(
        self, plan: Plan, expected_s: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.clock, self.began, self.expected_s = clock, clock(), dict(expected_s)
        self.rows = {cell.key: Row(name_of(cell)) for cell in plan.cells}
        self.kinds = {cell.key: (cell.identity.dataset, cell.identity.model) for cell in plan.cells}
        self.took_s: dict[tuple[str, str], list[float]] = {}
        self.cached = self.failed = 0
        self._lock = threading.RLock()  # it is drawn by another thread than it is told by

    def begin(self, cell: PlannedCell) -> None:
        """The cell runs."""
        with self._lock:
            row = self.rows[cell.key]
            row.state, row.began, row.epochs = "running", self.clock(), cell.identity.recipe.epochs

    def beat(self, cell: PlannedCell, lease: Mapping[str, Any]) -> None:
        """What the lease of a running cell says of how far it is."""
        with self._lock:
            row = self.rows[cell.key]
            if lease.get("epoch"):
                row.epoch, row.epochs = int(lease["epoch"]), int(lease.get("epochs") or row.epochs)
                row.entry = lease.get("entry") or row.entry
            under_way = int(lease.get("training_epoch") or 0) > row.epoch
            row.step = int(lease.get("step") or 0) if under_way else 0

    def end(self, cell: PlannedCell, record: Record, cached: bool) -> None:
        """The cell has a record."""
        from tumorbench.boards.summary import leading

        with self._lock:
            row = self.rows.pop(cell.key)
            self.rows[cell.key] = row  # the last to end stands last
            if cached:
                self.cached += 1
                row.state = "cached"
                return
            if row.began is not None:
                self.took_s.setdefault(self.kinds[cell.key], []).append(self.clock() - row.began)
            row.state, row.step = record.status, 0
            self.failed += record.status not in ("ok", "skipped")
            first = next((metric for metric in leading(record) if metric.value is not None), None)
            row.result = record.reason or (f"{first.name} {first.value:.4g}" if first else "")

    def left_s(self, key: str) -> float | None:
        """Seconds until the cell ends: by its own epochs, else by cells like it, else by all; None without any."""
        row = self.rows[key]
        if row.state not in ("waiting", "running"):
            return 0.0
        spent = self.clock() - row.began if row.began is not None else 0.0
        if row.epoch:
            return spent / row.epoch * max(0, row.epochs - row.epoch)
        like = self.took_s.get(self.kinds[key]) or [each for took in self.took_s.values() for each in took]
        whole = self.expected_s.get(key, fmean(like) if like else None)
        return None if whole is None else max(0.0, whole - spent)

    def total(self) -> str:
        """How many cells are done, what they took, and what is left."""
        running = sum(row.state == "running" for row in self.rows.values())
        open_ = [key for key, row in self.rows.items() if row.state in ("waiting", "running")]
        left = [self.left_s(key) for key in open_]
        known = [each for each in left if each is not None]
        told = [f"{len(self.rows) - len(open_)} of {len(self.rows)} cells"]
        told += [f"{self.cached} cached"] * bool(self.cached) + [f"{self.failed} failed"] * bool(self.failed)
        told.append(f"{seconds_as_text(self.clock() - self.began)} so far")
        if known and len(known) == len(left):
            told.append(f"about {seconds_as_text(sum(known) / max(1, running))} left")
        elif open_:
            told.append("time left unknown")
        return ", ".join(told)

    def shown(self) -> list[Row]:
        """The rows that the table shows: what has ended last, what runs, what is next."""
        found: dict[str, list[Row]] = {"ended": [], "running": [], "waiting": []}
        for key, row in self.rows.items():
            row.left_s = self.left_s(key)
            found[row.state if row.state in found else "ended"].append(row)
        return found["ended"][-ENDED:] + found["running"][:RUNNING] + found["waiting"][:NEXT]

    def __rich__(self) -> Table:
        """The table as rich draws it."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, caption_justify="left", caption_style="bold")
        for name, right in (("cell", 0), ("state", 0), ("epoch", 1), ("loss", 1), ("main value", 0), ("left", 1)):
            table.add_column(name, justify="right" if right else "left", no_wrap=name not in SHORTENED)
        with self._lock:
            rows, table.caption = self.shown(), self.total()
        for row in rows:
            left = seconds_as_text(row.left_s) if row.left_s else ""
            cells = (row.cell, row.state, row.at, row.loss, row.main, left)
            texts = (Text(cell, no_wrap=True, overflow="ellipsis") for cell in cells)
            table.add_row(*texts, style="" if row.state == "running" else "dim")
        return table


def name_of(cell: PlannedCell) -> str:
    """The cell in a few words."""
    identity = cell.identity
    where = f"{identity.protocol} {identity.fold}" if identity.fold else identity.protocol
    return f"{identity.dataset} {identity.model} {where}" + (f" seed {identity.seed}" if identity.seed else "")


def seconds_as_text(seconds: float) -> str:
    """``75.2`` -> "1:15", ``4000`` -> "1:06:40"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
