"""What the report's split is worth: one model, budget and hardware on the split of ``paper`` and on ``grouped``'s."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tumorbench.reports.settings import Setting
from tumorbench.tables import entries
from tumorbench.tables.markdown import code, number

__all__ = ["contrasts"]

METRICS = {
    "classification": "accuracy",
    "segmentation": "dice",
    "generation": "tstr_generated",
}  # the split changes the reference of a generator's own scores


def contrasts(setting: Setting) -> Iterator[str]:
    """A sentence on the task's metric, where the setting has both splits of the same data."""
    tasks = {row.identity.task for rows in setting.rows.values() for row in rows}
    for name in (METRICS[task] for task in sorted(tasks)):
        yield from _of_metric(name, setting)


def _of_metric(name: str, setting: Setting) -> Iterator[str]:
    for paper, grouped in product(setting.ours(name, "paper"), setting.ours(name, "grouped")):
        one, other = paper.statistic(name), grouped.statistic(name)
        same_data = paper.identity.dataset_fingerprint == grouped.identity.dataset_fingerprint
        if same_data and one and other and one.mean is not None and other.mean is not None:
            change = other.mean - one.mean
            turn = f"{number(abs(change), one.mean)} {'lower' if change < 0 else 'higher'}" if change else "the same"
            budget = paper.identity.budget
            lead = "" if budget == "full" else f"**{budget.capitalize()}** budget: "
            protocols = [code(row.identity.protocol) for row in (paper, grouped)]
            values = (
                f"{code(name)} is {number(one.mean)} under {protocols[0]} and {number(other.mean)} under {protocols[1]}"
            )
            cells = f"(cells: {entries.cells(paper)} and {entries.cells(grouped)})"
            yield f"{lead}{values}, {turn} with patients and near-copies apart {cells}."
