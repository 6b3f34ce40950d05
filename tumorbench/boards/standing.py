"""The rows of one table in its order, with places and the intervals of all values: every page shows these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorbench.boards.blocks import Block, blocks
from tumorbench.boards.ranking import Place, order, places, rank, ranking_note
from tumorbench.boards.uncertainty import Sureness, sureness
from tumorbench.tables.inputs import BoardCards, metric_id
from tumorbench.tables.rows import Row

__all__ = ["Line", "Standing", "plugin_of", "standings"]

CORE = "tumorbench"  # the distribution whose metrics are built in


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table. places: by the heading of each column of ranks; the first orders the table."""

    row: Row
    sure: Sureness
    places: Mapping[str, Place]


@dataclass(frozen=True, slots=True)
class Standing:
    """A table: its metrics, and its rows in their order."""

    block: Block
    lines: tuple[Line, ...]

    def ranks(self, line: Line) -> dict[str, str]:
        """What stands in the row's columns of ranks; with the folds where rows differ in them."""
        known = {place.folds for each in self.lines for place in each.places.values() if place.rank is not None}
        return {heading: rank(place, name_folds=len(known) > 1) for heading, place in line.places.items()}

    @property
    def note(self) -> str | None:
        """What limits the ranks; None where nothing does."""
        return ranking_note([next(iter(line.places.values())) for line in self.lines])


def standings(task: str, rows: Sequence[Row], cards: BoardCards) -> list[Standing]:
    """The tables of these rows, which are of one task, data set and budget."""
    return [_standing(block, rows, cards) for block in blocks(task, rows, cards)]


def _standing(block: Block, rows: Sequence[Row], cards: BoardCards) -> Standing:
    kept = [row for row in rows if not block.title or row.metric_names & set(block.every)]
    sure = [sureness(row, block.every, cards) for row in kept]
    several = len(block.rankings) > 1
    found = {
        f"rank by {metric_id(ranking.metric)}" if several else "rank": places(kept, ranking, sure)
        for ranking in block.rankings
    } or {"rank": places(kept, None, sure)}
    lines = [
        Line(row, own, {heading: each[number] for heading, each in found.items()})
        for number, (row, own) in enumerate(zip(kept, sure, strict=True))
    ]
    return Standing(block, tuple(sorted(lines, key=lambda line: order(line.row, next(iter(line.places.values()))))))


def plugin_of(metric: str, lines: Sequence[Line]) -> str:
    """The distribution of a metric that is not built in; "" for one that is."""
    records = [cell.record for line in lines for cell in line.row.cells]
    given = {each.plugin for record in records for each in record.instruments if each.metric == metric_id(metric)}
    return next(iter(sorted(given - {CORE})), "")
