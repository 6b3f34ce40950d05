"""The learning curves of a row's cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tumorbench.reports.html import cell_plots
from tumorbench.reports.html.cell_plots import PARTS
from tumorbench.reports.html.plots import short
from tumorbench.reports.html.views import Chart, Entry, Heading, Line, Table
from tumorbench.tables import entries
from tumorbench.tables.inputs import LocatedRecord
from tumorbench.tables.markdown import NOTHING, code, number, plural
from tumorbench.tables.rows import Row

__all__ = ["curves_of"]

NOT_CURVES = {"epoch", "wall_s"}
PANELS = 6  # at most
CELLS = 5  # whose curves are drawn
EPOCHS = 100  # at most, of a curve, evenly spaced
RATE = "learning_rate"


def curves_of(row: Row) -> Iterator[Chart]:
    """A plot for each loss and monitored value; a learning rate that never changes has none."""
    cells = [cell for cell in row.cells if cell.record.history][:CELLS]
    epochs = [entry for cell in cells for entry in cell.record.history]
    names = sorted({name.removeprefix("val_") for entry in epochs for name in entry} - NOT_CURVES, key=_order)
    if len({entry.get(RATE) for entry in epochs}) <= 1:
        names = [name for name in names if name != RATE]
    shown = plural(len(cells), "cell") + (f" of {len(row.cells)}" if len(cells) < len(row.cells) else "")
    for name in names[:PANELS]:
        points = [point for cell in cells for point in _points(cell, name)]
        if points:
            caption = f"{code(name)} over the epochs, {shown}; a ring marks the epoch whose weights were kept."
            yield Chart(name, caption, cell_plots.curve(points, name), _numbers(caption, points))


def _order(name: str) -> tuple[bool, bool, str]:
    return (name == RATE, name != "loss", name)


def _points(cell: LocatedRecord, name: str) -> Iterator[dict[str, Any]]:
    """The values of training and of validation in some epochs, among them the one that was kept."""
    history, kept, where = cell.record.history, cell.record.best_epoch, entries.cell_name(cell.record)
    epochs = [int(entry.get("epoch", at)) for at, entry in enumerate(history, 1)]
    chosen = {*np.linspace(0, len(history) - 1, min(EPOCHS, len(history))).round().astype(int).tolist()}
    chosen |= {epochs.index(kept)} if kept in epochs else set()
    for part, key in zip(PARTS, (name, f"val_{name}"), strict=True):
        for at in sorted(chosen):
            if (value := short(history[at].get(key))) is not None:
                yield {"epoch": epochs[at], "value": value, "part": part, "cell": where, "kept": epochs[at] == kept}


def _numbers(caption: str, points: Sequence[Mapping[str, Any]]) -> Table:
    """The first and the last value of each curve, and that of the epoch that was kept."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for point in points:
        found.setdefault((point["cell"], point["part"]), []).append(point)
    lines = []
    for (cell, part), own in found.items():
        kept = next((point["value"] for point in own if point["kept"]), None)
        values = [own[0]["value"], own[-1]["value"], kept]
        shown = [Entry(NOTHING if each is None else number(each), value=each) for each in values]
        lines.append(Line([Entry(cell), Entry(part), *shown]))
    headings = [Heading(each, numeric=True) for each in ("first epoch", "last epoch", "kept epoch")]
    return Table(caption, [Heading("cell"), Heading("part"), *headings], lines)
