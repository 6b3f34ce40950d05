"""Reproduction pages: every figure of a source report beside ours. Pure functions of the records and cards: equal input, equal bytes."""

from tumorbench.reports.pages import render_reproductions

__all__ = ["render_reproductions"]
