"""One table of a board: the columns that fit a screen, or those that were chosen."""

from __future__ import annotations

from collections.abc import Sequence

from tumorbench.boards.columns import chosen_entries, fitting_table, giving_way, main_entries
from tumorbench.boards.standing import Line, Standing
from tumorbench.tables import entries
from tumorbench.tables.inputs import BoardCards

__all__ = ["board_table"]


def board_table(
    standing: Standing, lines: Sequence[Line], cards: BoardCards, columns: Sequence[str], *, ranked: bool
) -> str:
    """These rows of the table. columns: those that were chosen, if any; none of them gives way.

    ranked: with a column of ranks, and without one of protocols, which are all the same there.
    """
    first = [standing.ranks(line) if ranked else {"protocol": entries.short_protocol(line.row)} for line in lines]
    if columns:
        rest, droppable = chosen_entries(lines, standing.block, cards, columns), []
    else:
        rest, droppable = main_entries(lines, standing.block, cards), giving_way(lines, standing.block)
    rows = [front | {"model": ""} | each for front, each in zip(first, rest, strict=True)]
    return fitting_table(rows, _names(lines), droppable)


def _names(lines: Sequence[Line]) -> list[str]:
    """The models' names, with their versions where these tell rows apart."""
    names = [f"{line.row.identity.model}{line.row.suffix}" for line in lines]
    told = {(line.row.identity.protocol, name) for line, name in zip(lines, names, strict=True)}
    return names if len(told) == len(lines) else [entries.name(line.row) for line in lines]
