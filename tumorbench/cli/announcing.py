"""What ``run`` tells while it works: its budget and device first, then each cell as it begins and ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tumorbench.cli.output import Reporter, fail
from tumorbench.contracts.budget import Budget, share_of
from tumorbench.registry import Registry
from tumorbench.run.plan import budget_on
from tumorbench.tables.markdown import plural

if TYPE_CHECKING:
    from tumorbench.contracts.record import Record
    from tumorbench.run.campaign import Watch
    from tumorbench.run.context import Context
    from tumorbench.run.plan import Plan, PlannedCell
    from tumorbench.store import Store

__all__ = ["introduce", "observing", "opening", "watching"]

SHOWN = 3  # values of a finished cell


def opening(asked: Budget | None, device: str) -> str:
    """The first line of a run: its budget and device, and why where the budget is the short one by default."""
    budget = budget_on(device, asked)
    why = "" if asked or budget == "full" else " (no CUDA device is used; give --budget full for the whole recipe)"
    if share := share_of(budget):
        why = f" ({share} of each recipe's epochs, all else as in full)"
    return f"{budget} budget on {device}{why}"


def introduce(planned: Plan, registry: Registry, report: Reporter) -> None:
    """The lines before the first cell: how many there are, data sets that are not here, broken plugins."""
    cached = sum(cell.record is not None for cell in planned.cells)
    report.line(f"{plural(len(planned.cells), 'cell')}, {cached} of them cached")
    for missing in planned.unavailable:
        report.line(f"unavailable: {missing}")
    for plugin in registry.plugins:
        for fault in plugin.faults:
            report.line(f"broken plugin {plugin.name}: {fault}")


def watching(report: Reporter, planned: Plan | None = None, store: Store | None = None) -> Watch:
    """Tells of each cell what happens to it: on a terminal in a live table, elsewhere in plain lines.

    Lines say that it begins, on how many samples; each of its epochs; how it ended; that another process has it. On a
    terminal those that the table does not show stand above it. Without a plan there is no table.
    """
    lines = _lines(report)
    if not report.on_terminal or planned is None:
        return lines
    from tumorbench.cli.live import Board
    from tumorbench.run.campaign import Watch
    from tumorbench.run.plan import expected_seconds

    board = Board(planned, expected_seconds(planned, store) if store else {})
    report.show(board)

    def done(cell: PlannedCell, record: Record, cached: bool) -> None:
        board.end(cell, record, cached)
        lines.on_done(cell, record, cached)

    return Watch(
        on_start=lambda cell, _number, _of: board.begin(cell), on_done=done, on_held=lines.on_held, on_beat=board.beat
    )


@contextmanager
def observing(asked: Sequence[str], context: Context, watch: Watch) -> Iterator[Watch]:
    """Inside, the watch tells the observers too; afterwards they have ended. A fault of one is told once, in one line.

    asked: ``ID`` or ``ID=WHERE``. Raises: BadInput for what is not installed.
    """
    if not asked:
        yield watch
        return
    from tumorbench.run.observing.feeds import close_feeds, observed, start_feeds

    def told(name: str, reason: str) -> None:
        fail(f"observer {name}: {reason}; the run goes on without it")

    feeds = start_feeds(asked, context.registry, context.store, told)
    try:
        yield observed(watch, feeds, context.store)
    finally:
        close_feeds(feeds)


def _lines(report: Reporter) -> Watch:
    from tumorbench.run.campaign import Watch

    def start(cell: PlannedCell, number: int, of: int) -> None:
        report.clear()
        split = cell.cell.split
        size = cell.identity.recipe.preprocessing.size
        samples = f"{len(split.train)} train, {len(split.val)} val, {len(split.test)} test"
        report.line(f"[{number}/{of}] {_name(cell)}, {size} px: {cell.reason if cell.record else samples}")

    def progress(_cell: PlannedCell, lease: dict[str, Any]) -> None:
        report.epoch(lease.get("entry") or {"epoch": lease["epoch"]}, int(lease.get("epochs") or 0))

    def done(cell: PlannedCell, record: Record, cached: bool) -> None:
        from tumorbench.boards.summary import leading

        if not cached:
            values = [f"{each.name} {each.value:.4g}" for each in leading(record) if each.value is not None]
            told = record.reason or ", ".join(values[:SHOWN])
            report.line(f"  {record.status} in {record.timing.total_s:.0f} s: {_name(cell)}: {told}")

    def held(cell: PlannedCell, lease: dict[str, Any]) -> None:
        report.line(f"{_name(cell)} is being computed by process {lease.get('pid')} on {lease.get('host')}; later")

    return Watch(on_start=start, on_progress=progress, on_done=done, on_held=held)


def _name(cell: PlannedCell) -> str:
    identity = cell.identity
    return (
        f"{identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed} "
        f"{identity.budget}"
    )
