"""The few lines that follow a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tumorbench.boards.blocks import HEADLINES, TSTR
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.tables.inputs import metric_id

__all__ = ["leading", "summary_table"]


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
    identity, metric = record.identity, next(iter(leading(record)), None)
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


def leading(record: Record) -> list[MetricValue]:
    """The headline metrics of the record, not those of a class, in the boards' order."""
    order = (*HEADLINES[record.identity.task], *TSTR)
    whole = [metric for metric in record.metrics if "/" not in metric.name and metric_id(metric.name) in order]
    return sorted(whole, key=lambda metric: order.index(metric_id(metric.name)))
