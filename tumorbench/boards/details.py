"""A data set's own page: every metric of every row with interval, splits, hardware, records and reports' values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tumorbench.boards.blocks import ARROWS
from tumorbench.boards.standing import Line, Standing, plugin_of, standings
from tumorbench.boards.words import SYNTHETIC, about_budget, heading, memorised_note, opening, patients_in_words
from tumorbench.contracts.budget import in_order
from tumorbench.contracts.cards import Reported
from tumorbench.tables import entries
from tumorbench.tables.columns import SPLITS, protocol_of
from tumorbench.tables.coverage import COVERAGE_NOTE, coverage, differs
from tumorbench.tables.inputs import BoardCards, LocatedRecord, metric_id
from tumorbench.tables.leaks import leaks
from tumorbench.tables.markdown import NOTHING, code, link, plain, plural, table
from tumorbench.tables.quantities import measured
from tumorbench.tables.rows import Row, rows_of

__all__ = ["dataset_page"]

TOLD = (
    "Values are the mean ± the sample standard deviation over the row's cells (`± —`: one cell); in parentheses stand "
    "the 95 % interval, over other patients and seeds, and what belongs to the value: `ceiling` is the value of a mask "
    "that is right in every pixel that the network sees, `real vs real` that between two sets of N real images, "
    "`reported` the source publication's own. Rows are in the board's order."
)
CHECKED = (
    'The column "checked" says how a row\'s records were checked, each as it is now: `verified` without data, `with data` '
    "(splits, labels and leakage made anew, generated images scored again), `replayed` (the cell was run again and "
    "gave the same). docs/verify.md says what each of them proves."
)
TASK_NOTES = {
    "classification": '"constant class" is the accuracy of always answering the commonest test class: a model has '
    "learned something only above it. Where test images leak, `accuracy_clean` is the accuracy on those of which "
    "neither an identical image nor a near-copy nor another image of their patient was seen, as far as patients are "
    "known, and `accuracy_leaked` that on the others.",
    "segmentation": "`dice` and `iou` are of the foreground. `keras_meaniou_bug` reproduces a published artefact and "
    "is not a measure of quality.",
    "generation": "`N` is the number of images on each side. FID is biased at these sizes: read each value against the "
    "same metric between two sets of N real images (real vs real).",
}


def dataset_page(by_task: Mapping[str, Sequence[LocatedRecord]], cards: BoardCards) -> Iterator[str]:
    """Paragraphs of the page. by_task: the data set's records by task, those without a result too."""
    first = next(each[0] for each in by_task.values() if each)
    yield f"# {heading(first)}"
    yield from _facts(first, cards)
    boards = ", ".join(link(task, f"{task}.md") for task, located in by_task.items() if located)
    yield f"Boards: {boards}. {TOLD}"
    if any(cell.checked for located in by_task.values() for cell in located):
        yield CHECKED
    for task, located in by_task.items():
        finished = [cell for cell in located if cell.record.status == "ok"]
        for budget in in_order(cell.record.identity.budget for cell in finished):
            rows = rows_of(cell for cell in finished if cell.record.identity.budget == budget)
            yield f"## {task.capitalize()}, {budget} budget"
            yield f"{about_budget(budget)} {TASK_NOTES[task]}"
            yield from _rows(task, rows, cards)
        if missing := [cell for cell in located if cell.record.status != "ok"]:
            yield f"## {task.capitalize()}: cells without a result"
            yield _without_result(missing)


def _facts(cell: LocatedRecord, cards: BoardCards) -> Iterator[str]:
    if cell.record.synthetic:
        yield SYNTHETIC
    card = cards.datasets.get(cell.record.identity.dataset)
    if card is None:
        return
    classes = plain(", ".join(card.classes))
    yield f"Classes: {classes}. Patients: {patients_in_words(card)} Licence: {plain(card.licence)}."
    if card.notes:
        yield "\n".join(f"- {plain(note)}" for note in card.notes)


def _rows(task: str, rows: Sequence[Row], cards: BoardCards) -> Iterator[str]:
    """What the rows are, then their values, then those of the reports."""
    found = standings(task, rows, cards)
    every: list[Row] = []
    for line in (line for standing in found for line in standing.lines):
        every += [line.row] if line.row not in every else []
    yield "### Rows"
    yield table([_facts_of(task, row, every, cards) for row in every])
    if any(differs(row, cards) for row in rows):
        yield COVERAGE_NOTE
    if note := memorised_note(rows):
        yield note
    for standing in found:
        yield from _values(task, standing, cards)
    yield from _without_value(rows)
    yield from _beside_the_reports(rows, cards)


def _facts_of(task: str, row: Row, every: Sequence[Row], cards: BoardCards) -> dict[str, str]:
    """What a row is, and what it stands on."""
    entry = {"model": entries.model(row), "protocol": entries.protocol(row)}
    entry |= {"parameters": entries.parameters(row), "cells": entries.cells(row)}
    if task == "generation":
        entry["samples"] = entries.samples(row)
    else:
        entry["test samples"] = entries.tested(row)
    if task == "classification":
        entry["constant class"] = entries.constant_class(row)
    entry |= {"split": leaks(row, cards), "hardware": entries.hardware(row), "records": entries.records(row)}
    if any(cell.checked for other in every for cell in other.cells):
        entry["checked"] = entries.checked(row)
    if any(differs(other, cards) for other in every):
        entry["slices"] = coverage(row, cards)
    return entry


