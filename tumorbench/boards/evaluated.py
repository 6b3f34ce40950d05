"""The group of models that were trained elsewhere: at the end of each task's board, unranked, in tables of its own."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tumorbench.boards.uncertainty import sureness
from tumorbench.tables import entries
from tumorbench.tables.inputs import BoardCards, LocatedRecord, metric_id
from tumorbench.tables.markdown import code, link, plain, table
from tumorbench.tables.rows import Row, rows_of

__all__ = ["apart", "with_evaluated"]

SHOWN = {
    "classification": ("accuracy", "balanced_accuracy", "f1_macro"),
    "segmentation": ("dice", "iou", "dice_image_mean"),
    "generation": ("kid", "fid", "coverage"),
}
ABOUT = (
    "Models that were trained elsewhere (`tumorbench evaluate`). They are scored on the same test slices by the same "
    "metrics, from their predictions. What they have learned from, nobody here knows: they are not ranked, and stand in "
    "no other table."
)
ARROWS = {True: " ↑", False: " ↓", None: ""}


def apart(located: Iterable[LocatedRecord]) -> tuple[list[LocatedRecord], list[LocatedRecord]]:
    """(records of what the harness trained, those of models that were trained elsewhere)."""
    groups: dict[str, list[LocatedRecord]] = {"trained": [], "evaluated": []}
    for cell in located:
        groups[cell.record.identity.origin].append(cell)
    return groups["trained"], groups["evaluated"]


def with_evaluated(pages: Mapping[str, str], evaluated: Sequence[LocatedRecord], cards: BoardCards) -> dict[str, str]:
    """The pages, by file name; each task's board ends with the evaluated records of that task, where there are any."""
    found = dict(pages)
    for task in SHOWN:
        own = [cell for cell in evaluated if cell.record.identity.task == task and cell.record.status == "ok"]
        if own:
            page = f"{task}.md"
            found[page] = "\n\n".join([found.get(page, "").rstrip("\n"), *_group(task, own, cards)]) + "\n"
    return found


def _group(task: str, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    yield "## Evaluated: models that were trained elsewhere"
    yield ABOUT
    for dataset in sorted({cell.record.identity.dataset for cell in located}):
        own = [cell for cell in located if cell.record.identity.dataset == dataset]
        record = own[0].record
        yield f"### {'SYNTHETIC: ' if record.synthetic else ''}{plain(record.dataset_title)} ({code(dataset)})"
        rows = sorted(rows_of(own), key=lambda row: (row.identity.protocol, row.identity.model, row.suffix))
        yield table([_entry(row, _names(task, rows), cards) for row in rows])


def _names(task: str, rows: Sequence[Row]) -> list[str]:
    """The metrics of the columns: those of ``SHOWN`` that a row has, by every extractor."""
    there = sorted({name for row in rows for name in row.metric_names if "/" not in name})
    return [name for shown in SHOWN[task] for name in there if metric_id(name) == shown]


def _entry(row: Row, names: Sequence[str], cards: BoardCards) -> dict[str, str]:
    identity = row.identity
    entry = {"model": f"{code(identity.model)} {plain(identity.model_version)}{plain(row.suffix)}"}
    entry["protocol"] = code(identity.protocol)
    intervals = sureness(row, names, cards).intervals
    for name in names:
        statistic = row.statistic(name)
        arrow = ARROWS[statistic.higher_is_better] if statistic else ""
        entry[f"{plain(name)}{arrow}"] = entries.value(statistic, with_n=False, interval=intervals.get(name))
    folder = posixpath.dirname(posixpath.dirname(row.cells[0].path))
    entry["cells"] = link(entries.cells(row), folder or ".")
    return entry
