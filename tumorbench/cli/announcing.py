"""What ``run`` tells while it works: its budget and device first, then each cell as it begins and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tumorbench.cli.output import Reporter
from tumorbench.contracts.problem import Budget
from tumorbench.registry import Registry
from tumorbench.run.plan import budget_on

if TYPE_CHECKING:
    from tumorbench.contracts.record import Record
    from tumorbench.run.plan import Plan, PlannedCell

__all__ = ["finished", "introduce", "measuring", "opening", "starting"]


def opening(asked: Budget | None, device: str) -> str:
    """The first line of a run: its budget and device, and why where the budget is the short one by default."""
    budget = budget_on(device, asked)
    why = "" if asked or budget == "full" else " (no CUDA device is used; give --budget full for the whole recipe)"
    return f"{budget} budget on {device}{why}"


def introduce(planned: Plan, registry: Registry, report: Reporter) -> None:
    """The lines before the first cell: how many there are, data sets that are not here, broken plugins."""
    report.line(f"{len(planned.cells)} cells, {sum(cell.record is not None for cell in planned.cells)} of them cached")
    for name, reason in planned.unavailable.items():
        report.line(f"not on disk: {name}: {reason}")
    for plugin in registry.plugins:
        for fault in plugin.faults:
            report.line(f"broken plugin {plugin.name}: {fault}")


def starting(report: Reporter) -> Any:
    """Tells that a cell begins: which one, and on how many samples."""

    def announce(cell: PlannedCell, number: int, of: int) -> None:
        report.clear()
        identity = cell.identity
        size = identity.recipe.preprocessing.size
        report.line(
            f"[{number}/{of}] {identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed} {identity.budget}, {size} px: "
            + (
                "cached"
                if cell.record
                else f"{len(cell.split.train)} train, {len(cell.split.val)} val, {len(cell.split.test)} test"
            )
        )

    return announce


def finished(report: Reporter) -> Any:
    """Tells how a cell that was computed ended."""

    def announce(record: Record, cached: bool) -> None:
        if not cached:
            told = ", ".join(
                f"{metric.name} {metric.value:.4g}" for metric in record.metrics[:3] if metric.value is not None
            )
            report.line(f"  {record.status} in {record.timing.total_s:.0f} s: {record.reason or told}")

    return announce


def measuring(report: Reporter) -> Any:
    """Tells whose speed is measured."""
    return lambda model, dataset: report.line(f"measuring the throughput of {model} on {dataset}")
