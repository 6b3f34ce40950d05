"""The entries of a row: each a short text that answers one question about a number."""

from __future__ import annotations

import posixpath
import statistics
from collections import Counter

from tumorbench.contracts.problem import FOLDED, FOLDS
from tumorbench.contracts.record import Record
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import DASH, NOTHING, code, integers, link, number, plain, plural
from tumorbench.tables.memorised import shares_samples
from tumorbench.tables.rows import Row, Statistic, device_kind, hardware_name

__all__ = [
    "cell_count",
    "cells",
    "checked",
    "constant_class",
    "folds_covered",
    "hardware",
    "model",
    "name",
    "parameters",
    "place_of_records",
    "protocol",
    "records",
    "reported",
    "samples",
    "short_protocol",
    "short_value",
    "tested",
    "value",
]

MILLION = 1_000_000
LINKS = 10  # a row of more cells links to their folder


def model(row: Row) -> str:
    """Title, id and version, and what tells the row from another of the same model."""
    identity = row.identity
    return (
        f"{plain(row.record.model_title)} ({code(identity.model)} {plain(identity.model_version)}{plain(row.suffix)})"
    )


def name(row: Row) -> str:
    """Id and version, and what tells the row from another of the same model."""
    return f"{row.identity.model} {row.identity.model_version}{row.suffix}"


def parameters(row: Row) -> str:
    """How many parameters the network has: ``475,779``, ``31.0 M``; a dash where the record does not say."""
    total = row.record.parameters.get("total")
    if total is None:
        return NOTHING
    return f"{total:,}" if total < MILLION else f"{total / MILLION:,.1f} M"


def protocol(row: Row) -> str:
    """The protocol, the set trained on where it is another, and whether it ranks."""
    other = row.identity.trained_on
    remarks = [*([f"trained on {code(other.dataset)}"] if other else []), *([] if row.ranked else ["not ranked"])]
    return code(row.identity.protocol) + (f" ({'; '.join(remarks)})" if remarks else "")


def value(statistic: Statistic | None, *, with_n: bool, interval: tuple[float, float] | None = None) -> str:
    """Mean and spread, and the interval of the mean where it is known; with N where a reader needs it."""
    if statistic is None:
        return NOTHING
    if statistic.mean is None:
        text = "undefined"
    else:
        spread = NOTHING if statistic.spread is None else number(statistic.spread, statistic.mean)
        text = f"{number(statistic.mean)} ± {spread}"
    remarks = [f"N {integers(statistic.samples)}"] if with_n else []
    ends = interval or statistic.interval
    if ends is not None and statistic.mean is not None:
        remarks.append(" to ".join(number(end, statistic.mean) for end in ends))
    if statistic.real_vs_real is not None:
        remarks.append(f"real vs real {number(statistic.real_vs_real)}")
    if statistic.ceiling is not None:
        remarks.append(f"ceiling {number(statistic.ceiling)}")
    if 0 < statistic.defined < statistic.cells:
        remarks.append(f"undefined in {statistic.cells - statistic.defined} of {plural(statistic.cells, 'cell')}")
    return f"{text} ({'; '.join(remarks)})" if remarks else text


def short_protocol(row: Row) -> str:
    """The protocol, and the set trained on where it is another."""
    other = row.identity.trained_on
    return code(row.identity.protocol) + (f" from {code(other.dataset)}" if other else "")


def short_value(statistic: Statistic | None, interval: tuple[float, float] | None = None) -> str:
    """The mean alone, and its interval where it is given."""
    if statistic is None:
        return NOTHING
    if statistic.mean is None:
        return "undefined"
    ends = "" if interval is None else f" ({DASH.join(number(end, statistic.mean) for end in interval)})"
    return f"{number(statistic.mean)}{ends}"


