"""Boards: Markdown tables rendered from records. Pure functions of the records and cards: equal input, equal bytes."""

from tumorbench.boards.entries import board_entries
from tumorbench.boards.pages import GENERATED, render_boards
from tumorbench.boards.summary import summary_table

__all__ = ["GENERATED", "board_entries", "render_boards", "summary_table"]
