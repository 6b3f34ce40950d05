"""All of it: every planned cell, then the speed of each model that finished one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tumorbench.contracts.record import Record, Throughput
from tumorbench.run.cell import CellOptions, lost_record, run_cell
from tumorbench.run.context import Bench
from tumorbench.run.plan import Plan, PlannedCell
from tumorbench.speed.throughput import measure_speed

__all__ = ["Campaign", "run_all"]


@dataclass(slots=True)
class Campaign:
    """What a run left: the record of each cell, in plan order, which were cached, and the throughputs."""

    records: list[Record] = field(default_factory=list)
    cached: int = 0
    throughputs: list[Throughput] = field(default_factory=list)
    speed_failures: dict[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> list[Record]:
        """Cells that were to finish and did not; a skipped one was never to."""
        return [record for record in self.records if record.status not in ("ok", "skipped")]


def run_all(
    plan: Plan,
    bench: Bench,
    options: CellOptions,
    *,
    with_speed: bool = True,
    on_start: Callable[[PlannedCell, int, int], None] = lambda _cell, _number, _of: None,
    on_done: Callable[[Record, bool], None] = lambda _record, _cached: None,
    on_speed: Callable[[str, str], None] = lambda _model, _dataset: None,
) -> Campaign:
    """Every cell of the plan has a record; a cell that fails does not stop the others, not even where its record cannot be written."""
    campaign = Campaign()
    for number, cell in enumerate(plan.cells, 1):
        cached = cell.record if cell.record and options.accept(cell.record) else None
        on_start(replace(cell, record=cached), number, len(plan.cells))
        record = cached or _run(cell, bench, options)
        campaign.records.append(record)
        campaign.cached += cached is not None
        on_done(record, cached is not None)
    if with_speed:
        _measure_speeds(plan, bench, campaign, on_speed)
    return campaign


def _run(cell: PlannedCell, bench: Bench, options: CellOptions) -> Record:
    try:
        return run_cell(cell, bench, options)
    except Exception as error:  # noqa: BLE001 - a full disk, or a machine that cannot be described, is this cell's misfortune
        return lost_record(cell, error)


def _measure_speeds(plan: Plan, bench: Bench, campaign: Campaign, on_speed: Callable[[str, str], None]) -> None:
    """The speed of each model that finished a cell, once for each shape of problem: data sets with as many classes share it."""
    measured: set[tuple[str, int]] = set()
    for cell, record in zip(plan.cells, campaign.records, strict=True):
        pair = (cell.model.id, cell.dataset.spec.id)
        shape = (cell.model.id, len(cell.dataset.spec.classes))
        if record.status != "ok" or shape in measured:
            continue
        measured.add(shape)
        on_speed(*pair)
        try:
            campaign.throughputs.append(measure_speed(cell, bench))
        except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
            campaign.speed_failures[" on ".join(pair)] = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
