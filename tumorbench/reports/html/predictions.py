"""What a row's tables of predictions say: how sure it was and how often right, and its worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.metrics.calibration import apply_temperature, reliability
from tumorbench.reports.counts import NEEDED, counts_of
from tumorbench.reports.html.cell_plots import KINDS
from tumorbench.reports.html.material import ReadTable
from tumorbench.reports.html.plots import short
from tumorbench.reports.html.views import Entry, Heading, Line, Table
from tumorbench.tables import entries
from tumorbench.tables.inputs import LocatedRecord
from tumorbench.tables.markdown import code, number, plain
from tumorbench.tables.rows import Row

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["mistakes", "reliability_points", "tables_of"]

WORST = 10  # mistakes of a row
UNSEEN = {"": "no", "identical": "the same image", "near-identical": "a near-copy", "patient": "its patient"}


def tables_of(row: Row, read: ReadTable) -> list[tuple[LocatedRecord, pd.DataFrame]]:
    """The cells of the row whose table is there, with it."""
    return [(cell, table) for cell in row.cells if (table := read(cell)) is not None and len(table)]


def reliability_points(tables: Sequence[tuple[LocatedRecord, pd.DataFrame]]) -> list[dict[str, Any]]:
    """Of each bin of confidence: the mean confidence, the share that is right, the slices; over all cells together.

    As predicted, and scaled by each cell's own temperature where every cell has one.
    """
    found: dict[str, list[NDArray[np.float64]]] = {kind: [] for kind in KINDS}
    labels = []
    for cell, table in tables:
        names = [f"p/{name}" for name in cell.record.classes]
        if not names or not {"label", *names}.issubset(table.columns):
            return []
        chances = table[names].to_numpy(np.float64)
        chances = chances / chances.sum(1, keepdims=True)
        labels.append(table["label"].to_numpy(np.int64))
        found[KINDS[0]].append(chances)
        temperature = float(table["temperature"].iloc[0]) if "temperature" in table else None
        if temperature is not None and np.isfinite(temperature):
            found[KINDS[1]].append(apply_temperature(chances, temperature))
    if not labels:
        return []
    complete = {kind: np.concatenate(each) for kind, each in found.items() if len(each) == len(labels)}
    return [point for kind, chances in complete.items() for point in _bins(kind, np.concatenate(labels), chances)]


def _bins(kind: str, labels: NDArray[np.int64], chances: NDArray[np.float64]) -> list[dict[str, Any]]:
    bins = reliability(labels, chances)
    return [
        {"confidence": short(float(sure)), "accuracy": short(float(right)), "slices": int(count), "kind": kind}
        for count, sure, right in zip(bins.counts, bins.confidence, bins.accuracy, strict=True)
        if count
    ]


def mistakes(tables: Sequence[tuple[LocatedRecord, pd.DataFrame]], task: str) -> Table | None:
    """The wrong answers of the highest confidence, or the lesions of the lowest Dice.

    None where no table tells them.
    """
    if not tables or any(not NEEDED.get(task, {"?"}).issubset(table.columns) for _, table in tables):
        return None
    return _least_dice(tables) if task == "segmentation" else _most_confident(tables)


def _most_confident(tables: Sequence[tuple[LocatedRecord, pd.DataFrame]]) -> Table | None:
    worst: list[tuple[tuple[float, ...], Line]] = []
    wrong, tested = 0, 0
    for cell, table in tables:
        classes, tested = cell.record.classes, tested + len(table)
        names = [f"p/{name}" for name in classes]
        if not set(names).issubset(table.columns):
            return None
        sure = table[names].to_numpy(np.float64).max(1)
        of_wrong = np.flatnonzero(table["label"].to_numpy() != table["predicted"].to_numpy())
        wrong += len(of_wrong)
        for place in of_wrong[np.argsort(-sure[of_wrong], kind="stable")][:WORST].tolist():
            taken = table.iloc[place]
            answers = [_word(plain(classes[int(taken[name])])) for name in ("label", "predicted")]
            probability = float(sure[place])
            worst.append(
                ((-probability,), _line(cell, taken, [*answers, Entry(f"{probability:.1%}", value=probability)]))
            )
    headings = [
        Heading("slice"),
        Heading("true class"),
        Heading("predicted class"),
        Heading("probability", numeric=True),
    ]
    return _table(
        f"The most confident of {wrong:,} mistakes in {tested:,} predictions of test slices.", headings, worst
    )


def _least_dice(tables: Sequence[tuple[LocatedRecord, pd.DataFrame]]) -> Table | None:
    """The larger lesion first where the Dice is the same."""
    worst: list[tuple[tuple[float, ...], Line]] = []
    lesions = 0
    for cell, table in tables:
        counts, _ = counts_of(table, "segmentation")
        pixels = _lesion_pixels(table)
        of_lesions = np.flatnonzero(pixels)
        lesions += len(of_lesions)
        dice = np.divide(counts.right, counts.of, out=np.zeros(len(pixels)), where=counts.of > 0)
        order = np.lexsort((-pixels[of_lesions], dice[of_lesions]))
        for place in of_lesions[order][:WORST].tolist():
            size, value = int(pixels[place]), float(dice[place])
            shown = [Entry(f"{size:,}", value=size), Entry(number(value), value=value)]
            worst.append(((value, -size), _line(cell, table.iloc[place], shown)))
    headings = [Heading("slice"), Heading("pixels of the lesion", numeric=True), Heading("Dice", numeric=True)]
    return _table(f"The lowest Dice among {lesions:,} predictions of test slices with a lesion.", headings, worst)


def _lesion_pixels(table: pd.DataFrame) -> NDArray[np.int64]:
    rows = np.stack(table["confusion"].to_list())
    width = round(rows.shape[1] ** 0.5)
    return np.asarray(rows.reshape(-1, width, width)[:, 1:].sum((1, 2)), np.int64)


def _line(cell: LocatedRecord, taken: pd.Series[Any], said: Sequence[Entry]) -> Line:
    slice_id = str(taken["sample_id"])
    leaked = str(taken["leaked"]) if "leaked" in taken else None
    seen = "not known" if leaked is None else UNSEEN.get(leaked, leaked)
    return Line([Entry(code(slice_id), value=slice_id), *said, _word(seen), _word(entries.cell_name(cell.record))])


def _word(text: str) -> Entry:
    return Entry(text, value=text)


def _table(caption: str, headings: Sequence[Heading], worst: list[tuple[tuple[float, ...], Line]]) -> Table | None:
    """The worst of all cells; None where there is none."""
    ordered = [line for _, line in sorted(worst, key=lambda each: each[0])][:WORST]
    return Table(caption, [*headings, Heading("seen in training"), Heading("cell")], ordered) if ordered else None