def reported(row: Row, metric: str, cards: BoardCards) -> str:
    """The source report's value on its test data, for rows under its own protocol; empty where it gives none."""
    if row.identity.protocol not in ("paper", "tstr-paper") or row.identity.leaves_out:
        return ""
    values = [
        f"{each.value:g}"
        for each in cards.reported(row.identity.model, row.identity.dataset)
        if (each.metric, each.part) == (metric, "test")
    ]
    return f"reported {', '.join(values)}" if values else ""


def folds_covered(row: Row) -> str:
    """``1 of 5 folds`` for a row of a protocol with folds that covers fewer than all; empty for every other."""
    return f"{row.folds} of {FOLDS} folds" if row.identity.protocol in FOLDED and row.folds < FOLDS else ""


def cells(row: Row) -> str:
    """How many cells the mean is over, and which."""
    folds = row.folds
    seeds = plural(len({cell.record.identity.seed for cell in row.cells}), "seed")
    if row.identity.protocol in FOLDED:
        return f"{len(row.cells)} ({folds} of {FOLDS} folds, {seeds})"
    return f"{len(row.cells)} ({plural(folds, 'fold')}, {seeds})" if folds > 1 else f"{len(row.cells)} ({seeds})"


def cell_count(row: Row) -> str:
    """How many cells the mean is over, and of how many folds where the protocol has some: ``15 (5/5 folds)``."""
    return f"{len(row.cells)} ({row.folds}/{FOLDS} folds)" if row.identity.protocol in FOLDED else str(len(row.cells))


def tested(row: Row) -> str:
    """How many test samples stand behind one cell's values, the most of them: a number, or the range over cells."""
    counts = [max(metric.n for metric in cell.record.metrics) for cell in row.cells if cell.record.metrics]
    return integers(counts) if counts else NOTHING


def constant_class(row: Row) -> str:
    """Accuracy of always answering the commonest test class: what a model must beat to have learned anything."""
    shares = [
        max(map(sum, confusion)) / total
        for cell in row.cells
        if (confusion := cell.record.confusion) and (total := sum(map(sum, confusion)))
    ]
    return number(statistics.fmean(shares)) if shares else NOTHING


def hardware(row: Row) -> str:
    """Names of the devices, their kind, and every precision in which the row's cells were computed."""
    names = sorted({hardware_name(cell.record.hardware) for cell in row.cells})
    precisions = sorted({cell.record.precision for cell in row.cells} - {""})
    return plain(f"{', '.join(names)} ({', '.join([device_kind(row.record.hardware), *precisions])})")


def records(row: Row) -> str:
    """Links to the row's records, or to their folder where they are many."""
    if len(row.cells) > LINKS:
        return link(plural(len(row.cells), "record"), place_of_records(row))
    return " ".join(link(cell_name(cell.record), cell.path) for cell in row.cells)


def place_of_records(row: Row) -> str:
    """The row's record; the folder of its records, where they are several."""
    if len(row.cells) == 1:
        return row.cells[0].path
    return posixpath.commonpath([posixpath.dirname(cell.path) for cell in row.cells]) or "."


def checked(row: Row) -> str:
    """How the row's records were checked: one word for all of them, or how many were checked how."""
    found = Counter(cell.checked or "not checked" for cell in row.cells)
    return next(iter(found)) if len(found) == 1 else ", ".join(f"{number} {how}" for how, number in found.most_common())


def samples(row: Row) -> str:
    """Links to the pictures of what the cells' generators made.

    Of the first cells, where they are many; of none that may not be shared, and of none in a bundle.
    """
    found = [
        link(cell_name(cell.record), posixpath.join(posixpath.dirname(cell.path), artifact.path))
        for cell in row.cells
        for artifact in cell.record.artifacts
        if (artifact.kind, artifact.title, artifact.place) == ("figure", "samples", "") and shares_samples(cell.record)
    ]
    return " ".join(found[:LINKS]) or NOTHING


def cell_name(record: Record) -> str:
    """Fold and seed: ``f0 s0``."""
    return f"f{record.identity.fold} s{record.identity.seed}"
