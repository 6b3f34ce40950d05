"""Reproduction pages: every value of a source report beside ours. Equal records and cards, equal bytes."""

from tumorbench.reports.pages import render_reproductions

__all__ = ["render_reproductions"]