def _values(task: str, standing: Standing, cards: BoardCards) -> Iterator[str]:
    """A table for each metric, with a column for each class that it has a value of."""
    block = standing.block
    yield from opening(block, 3)
    if note := standing.note:
        yield note
    by_metric: dict[str, list[str]] = {}
    for name in block.every:
        by_metric.setdefault(name.partition("/")[0], []).append(name)
    ranking = {each.metric: heading for each, heading in zip(block.rankings, standing.lines[0].places, strict=False)}
    for metric, names in by_metric.items():
        lines = [line for line in standing.lines if any(_defined(line.row, name) for name in names)]
        if lines:
            yield f"#### {_title(metric, names[0], lines, cards)}"
            if plugin := plugin_of(metric, lines):
                yield f"Of the plugin {code(plugin)}."
            yield table([_line(task, standing, line, names, ranking.get(metric, ""), cards) for line in lines])
    undefined = [
        code(metric)
        for metric, names in by_metric.items()
        if not any(_defined(line.row, name) for line in standing.lines for name in names)
    ]
    if undefined:
        yield f"Undefined in every row: {', '.join(undefined)}."


def _line(
    task: str, standing: Standing, line: Line, names: Sequence[str], ranked_by: str, cards: BoardCards
) -> dict[str, str]:
    """A row of a metric's table. ranked_by: the heading of the ranks by it, "" where it gives none."""
    entry = {"rank": standing.ranks(line)[ranked_by]} if ranked_by else {}
    entry |= {"model": code(entries.name(line.row)), "protocol": entries.short_protocol(line.row)}
    for name in names:
        statistic, ends = line.row.statistic(name), line.sure.intervals.get(name)
        text = entries.value(statistic, with_n=task == "generation", interval=ends)
        said = entries.reported(line.row, name, cards)
        entry[plain(name.partition("/")[2]) or "value"] = f"{text} ({said})" if said else text
    return entry


def _defined(row: Row, name: str) -> bool:
    statistic = row.statistic(name)
    return statistic is not None and statistic.defined > 0


def _title(metric: str, name: str, lines: Sequence[Line], cards: BoardCards) -> str:
    """The card's title, the metric's name and its direction. name: of a value of it that a row has."""
    card = next((each for each in cards.metrics if each.id == metric_id(metric)), None)
    found = next((statistic for line in lines if (statistic := line.row.statistic(name))), None)
    shown = f"{code(metric)}{ARROWS[found.higher_is_better if found else None]}"
    return f"{plain(card.title)}: {shown}" if card else shown


def _without_value(rows: Sequence[Row]) -> Iterator[str]:
    """The metrics by which rows were scored to no avail, with the reason."""
    reasons: dict[tuple[str, str], int] = {}
    for row in rows:
        for each in row.record.instruments:
            if each.reason:
                name = f"{each.metric}[{each.extractor}]" if each.extractor else each.metric
                reasons[name, each.reason] = reasons.get((name, each.reason), 0) + 1
    by_reason: dict[str, list[str]] = {}
    for (name, reason), count in sorted(reasons.items()):
        by_reason.setdefault(f"{plural(count, 'row')}: {plain(reason)}", []).append(code(name))
    if by_reason:
        lines = [f"- {', '.join(names)}, in {reason}" for reason, names in by_reason.items()]
        yield "\n".join(["Metrics without a value:", "", *lines])


def _beside_the_reports(rows: Sequence[Row], cards: BoardCards) -> Iterator[str]:
    """Every value that the source reports give for this data set, ours beside it."""
    rows, lines = [row for row in rows if row.identity.leaves_out is None], []
    for model in sorted({row.identity.model for row in rows}):
        own = [row for row in rows if row.identity.model == model]
        for reported in cards.reported(model, own[0].identity.dataset):
            part = "" if reported.part == "test" else f" of {reported.part}"
            line = {"model": code(model), "metric": f"{code(reported.metric)}{part}", "reported": f"{reported.value:g}"}
            for split in SPLITS:
                protocol = protocol_of(reported.metric, split)
                ours = [_ours(row, reported) for row in own if row.identity.protocol == protocol]
                line[f"ours, `{split}`"] = "; ".join(ours) or NOTHING
            lines.append({**line, "note": plain(reported.note) or NOTHING})
    if lines:
        yield "### Beside the source reports"
        yield table(lines)


def _ours(row: Row, reported: Reported) -> str:
    found, folds = measured(row, reported), entries.folds_covered(row)
    if found is None:
        return NOTHING
    return f"{found.text} ({folds})" if folds else found.text


def _without_result(located: Sequence[LocatedRecord]) -> str:
    identities = [(cell, cell.record.identity) for cell in located]
    ordered = sorted(
        identities,
        key=lambda pair: (pair[1].model, pair[1].protocol, pair[1].budget, pair[1].fold, pair[1].seed, pair[0].path),
    )
    return "\n".join(
        f"- {code(identity.model)} {identity.protocol} {identity.budget} {entries.cell_name(cell.record)}: "
        f"**{cell.record.status}**, {plain(cell.record.reason) or 'no reason recorded'} ({link('record', cell.path)})"
        for cell, identity in ordered
    )
