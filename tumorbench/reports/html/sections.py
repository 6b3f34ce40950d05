"""The sections of a report: one for each task, data set and budget, so that nothing shares a table that must not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tumorbench.boards.blocks import HEADLINES
from tumorbench.boards.words import SYNTHETIC, about_budget, patients_in_words
from tumorbench.contracts.budget import in_order, share_of
from tumorbench.contracts.record import Record
from tumorbench.reports.html.board import board_of
from tumorbench.reports.html.details import detail_of
from tumorbench.reports.html.material import Material
from tumorbench.reports.html.overview import overview
from tumorbench.reports.html.standing import Standing, standings_of
from tumorbench.reports.html.views import Failure, Section, Table
from tumorbench.tables import entries
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.markdown import code, plain
from tumorbench.tables.rows import Row, rows_of

__all__ = ["TASKS", "sections_of"]

TASKS = ("classification", "segmentation", "generation")
ELSEWHERE = "What these models learned from, nobody here knows: they are scored from their predictions, and not ranked."


def sections_of(located: Sequence[LocatedRecord], given: Material) -> list[Section]:
    """By task, data set (real ones first) and budget."""
    found = {
        (task, cell.record.synthetic, cell.record.identity.dataset, cell.record.identity.budget)
        for cell in located
        for task in TASKS
        if _belongs(cell.record, task)
    }
    budgets = in_order(budget for *_, budget in found)
    ordered = sorted(found, key=lambda part: (TASKS.index(part[0]), part[1], part[2], budgets.index(part[3])))
    return [
        _section(task, [cell for cell in located if _belongs(cell.record, task) and _is_of(cell.record, *of)], given)
        for task, *of in ordered
    ]


def _belongs(record: Record, task: str) -> bool:
    """Whether the record is of the task, or of a model that did this task too, in one pass."""
    return record.identity.task == task or record.metric(HEADLINES[task][0]) is not None


def _is_of(record: Record, synthetic: object, dataset: object, budget: object) -> bool:
    return (record.synthetic, record.identity.dataset, record.identity.budget) == (synthetic, dataset, budget)


def _section(task: str, located: Sequence[LocatedRecord], given: Material) -> Section:
    """The section of these records, which are of one task, data set and budget."""
    record = located[0].record
    dataset, budget = record.identity.dataset, record.identity.budget
    title = f"{plain(record.dataset_title)} ({code(dataset)}), {budget} budget"
    rows = rows_of(cell for cell in located if cell.record.status == "ok")
    trained, elsewhere = (standings_of(task, own, given.cards) if own else [] for own in _apart(rows))
    what = f"{'SYNTHETIC: ' if record.synthetic else ''}{title}"
    boards = [board_of(task, table, what, given.cards) for table in trained]
    boards += [_of_others(board_of(task, table, what, given.cards)) for table in elsewhere]
    measured = "full" if share_of(budget) else budget  # a share has the steps of the full recipe
    speeds = [each for each in given.throughputs if (each.dataset, each.budget) == (dataset, measured)]
    return Section(
        key=re.sub(r"[^\w-]", "-", f"{task}-{dataset}-{budget}"),
        task=task,
        dataset=dataset,
        budget=budget,
        title=title,
        synthetic=record.synthetic,
        facts=list(_facts(dataset, given.cards)),
        remarks=[*([SYNTHETIC] if record.synthetic else []), about_budget(budget)],
        boards=boards,
        charts=[chart for table in trained for chart in overview(task, table, speeds)],
        details=[detail_of(task, row, given) for row in _in_order(rows, [*trained, *elsewhere])],
        failures=list(_failures(located)),
    )


def _apart(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(the rows that the harness trained, those of models that were trained elsewhere)."""
    here = [row for row in rows if row.identity.origin == "trained"]
    return here, [row for row in rows if row.identity.origin != "trained"]


def _of_others(board: Table) -> Table:
    """The board of models that were trained elsewhere, which says so."""
    title = f"models that were trained elsewhere{f', {board.title}' if board.title else ''}"
    return replace(board, title=title, notes=[ELSEWHERE, *board.notes])


def _in_order(rows: Sequence[Row], tables: Sequence[Standing]) -> list[Row]:
    """The rows as the tables have them, each once."""
    found: list[Row] = []
    for row in [each.row for table in tables for each in table.rows] + list(rows):
        if not any(row is other for other in found):
            found.append(row)
    return found


def _facts(dataset: str, cards: BoardCards) -> Iterator[str]:
    card = cards.datasets.get(dataset)
    if card is None:
        return
    classes = plain(", ".join(card.classes))
    yield f"Classes: {classes}. Patients: {patients_in_words(card)} Licence: {plain(card.licence)}."
    yield from map(plain, card.notes)


def _failures(located: Sequence[LocatedRecord]) -> Iterator[Failure]:
    """The cells without a result, with their reasons."""
    without = [cell for cell in located if cell.record.status != "ok"]
    for cell in sorted(without, key=lambda cell: cell.path):
        record, identity = cell.record, cell.record.identity
        what = f"{code(identity.model)} {identity.protocol} {entries.cell_name(record)}"
        yield Failure(f"{what}: **{record.status}**, {plain(record.reason) or 'no reason recorded'}", identity.protocol)
