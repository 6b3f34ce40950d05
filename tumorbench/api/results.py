"""``tumorbench.results``: the records of a store as tables of pandas."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorbench import tasks
from tumorbench.api.place import Folder
from tumorbench.contracts.budget import place_of
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.errors import BadInput
from tumorbench.store import Store
from tumorbench.tables.inputs import LocatedRecord, metric_id
from tumorbench.tables.markdown import plural
from tumorbench.tables.rows import Row, rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Results", "results"]

COLUMNS = (
    "dataset", "protocol", "fold", "seed", "budget", "task", "model", "version", "title", "origin", "synthetic",
    "metric", "value", "low", "high", "n", "higher_is_better", "by_chance", "real_vs_real", "ceiling", "cell_key",
)  # fmt: skip
NUMBERS = ("value", "low", "high", "by_chance", "real_vs_real", "ceiling")
SHOWN = 4  # metrics of a task, where a table is only looked at
GROUP = ("dataset", "protocol", "budget", "origin", "model")  # the index of ``pivot``


class Results:
    """The records of some cells, in a fixed order: a sequence of them, and tables of their values.

    store: the folder in which they lie.
    """

    def __init__(self, records: Iterable[Record], store: Path) -> None:
        self.records: tuple[Record, ...] = tuple(records)
        self.store = store

    @classmethod
    def of_written(cls, store: Store, records: Iterable[Record]) -> Results:
        """Records that were just written to the store."""
        return cls(records, store.root)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __getitem__(self, place: int) -> Record:
        return self.records[place]

    @property
    def failures(self) -> tuple[Record, ...]:
        """The records of cells without a result. ``status`` and ``reason`` say why."""
        return tuple(record for record in self.records if record.status != "ok")

    def frame(self) -> pd.DataFrame:
        """One row a finished cell and metric, with the columns ``COLUMNS``.

        metric: ``accuracy``, ``f1/CLASS``, ``kid[EXTRACTOR]``. value: NaN where it is undefined. low, high: its 95 %
        interval over patients or clusters, NaN where there is none. n: samples that it was computed on. origin:
        ``trained``, or ``evaluated`` for a model that was trained elsewhere.
        """
        import pandas as pd

        rows = [_row(record, metric) for record in self._finished() for metric in record.metrics]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(NUMBERS, float))

    def pivot(self, metrics: Sequence[str] | None = None, *, spread: bool = False) -> pd.DataFrame:
        """One row a model, protocol and budget, as on a board; one column a metric: the mean over its folds and seeds.

        metrics: by name; None: those that boards show of the tasks that are here. spread: the sample standard deviation
        of each (NaN for one cell) in a column ``METRIC ±`` beside it. cells: over how many the mean is. Rows of one
        data set, protocol and budget follow one another, evaluated ones after trained ones, by the first metric that
        they have, the best first.
        """
        import pandas as pd

        rows = self._rows()
        names = list(metrics) if metrics is not None else _headlines(rows)
        lines = [_line(row, names, spread=spread) for row in sorted(rows, key=lambda row: _place(row, names))]
        columns = [each for name in names for each in ((name, f"{name} ±") if spread else (name,))]
        table = pd.DataFrame(lines, columns=[*GROUP, *columns, "cells"])
        return table.astype(dict.fromkeys(columns, float)).set_index(list(GROUP))

    def _finished(self) -> list[Record]:
        return [record for record in self.records if record.status == "ok"]

    def _rows(self) -> list[Row]:
        """The rows of the boards: of two records of the same fold and seed the later counts."""
        groups: dict[tuple[str, ...], list[LocatedRecord]] = {}
        for record in self._finished():
            identity = record.identity
            key = identity.dataset, identity.budget, identity.origin
            groups.setdefault(key, []).append(LocatedRecord(record, record.cell_key))
        return [row for _, located in sorted(groups.items()) for row in rows_of(located)]

    def __repr__(self) -> str:
        """A table for each task, of the first metrics that boards show; and what has no result."""
        shown = [part.reset_index().to_string(index=False) for part in self._tables()]
        return "\n\n".join([*shown, *map(_failed, self.failures)] or ["no record"])

    def _tables(self) -> Iterator[pd.DataFrame]:
        for task in tasks.TASKS.values():
            own = Results([each for each in self._finished() if tasks.of(each.identity) is task], self.store)
            if own.records:
                yield own.pivot(_headlines(own._rows())[:SHOWN])  # noqa: PD010 - no method of pandas

    def _repr_html_(self) -> str:
        return "".join(part.to_html() for part in self._tables())


def results(store: Folder = "runs") -> Results:
    """Every record of a store, or of published ones (``leaderboards/results``). What cannot be read is warned of.

    Raises: BadInput where there is no such folder.

    >>> import tempfile
    >>> import tumorbench as tb
    >>> len(tb.results(tempfile.mkdtemp()))
    0
    """
    place = Store(Path(store)).to_read()
    if not place.root.is_dir():
        raise BadInput(f"the store {place.root} does not exist; tumorbench run or tumorbench.run makes one")
    found = [record for _, record in place.records()]
    if place.damaged:
        first = next(iter(place.damaged.values()))
        warnings.warn(f"{plural(len(place.damaged), 'record')} in {place.root} cannot be read: {first}", stacklevel=2)
    return Results(found, place.root)


def _row(record: Record, metric: MetricValue) -> dict[str, Any]:
    identity, (low, high) = record.identity, metric.interval or (None, None)
    return {
        **{name: getattr(identity, name) for name in COLUMNS if name in type(identity).model_fields},
        **{name: getattr(metric, name) for name in COLUMNS if name in MetricValue.model_fields},
        "version": identity.model_version,
        "title": record.model_title,
        "synthetic": record.synthetic,
        "metric": metric.name,
        "low": low,
        "high": high,
        "cell_key": record.cell_key,
    }


def _headlines(rows: Iterable[Row]) -> list[str]:
    """The names of the metrics that boards show, of those that the rows have."""
    found: dict[str, None] = {}
    kept = list(rows)
    for task in tasks.TASKS.values():
        for name in task.headlines:
            there = {each for row in kept for each in row.metric_names if metric_id(each) == name and "/" not in each}
            found |= dict.fromkeys(sorted(there))
    return list(found)


def _line(row: Row, names: Sequence[str], *, spread: bool) -> dict[str, Any]:
    identity, line = row.identity, {}
    for name in names:
        statistic = row.statistic(name)
        line[name] = statistic.mean if statistic else None
        if spread:
            line[f"{name} ±"] = statistic.spread if statistic else None
    where = {name: getattr(identity, name) for name in GROUP}
    return {**where, "model": identity.model + row.suffix, **line, "cells": len(row.cells)}


def _place(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    """What rows are sorted by: trained ones before evaluated ones, the best first."""
    identity = row.identity
    first = next((found for name in names if (found := row.statistic(name)) and found.mean is not None), None)
    worth = 0.0 if first is None or first.mean is None else -first.mean if first.higher_is_better else first.mean
    where = (
        identity.dataset,
        identity.protocol,
        identity.origin == "evaluated",
        place_of(identity.budget),
        identity.task,
    )
    return *where, first is None, worth, identity.model, row.suffix


def _failed(record: Record) -> str:
    identity = record.identity
    return (
        f"{record.status}: {identity.dataset} {identity.model} {identity.protocol} fold {identity.fold} seed "
        f"{identity.seed}: {record.reason}"
    )
