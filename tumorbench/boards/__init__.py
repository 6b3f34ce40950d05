"""Boards: Markdown tables rendered from records. Pure functions of the records and cards: equal input, equal bytes."""

from tumorbench.boards.inputs import BoardCards, LocatedRecord
from tumorbench.boards.pages import render_boards
from tumorbench.boards.reproductions import render_reproductions
from tumorbench.boards.summary import summary_table

__all__ = ["BoardCards", "LocatedRecord", "render_boards", "render_reproductions", "summary_table"]
