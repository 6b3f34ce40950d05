"""Pages: every value of a source report beside ours, and what a split is worth. Equal records and cards, equal bytes."""

from tumorbench.reports.pages import render_reproductions
from tumorbench.reports.worth import render_worth

__all__ = ["render_reproductions", "render_worth"]
