"""What the report's split is worth: the same model, budget and hardware under ``paper`` and under ``grouped``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tumorbench.boards import entries
from tumorbench.boards.markdown import code, number
from tumorbench.boards.reproductions.settings import Setting

__all__ = ["contrasts"]

METRICS = {"classification": "accuracy", "segmentation": "dice"}  # what a generator's split changes is its reference, not its score


def contrasts(setting: Setting) -> Iterator[str]:
    """A sentence on the task's metric, where the setting has both protocols on the same data."""
    for paper, grouped in product(setting.rows.get("paper", ()), setting.rows.get("grouped", ())):
        name = METRICS.get(paper.identity.task, "")
        one, other = paper.statistic(name), grouped.statistic(name)
        same_data = paper.identity.dataset_fingerprint == grouped.identity.dataset_fingerprint
        if same_data and one and other and one.mean is not None and other.mean is not None:
            change = other.mean - one.mean
            turn = f"{number(abs(change), one.mean)} {'lower' if change < 0 else 'higher'}" if change else "the same"
            quick = "**Quick** budget: " if paper.identity.budget == "quick" else ""
            values = f"{code(name)} is {number(one.mean)} under `paper` and {number(other.mean)} under `grouped`"
            yield f"{quick}{values}, {turn} with patients and identical images apart (cells: {entries.cells(paper)} and {entries.cells(grouped)})."
