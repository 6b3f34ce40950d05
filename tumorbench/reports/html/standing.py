"""The rows of each table of a section, with places and intervals as the boards give them: nothing is ranked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorbench.boards import standing as boards
from tumorbench.boards.blocks import Block
from tumorbench.boards.ranking import Place
from tumorbench.boards.standing import standings
from tumorbench.boards.uncertainty import Sureness
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.rows import Row

__all__ = ["UNRANKED", "Standing", "StandingRow", "name_of", "standings_of"]

UNRANKED = "tstr_generated"  # of a table that does not rank: what generated images are worth


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A row of a board.

    places: by the name of the ranking metric, the first being the one that orders the table; ranks: the same in words,
    by the heading of their column.
    """

    row: Row
    sure: Sureness
    places: Mapping[str, Place]
    ranks: Mapping[str, str]

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
    """A table of a board: its columns, and its rows in order. note: what limits its ranks, "" for nothing."""

    block: Block
    rows: Sequence[StandingRow]
    note: str

    @property
    def metric(self) -> str:
        """The metric that orders the table; where none ranks what stands for it; "" for a table without any."""
        rankings, metrics = self.block.rankings, self.block.metrics
        return rankings[0].metric if rankings else UNRANKED if UNRANKED in metrics else next(iter(metrics), "")


def name_of(row: Row) -> str:
    """The model's id, what tells the row from another of the same model, and the data set that it learned from."""
    other = row.identity.trained_on
    return f"{row.identity.model}{row.suffix}{f', trained on {other.dataset}' if other else ''}"


def standings_of(task: str, rows: Sequence[Row], cards: BoardCards) -> list[Standing]:
    """The tables of these rows, which are of one data set and budget."""
    return [_standing(found) for found in standings(task, rows, cards)]


def _standing(found: boards.Standing) -> Standing:
    metrics = [ranking.metric for ranking in found.block.rankings] or [""]
    lines = [
        StandingRow(
            line.row,
            line.sure,
            dict(zip(metrics, line.places.values(), strict=True)),
            found.ranks(line),
        )
        for line in found.lines
    ]
    return Standing(found.block, lines, found.note or "")
