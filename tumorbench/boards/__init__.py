"""Boards: Markdown tables rendered from records. Pure functions of the records and cards: equal input, equal bytes."""

from tumorbench.boards.pages import render_boards
from tumorbench.boards.summary import summary_table

__all__ = ["render_boards", "summary_table"]
