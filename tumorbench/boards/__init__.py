"""Boards: Markdown tables rendered from records. Pure functions of the records and cards: equal input, equal bytes."""

from tumorbench.boards.pages import render_boards
from tumorbench.boards.summary import summary_table
from tumorbench.reports import render_reproductions
from tumorbench.tables.inputs import BoardCards, LocatedRecord

__all__ = ["BoardCards", "LocatedRecord", "render_boards", "render_reproductions", "summary_table"]
