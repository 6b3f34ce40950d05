"""How sure the rows of a board are: replicates of each row's values over patients and seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tumorbench.statistics.rows import CellDraws, RowDraws, drawn_row, of_interval
from tumorbench.tables.inputs import BoardCards, LocatedRecord, metric_id
from tumorbench.tables.rows import Row

__all__ = ["Sureness", "sureness"]

SAME = 1e-6  # between a record's value and the one that its predictions give
SHARE = (0.0, 1.0)
Ends = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sureness:
    """The replicates of one row's means, by the metric's name, and their 95 % intervals."""

    draws: Mapping[str, RowDraws] = field(default_factory=dict)
    intervals: Mapping[str, Ends] = field(default_factory=dict)


def sureness(row: Row, names: Iterable[str], cards: BoardCards) -> Sureness:
    """Replicates of those of the named values that have any.

    They are of the cells' predictions. Where these are not here, as a generator's, they are drawn from the interval in
    the record; a value without either has none.
    """
    drawn = {_cell(cell): _replicates(cell) for cell in row.cells}
    found, intervals = {}, {}
    for name in names:
        reach = _reach(name, cards)
        values = {_cell(cell): value for cell in row.cells if (value := _value(cell, name)) is not None}
        cells = {}
        for cell in row.cells:
            own = _of_predictions(cell, name, drawn[_cell(cell)]) or _of_record(cell, name, reach)
            if own is not None:
                cells[_cell(cell)] = own
        whole = drawn_row(values, cells, f"{row.identity.model}{row.suffix}")
        if whole is not None:
            found[name] = whole
            if ends := _stored(row, name, drawn) or whole.interval(reach):
                intervals[name] = ends
    return Sureness(found, intervals)


def _replicates(cell: LocatedRecord) -> Mapping[str, tuple[float, CellDraws]]:
    """By the value's name: the value that the predictions give, and its replicates."""
    found = cell.replicates() if cell.replicates else None
    if found is None:
        return {}
    return {name: (found.observed[name], CellDraws(draws, found.clusters)) for name, draws in found.draws.items()}


def _of_predictions(cell: LocatedRecord, name: str, drawn: Mapping[str, tuple[float, CellDraws]]) -> CellDraws | None:
    """None where the predictions give no such value, or another: one of an older version of the metric."""
    value = _value(cell, name)
    if value is None or name not in drawn:
        return None
    observed, draws = drawn[name]
    return draws if abs(observed - value) <= SAME * max(1.0, abs(value)) else None


def _of_record(cell: LocatedRecord, name: str, reach: Ends) -> CellDraws | None:
    metric, value = cell.record.metric(name), _value(cell, name)
    if metric is None or metric.interval is None or value is None:
        return None
    identity = cell.record.identity
    shared = f"{identity.model} {identity.dataset} {identity.protocol} {identity.fold} {name}"  # by the seeds of a fold
    return of_interval(value, metric.interval, metric.n, shared, value_range=reach)


def _stored(row: Row, name: str, drawn: Mapping[tuple[int, int], Mapping[str, object]]) -> Ends | None:
    """The record's own interval, of a row of one cell whose predictions are not here."""
    (cell, *others) = row.cells
    metric = cell.record.metric(name)
    return None if others or metric is None or name in drawn[_cell(cell)] else metric.interval


def _value(cell: LocatedRecord, name: str) -> float | None:
    metric = cell.record.metric(name)
    known = metric is not None and metric.value is not None and math.isfinite(metric.value)
    return metric.value if metric is not None and known else None


def _cell(cell: LocatedRecord) -> tuple[int, int]:
    return cell.record.identity.fold, cell.record.identity.seed


def _reach(name: str, cards: BoardCards) -> Ends:
    """Between what a value of that name lies."""
    if name.startswith("tstr_"):
        return SHARE
    return next((card.value_range for card in cards.metrics if card.id == metric_id(name)), (-math.inf, math.inf))
