"""One data set's section of a task's board: what fits a screen, and a link to all else on the data set's own page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.boards.standing import Standing, standings
from tumorbench.boards.tables import board_table
from tumorbench.boards.words import (
    SYNTHETIC,
    about_budget,
    anchor,
    detail_page,
    heading,
    memorised_note,
    opening,
    patients_in_words,
)
from tumorbench.contracts.budget import in_order
from tumorbench.tables.coverage import COVERAGE_NOTE, differs
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.markdown import link, plain, plural
from tumorbench.tables.rows import rows_of

__all__ = ["dataset_section"]

NOT_RANKED = "Not ranked: other protocols, and models whose pre-training has seen test images."


def dataset_section(
    task: str, located: Sequence[LocatedRecord], cards: BoardCards, columns: Sequence[str] = ()
) -> Iterator[str]:
    """Paragraphs of the section. All records are of one data set and task. columns: those that were chosen, if any."""
    record = located[0].record
    page = detail_page(record.identity.dataset)
    yield f"## {heading(located[0])}"
    if record.synthetic:
        yield SYNTHETIC
    card = cards.datasets.get(record.identity.dataset)
    if card is not None:
        yield f"Classes: {plain(', '.join(card.classes))}. Patients: {patients_in_words(card)}"
    finished = [cell for cell in located if cell.record.status == "ok"]
    if not finished:
        yield "No cell on this data set has a result yet."
    for budget in in_order(cell.record.identity.budget for cell in finished):
        rows = rows_of(cell for cell in finished if cell.record.identity.budget == budget)
        yield f"### {budget.capitalize()} budget"
        details = link("All metrics, each class, intervals, splits and hardware", page, anchor(task, budget))
        yield f"{about_budget(budget)} {details}."
        for standing in standings(task, rows, cards):
            yield from _tables(standing, cards, columns)
    if missing := len(located) - len(finished):
        yield f"{plural(missing, 'cell')} without a result: {link('why', page)}."


def _tables(standing: Standing, cards: BoardCards, columns: Sequence[str]) -> Iterator[str]:
    """The ranked rows, and those that do not rank."""
    block, rows = standing.block, [line.row for line in standing.lines]
    yield from opening(block, 4)
    groups = {ranked: [line for line in standing.lines if line.row.ranked == ranked] for ranked in (True, False)}
    for ranked, lines in groups.items():
        if lines:
            if not ranked:
                yield NOT_RANKED
            yield board_table(standing, lines, cards, columns, ranked=ranked)
    if note := standing.note:
        yield note
    if any(differs(row, cards) for row in rows):
        yield COVERAGE_NOTE
    if note := memorised_note(rows):
        yield note
