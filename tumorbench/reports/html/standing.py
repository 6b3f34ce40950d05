"""The rows of each table of a section with their places and intervals, as the boards give them: nothing is ranked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorbench.boards.blocks import Block, Ranking, blocks
from tumorbench.boards.ranking import Place, order, places, ranking_note
from tumorbench.boards.uncertainty import Sureness, sureness
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.rows import Row

__all__ = ["UNRANKED", "Standing", "StandingRow", "name_of", "standings_of"]

UNRANKED = "tstr_generated"  # of a table that does not rank: what generated images are worth


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A row of a board. places: by the name of the ranking metric, the first being the one that orders the table."""

    row: Row
    sure: Sureness
    places: Mapping[str, Place]

    @property
    def name(self) -> str:
        """As ``name_of``."""
        return name_of(self.row)

    @property
    def protocol(self) -> str:
        """The row's protocol."""
        return str(self.row.identity.protocol)


@dataclass(frozen=True, slots=True)
class Standing:
    """A table of a board: its columns, and its rows in the board's order. note: what limits its ranks, "" for nothing."""

    block: Block
    rows: Sequence[StandingRow]
    note: str

    @property
    def metric(self) -> str:
        """The metric that orders the table; where none ranks what stands for it; "" for a table without any."""
        rankings, metrics = self.block.rankings, self.block.metrics
        return rankings[0].metric if rankings else UNRANKED if UNRANKED in metrics else next(iter(metrics), "")

    @property
    def name_folds(self) -> bool:
        """Whether rows rank among others of the same folds only, so that each rank has to name its folds."""
        ranked = {place.folds for each in self.rows for place in each.places.values() if place.rank is not None}
        return len(ranked) > 1


def name_of(row: Row) -> str:
    """The model's id, what tells the row from another of the same model, and the data set that it learned from."""
    other = row.identity.trained_on
    return f"{row.identity.model}{row.suffix}{f', trained on {other.dataset}' if other else ''}"


def standings_of(task: str, rows: Sequence[Row], cards: BoardCards) -> list[Standing]:
    """The tables of these rows, which are of one data set and budget."""
    return [_standing(block, rows, cards) for block in blocks(task, rows, cards)]


def _standing(block: Block, rows: Sequence[Row], cards: BoardCards) -> Standing:
    kept = [row for row in rows if not block.title or row.metric_names & set(block.metrics)]
    sure = [sureness(row, block.metrics, cards) for row in kept]
    rankings: Sequence[Ranking | None] = block.rankings or (None,)
    found = {each.metric if each else "": places(kept, each, sure) for each in rankings}
    lines = [
        StandingRow(row, own, {metric: each[number] for metric, each in found.items()})
        for number, (row, own) in enumerate(zip(kept, sure, strict=True))
    ]
    first = next(iter(found.values()))
    ordered = sorted(lines, key=lambda line: order(line.row, next(iter(line.places.values()))))
    return Standing(block, ordered, ranking_note(first) or "")
