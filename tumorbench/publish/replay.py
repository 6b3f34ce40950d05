"""A record's cell, run again from nothing, and what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tumorbench.contracts.problem import FOLDED
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.run.cell import CellOptions, run_cell
from tumorbench.run.context import Bench
from tumorbench.run.plan import Selection, make_plan
from tumorbench.store import Store

__all__ = ["Difference", "replay"]

Difference = tuple[str, float | None, float | None]
"""A metric's name, its value in the record, its value now."""


def replay(record: Record, bench: Bench, options: CellOptions) -> list[Difference]:
    """Every metric that differs between the record and the same cell run again in an empty store; empty when all are equal.

    Raises: BadInput where the cell no longer exists as recorded: other data, another split, model version or recipe.
    """
    identity = record.identity
    with TemporaryDirectory() as folder:
        place = replace(bench, store=Store(Path(folder)))
        selection = Selection(
            datasets=(identity.dataset,), models=(identity.model,), protocols=(identity.protocol,), budget=identity.budget, seeds=identity.seed + 1,
            folds=(identity.fold,) if identity.protocol in FOLDED else (),
        )  # fmt: skip
        cells = {cell.key: cell for cell in make_plan(selection, place).cells}
        if record.cell_key not in cells:
            changed = sorted(
                _changed(
                    record,
                    next(cell for cell in cells.values() if cell.identity.seed == identity.seed).identity.model_dump(),
                )
            )
            raise BadInput(
                f"the recorded cell {record.cell_key[:12]} cannot be run here as it was: {', '.join(changed)} changed since"
            )
        again = run_cell(cells[record.cell_key], place, options)
    now = {metric.name: metric.value for metric in again.metrics}
    return [
        (metric.name, metric.value, now.get(metric.name))
        for metric in record.metrics
        if now.get(metric.name) != metric.value
    ]


def _changed(record: Record, identity: dict[str, object]) -> list[str]:
    return [name for name, value in record.identity.model_dump().items() if identity[name] != value]
