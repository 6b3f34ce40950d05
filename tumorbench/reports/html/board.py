"""The boards of a section as tables that can be sorted: the Markdown boards' entries, and the numbers behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tumorbench.boards.words import NOT_COMPARABLE, memorised_note
from tumorbench.reports.html.standing import Standing, StandingRow
from tumorbench.reports.html.views import Entry, Heading, Line, Table
from tumorbench.tables import entries
from tumorbench.tables.coverage import COVERAGE_NOTE, coverage, differs
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.leaks import leaks
from tumorbench.tables.markdown import NOTHING

__all__ = ["board_of", "split_value"]

EXTRACTOR = re.compile(r"\\?\[[^\]]*\]")  # of a metric's name; the title of its table names it


def board_of(task: str, standing: Standing, what: str, cards: BoardCards) -> Table:
    """The table of one block. what: the data set and the budget, in words."""
    lines = [Line(list(_entries(task, each, standing, cards)), each.protocol) for each in standing.rows]
    about = standing.block.title or task.capitalize()
    return Table(
        caption=f"{about}, {what}. Only `grouped` rows rank.",
        headings=list(_headings(standing, cards)),
        lines=lines,
        label=len(standing.rows[0].places) if standing.rows else 0,
        notes=list(_notes(standing, cards)),
        title=f"{standing.block.title}{'' if standing.block.comparable else ' †'}",
    )


def split_value(text: str) -> tuple[str, str]:
    """Mean and spread, where there is one, and what stands in parentheses after them.

    >>> split_value("0.8046 ± 0.0123 (0.7812 to 0.8230)"), split_value("0.8046 ± — (N 20)")
    (('0.8046 ± 0.0123', '0.7812 to 0.8230'), ('0.8046', 'N 20'))
    """
    value, _, remark = text.partition(" (")
    return value.removesuffix(f" ± {NOTHING}"), remark.removesuffix(")")


def _headings(standing: Standing, cards: BoardCards) -> Iterator[Heading]:
    ranks = standing.rows[0].ranks if standing.rows else ["rank"]
    yield from (Heading(heading, numeric=True) for heading in ranks)
    yield Heading("model")
    yield Heading("protocol")
    of_extractor = EXTRACTOR if standing.block.title else re.compile("$^")
    yield from (Heading(of_extractor.sub("", each), numeric=True) for each in standing.block.metrics.values())
    yield Heading("parameters", numeric=True)
    yield Heading("cells")
    if _with_checks(standing):
        yield Heading("checked")
    if _with_slices(standing, cards):
        yield Heading("slices")
    yield Heading("split")


def _entries(task: str, each: StandingRow, standing: Standing, cards: BoardCards) -> Iterator[Entry]:
    row = each.row
    for place, said in zip(each.places.values(), each.ranks.values(), strict=True):
        text, remark = split_value(said)
        yield Entry(text, remark, None if place.rank is None else place.rank + place.position / 1e4)
    yield Entry(entries.model(row), value=each.name)
    yield Entry(*split_value(entries.protocol(row)), value=each.protocol)
    for name in standing.block.metrics:
        statistic, ends = row.statistic(name), each.sure.intervals.get(name)
        value, remark = split_value(entries.value(statistic, with_n=task == "generation", interval=ends))
        reported = entries.reported(row, name, cards)
        yield Entry(value, "; ".join(filter(None, [remark, reported])), statistic.mean if statistic else None)
    total = row.record.parameters.get("total")
    yield Entry("—" if total is None else f"{total:,}", value=total)
    yield Entry(*split_value(entries.cells(row)), value=len(row.cells))
    if _with_checks(standing):
        yield Entry(entries.checked(row), value=entries.checked(row))
    if _with_slices(standing, cards):
        yield Entry(coverage(row, cards), value=coverage(row, cards))
    yield Entry(leaks(row, cards), value=leaks(row, cards))


def _with_checks(standing: Standing) -> bool:
    return any(cell.checked for each in standing.rows for cell in each.row.cells)


def _with_slices(standing: Standing, cards: BoardCards) -> bool:
    return any(differs(each.row, cards) for each in standing.rows)


def _notes(standing: Standing, cards: BoardCards) -> Iterator[str]:
    if standing.block.note:
        yield standing.block.note
    if not standing.block.comparable:
        yield NOT_COMPARABLE
    if standing.note:
        yield standing.note
    if _with_slices(standing, cards):
        yield COVERAGE_NOTE
    if note := memorised_note([each.row for each in standing.rows]):
        yield note
