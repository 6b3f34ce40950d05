"""The rows of the boards as data, for ``leaderboard --json``: the same places and intervals, with all digits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tumorbench.boards.pages import by_task_of
from tumorbench.boards.standing import Line, standings
from tumorbench.contracts.budget import place_of
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.leaks import leaks
from tumorbench.tables.rows import rows_of, without_outdated_failures

__all__ = ["board_entries"]


def board_entries(records: Sequence[LocatedRecord], cards: BoardCards) -> list[dict[str, Any]]:
    """One object a row and table, in the order of the boards: what it is, its ranks, and every value that it has."""
    found: list[dict[str, Any]] = []
    for task, located in by_task_of(without_outdated_failures(records)).items():
        finished = [cell for cell in located if cell.record.status == "ok"]
        for key in sorted({_section(cell) for cell in finished}, key=lambda key: (*key[:-1], place_of(key[-1]))):
            rows = rows_of(cell for cell in finished if _section(cell) == key)
            for standing in standings(task, rows, cards):
                about = {"task": task, "table": standing.block.title}
                found += [about | _entry(line, standing.block.every, cards) for line in standing.lines]
    return found


def _section(cell: LocatedRecord) -> tuple[str, bool, str, str]:
    identity = cell.record.identity
    return identity.origin, cell.record.synthetic, identity.dataset, identity.budget


def _entry(line: Line, names: Sequence[str], cards: BoardCards) -> dict[str, Any]:
    row, identity = line.row, line.row.identity
    first, *_ = line.places.values()
    return {
        "dataset": identity.dataset,
        "synthetic": row.record.synthetic,
        "budget": identity.budget,
        "protocol": identity.protocol,
        "trained_on": identity.trained_on.dataset if identity.trained_on else None,
        "origin": identity.origin,
        "model": identity.model,
        "version": identity.model_version,
        "suffix": row.suffix,
        "rank": first.rank,
        "ranks": {heading: {"rank": place.rank, "ends": place.ends} for heading, place in line.places.items()},
        "parameters": row.record.parameters.get("total"),
        "cells": len(row.cells),
        "folds": row.folds,
        "split": leaks(row, cards),
        "metrics": dict(_values(line, names)),
        "records": [cell.path for cell in row.cells],
    }


def _values(line: Line, names: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in names:
        if statistic := line.row.statistic(name):
            yield (
                name,
                {
                    "mean": statistic.mean,
                    "spread": statistic.spread,
                    "interval": line.sure.intervals.get(name, statistic.interval),
                    "n": list(statistic.samples),
                    "higher_is_better": statistic.higher_is_better,
                    "real_vs_real": statistic.real_vs_real,
                    "ceiling": statistic.ceiling,
                },
            )
