"""The panel of one row: facts, learning curves, confusion matrix, calibration, worst mistakes, pictures, metrics."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tumorbench.boards.uncertainty import sureness
from tumorbench.reports.html import cell_plots
from tumorbench.reports.html.board import split_value
from tumorbench.reports.html.curves import curves_of
from tumorbench.reports.html.material import Material
from tumorbench.reports.html.pictures import pictures_of
from tumorbench.reports.html.predictions import mistakes, reliability_points, tables_of
from tumorbench.reports.html.standing import name_of
from tumorbench.reports.html.views import Chart, Detail, Entry, Heading, Line, Picture, Table
from tumorbench.tables import entries
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.leaks import leaks
from tumorbench.tables.markdown import NOTHING, code, number, plain, plural
from tumorbench.tables.rows import Row

__all__ = ["detail_of"]

KEYS = 5  # of cells that are named
MIB_PER_GIB = 1024


def detail_of(task: str, row: Row, given: Material) -> Detail:
    """The panel of a row of the task's board."""
    tables = tables_of(row, given.read)
    return Detail(
        name=name_of(row),
        protocol=row.identity.protocol,
        facts=dict(_facts(row, given.cards)),
        curves=list(curves_of(row)),
        charts=[*_confusion(row), *_calibration(row, reliability_points(tables))],
        mistakes=mistakes(tables, task),
        pictures=list(_pictures(row, given)) if given.pictures else [],
        metrics=_metrics(row, given.cards),
    )


def _pictures(row: Row, given: Material) -> Iterator[Picture]:
    for picture in pictures_of(row, given.folder, published=given.published):
        yield replace(picture, real=picture.real and not row.record.synthetic)


def _facts(row: Row, cards: BoardCards) -> Iterator[tuple[str, str]]:
    """What a reader asks of a row, and the answer."""
    record = row.record
    yield "model", entries.model(row)
    yield "protocol", entries.protocol(row)
    yield "budget", code(row.identity.budget)
    yield "cells", entries.cells(row)
    yield "checked", entries.checked(row)
    yield "split", leaks(row, cards)
    if record.confusion:
        yield "constant class", entries.constant_class(row)
    yield "slices", ", ".join(f"{part} {count:,}" for part, count in record.sizes.items()) or NOTHING
    yield "parameters", ", ".join(f"{count:,} {which}" for which, count in record.parameters.items()) or NOTHING
    yield "hardware", entries.hardware(row)
    seconds = [cell.record.timing.train_s for cell in row.cells if cell.record.timing.train_s]
    if seconds:
        yield "training", f"{number(statistics.fmean(seconds))} s, mean of {plural(len(seconds), 'cell')}"
    peaks = [cell.record.memory.host_peak_mib for cell in row.cells if cell.record.memory.host_peak_mib]
    if peaks:
        yield "memory", f"{max(peaks) / MIB_PER_GIB:.1f} GiB at most"
    keys = [cell.record.cell_key[:12] for cell in row.cells]
    yield "cell keys", ", ".join(map(code, keys[:KEYS])) + _others(len(keys), KEYS)


def _others(count: int, shown: int) -> str:
    return f" and {plural(count - shown, 'other')}" if count > shown else ""


def _confusion(row: Row) -> Iterator[Chart]:
    """The sum of the cells' confusion matrices."""
    record = row.record
    found = [cell.record.confusion for cell in row.cells if cell.record.confusion]
    if not found or any(np.shape(each) != (len(record.classes),) * 2 for each in found):
        return
    counts = np.sum([np.asarray(each) for each in found], axis=0)
    right, of = int(np.trace(counts)), int(counts.sum())
    caption = f"{right:,} of {of:,} predictions of test slices are right, in {plural(len(found), 'cell')}."
    headings = [Heading("true class"), *(Heading(f"predicted {plain(name)}", numeric=True) for name in record.classes)]
    lines = [
        Line([Entry(plain(name)), *(Entry(f"{count:,}", value=count) for count in own)])
        for name, own in zip(record.classes, counts.tolist(), strict=True)
    ]
    plot = cell_plots.confusion(counts.tolist(), record.classes)
    yield Chart("Confusion matrix", caption, plot, Table(caption, headings, lines))


def _calibration(row: Row, points: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    if not points:
        return
    errors = [
        f"{words} {number(statistic.mean)}"
        for name, words in (("ece", "as predicted"), ("ece_scaled", "after temperature scaling"))
        if (statistic := row.statistic(name)) and statistic.mean is not None
    ]
    caption = "Share that is right over confidence, on test slices; on the dotted line both are equal."
    caption += f" Expected calibration error: {', '.join(errors)}." if errors else ""
    names = ("confidence", "accuracy", "slices")
    headings = [Heading("kind"), *(Heading(name, numeric=True) for name in names)]
    lines = [
        Line([Entry(point["kind"]), *(Entry(f"{point[name]:,}", value=point[name]) for name in names)])
        for point in points
    ]
    yield Chart("Calibration", caption, cell_plots.calibration(points), Table(caption, headings, lines))


def _metrics(row: Row, cards: BoardCards) -> Table | None:
    """Every metric of the row's records, also those that no board shows."""
    names = list(dict.fromkeys(metric.name for cell in row.cells for metric in cell.record.metrics))
    if not names:
        return None
    intervals, lines = sureness(row, names, cards).intervals, []
    for name in names:
        statistic = row.statistic(name)
        value, remark = split_value(entries.value(statistic, with_n=True, interval=intervals.get(name)))
        mean = Entry(value, value=statistic.mean if statistic else None)
        lines.append(Line([Entry(code(name), value=name), mean, Entry(remark, value=remark)]))
    headings = [Heading("metric"), Heading("mean ± spread", numeric=True), Heading("95 % interval, samples and more")]
    return Table(f"Every metric of {code(name_of(row))} under {code(row.identity.protocol)}.", headings, lines)
