"""What a report begins with: the table of what was found, as on the page of the boards, and what to take from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.boards.evidence import METRICS, Finding, findings
from tumorbench.boards.found import ABOUT, budget_in_words, found_in_words, found_line
from tumorbench.reports.html.views import Entry, Heading, Line, Summary, Table
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.markdown import code

__all__ = ["summary_of"]

NUMERIC = ("published", "same split, run again", "patients apart", "difference")


def summary_of(located: Sequence[LocatedRecord], cards: BoardCards) -> Summary | None:
    """The tables and sentences; None without a model that was trained on real data."""
    found = findings([cell for cell in located if cell.record.identity.origin == "trained"], cards)
    if not found:
        return None
    return Summary(ABOUT, list(_tables(found)), list(found_in_words(found)))


def _tables(found: Sequence[Finding]) -> Iterator[Table]:
    for task, budget in dict.fromkeys((each.task, each.budget) for each in found):
        own = [each for each in found if (each.task, each.budget) == (task, budget)]
        headings = [Heading(name, numeric=name in NUMERIC) for name in found_line(own[0])]
        caption = f"{task.capitalize()}, {code(METRICS[task])}, {budget_in_words(budget)}"
        yield Table(caption, headings, [Line(list(_entries(each))) for each in own])


def _entries(found: Finding) -> Iterator[Entry]:
    change = found.difference
    values = {
        "published": found.published.value if found.published else None,
        "same split, run again": found.same.mean if found.same else None,
        "patients apart": found.apart.mean if found.apart else None,
        "difference": change.value if change else None,
    }
    for name, text in found_line(found).items():
        value, _, remark = text.partition(" (")
        yield Entry(value, remark.replace(")", ""), values.get(name, text.strip("`")))
