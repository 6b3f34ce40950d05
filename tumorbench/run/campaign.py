"""All of it: every planned cell becomes a job, each after those that it needs, and each leaves a record.

Any number of processes may work on one store: a cell that another one holds is passed over, and looked at again at the
end.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tumorbench.contracts.job import Job, Trial
from tumorbench.contracts.record import Record
from tumorbench.data.split import PARTS
from tumorbench.errors import BadInput, one_line
from tumorbench.run import lease
from tumorbench.run.context import Context
from tumorbench.run.executors import Executor, Handle
from tumorbench.run.lost import command_of, lost_record
from tumorbench.run.plan import Plan, PlannedCell
from tumorbench.run.telling import Teller, Watch
from tumorbench.store import JOB, RECORD, read_record, write_json

__all__ = ["Campaign", "How", "Watch", "run_all"]

POLL_S = 0.05
HELD_S = 2.0  # before a cell that another process holds is looked at again


@dataclass(frozen=True, slots=True)
class How:
    """How the cells of a campaign run, apart from what they are."""

    force: bool = False
    deterministic: bool = False
    timeout_s: float | None = None
    threads: int | None = None
    precision: Literal["fp32", "bf16"] | None = None
    executor: str = "local"
    checkpoint_every_s: float | None = None
    trial: Trial | None = None  # the cell is not scored: a study asks how it does on the validation part

    def accepts(self, record: Record) -> bool:
        """Whether a finished record stands for its cell. One of default mode does not stand for a deterministic one."""
        return not self.force and (not self.deterministic or record.determinism.get("mode") == "deterministic")


@dataclass(slots=True)
class Campaign:
    """What a run left: the record of each cell by its key, in plan order, and how many of them were there before."""

    records: dict[str, Record] = field(default_factory=dict)
    cached: int = 0

    @property
    def failures(self) -> list[Record]:
        """Cells that were to finish and did not; a skipped one was never to."""
        return [record for record in self.records.values() if record.status not in ("ok", "skipped")]


def run_all(plan: Plan, context: Context, how: How, executor: Executor, watch: Watch | None = None) -> Campaign:
    """Every cell of the plan has a record; a cell that fails does not stop the others."""
    driver = _Driver(plan, context, how, executor, watch or Watch())
    try:
        while driver.unsettled:
            driver.advance()
            time.sleep(POLL_S)
    except BaseException:
        executor.close(now=True)
        raise
    executor.close(now=False)
    records = {cell.key: driver.records[cell.key] for cell in plan.cells}
    return Campaign(records, driver.cached)


@dataclass(slots=True)
class _Submitted:
    """A job that an executor has. stamp: of the record that was there before."""

    handle: Handle
    stamp: tuple[int, int] | None


class _Driver:
    """Moves the cells of a plan from waiting over submitted to settled."""

    def __init__(self, plan: Plan, context: Context, how: How, executor: Executor, watch: Watch) -> None:
        self.context, self.how, self.executor, self.watch = context, how, executor, watch
        self.teller = Teller(watch)
        self.waiting = {cell.key: cell for cell in plan.cells}
        self.submitted: dict[str, _Submitted] = {}
        self.not_before: dict[str, float] = {}  # of cells that another process holds: when to look again
        self.records: dict[str, Record] = {}
        self.cells, self.of, self.cached = dict(self.waiting), len(plan.cells), 0
        self.at_first = {cell.key: self._stamp(cell) for cell in plan.cells}
        self.begun = 0

    @property
    def unsettled(self) -> bool:
        """Whether a cell has no record yet."""
        return len(self.records) < self.of

    def advance(self) -> None:
        """What has ended is settled, and what can begin has begun."""
        for key, job in list(self.submitted.items()):
            if job.handle.done():
                del self.submitted[key]
                self._end(self.cells[key], job)
            else:
                self.teller.look(self.cells[key], lease.read(self._folder(self.cells[key])))
        ready: list[PlannedCell] = []
        for cell in list(self.waiting.values()):
            if len(self.submitted) + len(ready) >= self.executor.slots:
                break
            if self._is_ready(cell):
                ready.append(cell)
        self._submit(ready)

    def _is_ready(self, cell: PlannedCell) -> bool:
        """Whether the cell can begin now. One that needs no job, or whose needs failed, is settled instead."""
        if any(key not in self.records for key in cell.needs) or time.monotonic() < self.not_before.get(cell.key, 0):
            return False
        if failed := [self.records[key] for key in cell.needs if self.records[key].status != "ok"]:
            other = failed[0]
            reason = f"it starts from a cell of {other.identity.model} that is {other.status}: {other.reason}"
            self._settle(cell, self._written(lost_record(self._job(cell), "skipped", reason)), cached=False)
            return False
        if found := self._there(cell):
            self._settle(cell, found, cached=found.status == "ok")
            return False
        if held := self._held(cell):
            if cell.key not in self.not_before:
                self.watch.on_held(cell, held)
            self.not_before[cell.key] = time.monotonic() + HELD_S
            return False
        return True

    def _there(self, cell: PlannedCell) -> Record | None:
        """The record that stands for the cell: the cached one, or what another process made of it meanwhile."""
        if cell.record and self.how.accepts(cell.record):
            return None if cell.lacking else cell.record
        if self._stamp(cell) == self.at_first[cell.key] or (found := self._read(cell)) is None:
            return None
        return found if found.status != "ok" or self.how.accepts(found) else None

    def _submit(self, cells: Sequence[PlannedCell]) -> None:
        begun = [cell for cell in cells if self._prepared(cell)]
        if not begun:
            return
        stamps = [self._stamp(cell) for cell in begun]
        handles = self.executor.submit([self._folder(cell) / JOB for cell in begun])
        for cell, stamp, handle in zip(begun, stamps, handles, strict=True):
            self.submitted[cell.key] = _Submitted(handle, stamp)

    def _prepared(self, cell: PlannedCell) -> bool:
        """The cell's job lies in its folder; False where that cannot be written, and the cell is settled as failed."""
        del self.waiting[cell.key]
        self.begun += 1
        self.watch.on_start(cell, self.begun, self.of)
        job = self._job(cell)
        try:
            write_json(self._folder(cell) / JOB, job)
        except OSError as error:
            self._settle(cell, lost_record(job, "failed", one_line(error)), cached=False)
            return False
        return True

    def _end(self, cell: PlannedCell, job: _Submitted) -> None:
        """A job has ended: its cell is settled, or waits again where another process turned out to hold it."""
        if self._stamp(cell) != job.stamp and (record := self._read(cell)) is not None:
            self.teller.rest(cell, record)
            self._settle(cell, record, cached=False)
        elif cell.record and self.how.accepts(cell.record):
            self._settle(cell, cell.record, cached=True)  # it could not be rescored: what it has stays
        elif self._held(cell):
            self.waiting[cell.key] = cell
            self.not_before[cell.key] = time.monotonic() + HELD_S
        else:
            reason = job.handle.reason() or f"the executor {self.how.executor} lost the job"
            self._settle(cell, self._written(lost_record(self._job(cell), "failed", reason)), cached=False)

    def _settle(self, cell: PlannedCell, record: Record, *, cached: bool) -> None:
        self.waiting.pop(cell.key, None)
        self.records[cell.key] = record
        self.cached += cached
        with suppress(OSError):
            (self._folder(cell) / JOB).unlink()
        self.watch.on_done(cell, record, cached)

    def _held(self, cell: PlannedCell) -> dict[str, Any] | None:
        """What the lease says of the live process that holds the cell; None where there is none."""
        try:
            return lease.held(self._folder(cell))
        except OSError:  # the folder cannot be used, which its job will find out
            return None

    def _written(self, record: Record) -> Record:
        """The record, in the store unless that cannot be written."""
        try:
            self.context.store.write(record)
        except OSError as error:
            return record.model_copy(update={"reason": f"{record.reason}; its record cannot be written: {error}"})
        return record

    def _read(self, cell: PlannedCell) -> Record | None:
        try:
            return read_record(self._folder(cell) / RECORD)
        except BadInput:
            return None

    def _stamp(self, cell: PlannedCell) -> tuple[int, int] | None:
        try:
            status = (self._folder(cell) / RECORD).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _folder(self, cell: PlannedCell) -> Path:
        return self.context.store.cell_folder(cell.identity, cell.key)

    def _job(self, cell: PlannedCell) -> Job:
        spec, how = cell.cell.dataset.spec, self.how
        cached = cell.record is not None and how.accepts(cell.record)
        return Job(
            what="trial" if how.trial else "rescore" if cached else "run",
            trial=how.trial,
            cell_key=cell.key,
            identity=cell.identity,
            command=command_of(cell.identity),
            store=str(self.context.store.root.resolve()),
            data_root=how.trial.material if how.trial else str(self.context.data_root.resolve()),
            device=self.context.device,
            threads=how.threads,
            precision=how.precision,
            force=how.force,
            deterministic=how.deterministic,
            timeout_s=how.timeout_s,
            checkpoint_every_s=how.checkpoint_every_s,
            weights={name: str(path.resolve()) for name, path in self.context.weights.items()},
            executor=how.executor,
            dataset_title=spec.title,
            model_title=cell.cell.model.title,
            synthetic=spec.synthetic,
            sizes={part: len(getattr(cell.cell.split, part)) for part in PARTS},
            classes=spec.classes,
        )
