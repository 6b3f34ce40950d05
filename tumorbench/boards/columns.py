"""The columns of a board: which there are, which were chosen, and how the rest fits the width of a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from tumorbench.boards.blocks import Block
from tumorbench.boards.standing import Line, plugin_of
from tumorbench.tables import entries
from tumorbench.tables.coverage import coverage
from tumorbench.tables.inputs import BoardCards, metric_id
from tumorbench.tables.leaks import leaks
from tumorbench.tables.markdown import NOTHING, code, narrow_table, shortened

__all__ = ["FACTS", "WIDTH", "chosen_entries", "fitting_table", "giving_way", "known_columns", "main_entries"]

WIDTH = 120  # characters of a line of a board
LEAST = 20  # of a model's name, before a column gives way to it
MODEL = "model"

FACTS: dict[str, Callable[[Line, BoardCards], str]] = {
    "parameters": lambda line, _: entries.parameters(line.row),
    "cells": lambda line, _: entries.cell_count(line.row),
    "split": lambda line, cards: leaks(line.row, cards),
    "slices": lambda line, cards: coverage(line.row, cards),
    "test samples": lambda line, _: entries.tested(line.row),
    "constant class": lambda line, _: entries.constant_class(line.row),
    "budget": lambda line, _: line.row.identity.budget,
    "hardware": lambda line, _: entries.hardware(line.row),
    "checked": lambda line, _: entries.checked(line.row),
    "records": lambda line, _: entries.records(line.row),
}
"""Columns that are no metric, by their heading -> what stands there."""
DEFAULT = ("parameters", "cells")


def known_columns(metric_names: Iterable[str]) -> list[str]:
    """What can be chosen: the facts, each value by its name, and each metric by its id."""
    names = set(metric_names)
    return [*FACTS, *sorted(names | {metric_id(name) for name in names})]


def main_entries(lines: Sequence[Line], block: Block, cards: BoardCards) -> list[dict[str, str]]:
    """What stands in each row by itself: the first metric with its interval, the others' means, parameters, cells."""
    found = []
    for line in lines:
        entry = {}
        for number, name in enumerate(block.main):
            ends = line.sure.intervals.get(name) if number == 0 else None
            entry[_heading(block, name)] = entries.short_value(line.row.statistic(name), ends)
        found.append(entry | {name: FACTS[name](line, cards) for name in DEFAULT})
    return found


def giving_way(lines: Sequence[Line], block: Block) -> list[str]:
    """Headings of main metrics that may be left out, the last first; those of plugins, which ask for it, stay longest."""
    names = sorted(block.main[1:], key=lambda name: not plugin_of(name, lines))
    return [_heading(block, name) for name in names]


def chosen_entries(
    lines: Sequence[Line], block: Block, cards: BoardCards, columns: Sequence[str]
) -> list[dict[str, str]]:
    """The same with the columns that were chosen, each value with its interval.

    What the table does not have is left out.
    """
    names = {column: _named(block, column) for column in columns}
    found = []
    for line in lines:
        entry = {}
        for column, name in names.items():
            if column in FACTS:
                entry[column] = FACTS[column](line, cards)
            elif name is not None:
                ends = line.sure.intervals.get(name)
                entry[_heading(block, name)] = entries.short_value(line.row.statistic(name), ends)
        found.append(entry)
    return found


def _named(block: Block, column: str) -> str | None:
    """The table's value of that name, or the only one whose metric has that id: ``fid`` of ``fid[EXTRACTOR]``."""
    if column in block.every:
        return column
    whole = [name for name in block.every if metric_id(name) == column and "/" not in name]
    return whole[0] if len(whole) == 1 else None


def _heading(block: Block, name: str) -> str:
    """The heading without the extractor, which the table's title names."""
    heading = block.metrics.get(name, code(name))
    extractor = name.partition("[")[2].partition("]")[0]
    return heading.replace(f"\\[{extractor}]", "") if extractor else heading


def fitting_table(rows: Sequence[Mapping[str, str]], models: Sequence[str], droppable: Sequence[str]) -> str:
    """The rows as a table no wider than a screen, where that can be.

    models: what stands in the column "model" of each row; a name that is too long loses its middle. droppable: headings
    that give way, the last first, where names would become too short.
    """
    dropped = list(droppable)
    kept = [dict(row) for row in rows]
    while (room := _room(kept)) < min(LEAST, max(map(len, models)) + 2) and dropped:
        heading = dropped.pop()
        kept = [{name: text for name, text in row.items() if name != heading} for row in kept]
    shown = [shortened(model, max(room, LEAST)) for model in models]
    return narrow_table([row | {MODEL: name} for row, name in zip(kept, shown, strict=True)])


def _room(rows: Sequence[Mapping[str, str]]) -> int:
    """The characters that the other columns leave for the model's name."""
    headings = dict.fromkeys(heading for row in rows for heading in row if heading != MODEL)
    taken = [max(len(heading), *(len(row.get(heading, NOTHING)) for row in rows)) for heading in headings]
    return WIDTH - sum(taken) - 3 * len(headings) - 4  # a bar and two spaces a column, and the last bar
