"""The few lines that follow a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tumorbench.boards.blocks import HEADLINES
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.tables.inputs import metric_id

__all__ = ["summary_table"]


def summary_table(records: Sequence[Record]) -> list[dict[str, Any]]:
    """One line a cell, in a fixed order: its identity, its status and its first headline metric (None where none)."""
    ordered = sorted(records, key=_order)
    return [_line(record) for record in ordered]


def _order(record: Record) -> tuple[str, str, str, str, int, int, str]:
    identity = record.identity
    return (
        identity.dataset,
        identity.model,
        identity.protocol,
        identity.budget,
        identity.fold,
        identity.seed,
        record.cell_key,
    )


def _line(record: Record) -> dict[str, Any]:
    identity, metric = record.identity, _headline(record)
    return {
        "dataset": identity.dataset,
        "model": identity.model,
        "protocol": identity.protocol,
        "fold": identity.fold,
        "seed": identity.seed,
        "budget": identity.budget,
        "status": record.status,
        "metric": metric.name if metric else None,
        "value": metric.value if metric else None,
        "n": metric.n if metric else None,
        "reason": record.reason,
    }


def _headline(record: Record) -> MetricValue | None:
    for name in HEADLINES[record.identity.task]:
        for metric in record.metrics:
            if "/" not in metric.name and metric_id(metric.name) == name:
                return metric
    return None
