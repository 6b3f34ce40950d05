"""What ``run`` tells while it works: its budget and device first, then each cell as it begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tumorbench.cli.output import Reporter
from tumorbench.contracts.problem import Budget
from tumorbench.registry import Registry
from tumorbench.run.plan import budget_on

if TYPE_CHECKING:
    from tumorbench.contracts.record import Record
    from tumorbench.run.campaign import Watch
    from tumorbench.run.plan import Plan, PlannedCell

__all__ = ["introduce", "opening", "watching"]


def opening(asked: Budget | None, device: str) -> str:
    """The first line of a run: its budget and device, and why where the budget is the short one by default."""
    budget = budget_on(device, asked)
    why = "" if asked or budget == "full" else " (no CUDA device is used; give --budget full for the whole recipe)"
    return f"{budget} budget on {device}{why}"


def introduce(planned: Plan, registry: Registry, report: Reporter) -> None:
    """The lines before the first cell: how many there are, data sets that are not here, broken plugins."""
    report.line(f"{len(planned.cells)} cells, {sum(cell.record is not None for cell in planned.cells)} of them cached")
    for missing in planned.unavailable:
        report.line(f"unavailable: {missing}")
    for plugin in registry.plugins:
        for fault in plugin.faults:
            report.line(f"broken plugin {plugin.name}: {fault}")


def watching(report: Reporter) -> Watch:
    """Tells that a cell begins, on how many samples; each of its epochs; how it ended; that another process has it."""
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
        if not cached:
            values = [metric for metric in record.metrics[:3] if metric.value is not None]
            told = record.reason or ", ".join(f"{metric.name} {metric.value:.4g}" for metric in values)
            report.line(f"  {record.status} in {record.timing.total_s:.0f} s: {_name(cell)}: {told}")

    def held(cell: PlannedCell, lease: dict[str, Any]) -> None:
        report.line(f"{_name(cell)} is being computed by process {lease.get('pid')} on {lease.get('host')}; later")

    return Watch(start, progress, done, held)


def _name(cell: PlannedCell) -> str:
    identity = cell.identity
    return (
        f"{identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed} "
        f"{identity.budget}"
    )
