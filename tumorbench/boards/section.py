"""One data set's section of a task's board: facts, full and quick tables apart, and cells without a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tumorbench.boards.blocks import Block, blocks
from tumorbench.boards.ranking import Place, order, places, rank, ranking_note
from tumorbench.boards.uncertainty import Sureness, sureness
from tumorbench.contracts.cards import Reported
from tumorbench.tables import entries
from tumorbench.tables.columns import SPLITS, protocol_of
from tumorbench.tables.coverage import COVERAGE_NOTE, coverage, differs
from tumorbench.tables.inputs import BoardCards, LocatedRecord, metric_id
from tumorbench.tables.leaks import leaks
from tumorbench.tables.markdown import NOTHING, code, link, plain, table
from tumorbench.tables.memorised import MEMORISED, memorises
from tumorbench.tables.quantities import measured
from tumorbench.tables.rows import Row, rows_of

__all__ = ["SYNTHETIC", "dataset_section"]

SYNTHETIC = (
    "These images are computed, not taken of patients: the numbers show that the benchmark works, and say nothing "
    "about brain tumours."
)
QUICK = (
    "Quick results are runs of a bounded number of steps, for a CPU or CI, some at a smaller image size. They are not "
    "comparable with full ones, which never stand in this table."
)
BUDGETS = {
    "full": ("Full budget", "Every model trained for its recipe's epochs."),
    "quick": (
        "Quick budget",
        QUICK,
    ),
}
NOT_COMPARABLE = "† not comparable with published values: the literature's are computed with another feature extractor."


def dataset_section(task: str, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    """Paragraphs of the section. All records are of one data set and task."""
    yield _heading(located[0])
    yield from _facts(located[0], cards)
    finished = [cell for cell in located if cell.record.status == "ok"]
    if not finished:
        yield "No cell on this data set has a result yet."
    for budget, (title, sentence) in BUDGETS.items():
        rows = rows_of(cell for cell in finished if cell.record.identity.budget == budget)
        if rows:
            yield f"### {title}"
            yield sentence
            yield from _tables(task, rows, cards)
            yield from _beside_the_reports(rows, cards)
    yield from _without_result([cell for cell in located if cell.record.status != "ok"])


def _heading(cell: LocatedRecord) -> str:
    name = f"{plain(cell.record.dataset_title)} ({code(cell.record.identity.dataset)})"
    return f"## SYNTHETIC: {name}" if cell.record.synthetic else f"## {name}"


def _facts(cell: LocatedRecord, cards: BoardCards) -> Iterator[str]:
    if cell.record.synthetic:
        yield SYNTHETIC
    card = cards.datasets.get(cell.record.identity.dataset)
    if card is None:
        return
    patients = (
        "known"
        if card.patients_known
        else "not known to the set; `grouped` keeps near-copies together, and the patients that a match with another set told"
    )
    yield f"Classes: {plain(', '.join(card.classes))}. Patients: {patients}. Licence: {plain(card.licence)}."
    if card.notes:
        yield "\n".join(f"- {plain(note)}" for note in card.notes)


def _tables(task: str, rows: Sequence[Row], cards: BoardCards) -> Iterator[str]:
    for block in blocks(task, rows, cards):
        if block.title:
            yield f"#### {block.title}{'' if block.comparable else ' †'}"
        if block.note:
            yield block.note
        if not block.comparable:
            yield NOT_COMPARABLE
        kept = [row for row in rows if not block.title or row.metric_names & set(block.metrics)]
        sure = [sureness(row, block.metrics, cards) for row in kept]
        standing = _standing(kept, block, sure)
        yield _table(task, kept, sure, standing, block, cards)
        if note := ranking_note(next(iter(standing.values()))):
            yield note
        if any(differs(row, cards) for row in kept):
            yield COVERAGE_NOTE
        if copied := sorted({row.identity.model for row in kept if any(memorises(cell.record) for cell in row.cells)}):
            yield (
                f"Memorised: more than {MEMORISED:.0%} of the images of {', '.join(map(code, copied))} are nearer to a "
                "training image than nearly all held-out ones."
            )


def _standing(rows: Sequence[Row], block: Block, sure: Sequence[Sureness]) -> dict[str, list[Place]]:
    """The rows' places by the heading of each column of ranks, the first being the one that orders the table."""
    if len(block.rankings) > 1:
        return {f"rank by {metric_id(ranking.metric)}": places(rows, ranking, sure) for ranking in block.rankings}
    return {"rank": places(rows, next(iter(block.rankings), None), sure)}


def _table(
    task: str,
    rows: Sequence[Row],
    sure: Sequence[Sureness],
    standing: Mapping[str, Sequence[Place]],
    block: Block,
    cards: BoardCards,
) -> str:
    """The rows in the order of their first places.

    With their folds beside the rank, and a column of slices, where rows differ in them; and with a column of how they
    were checked, where some row was.
    """
    name_folds = len({place.folds for found in standing.values() for place in found if place.rank is not None}) > 1
    with_slices = any(differs(row, cards) for row in rows)
    with_checks = any(cell.checked for row in rows for cell in row.cells)
    lines = []
    ordered = sorted(zip(rows, sure, *standing.values(), strict=True), key=lambda line: order(line[0], line[2]))
    for row, own, *found in ordered:
        ranks = {heading: rank(place, name_folds=name_folds) for heading, place in zip(standing, found, strict=True)}
        line = ranks | _entry(task, row, own, block, cards)
        line |= {"checked": entries.checked(row)} if with_checks else {}
        lines.append(line | ({"slices": coverage(row, cards)} if with_slices else {}))
    return table(lines)


def _entry(task: str, row: Row, sure: Sureness, block: Block, cards: BoardCards) -> dict[str, str]:
    generation = task == "generation"
    entry = {"model": entries.model(row), "protocol": entries.protocol(row)}
    for name, heading in block.metrics.items():
        text = entries.value(row.statistic(name), with_n=generation, interval=sure.intervals.get(name))
        reported = entries.reported(row, name, cards)
        entry[heading] = f"{text} ({reported})" if reported else text
    if task == "classification":
        entry["constant class"] = entries.constant_class(row)
    entry["cells"] = entries.cells(row)
    if generation:
        entry["samples"] = entries.samples(row)
    else:
        entry["test samples"] = entries.test_samples(row, list(block.metrics))
    entry["split"] = leaks(row, cards)
    entry["budget"] = row.identity.budget
    entry["hardware"] = entries.hardware(row)
    entry["records"] = entries.records(row)
    return entry


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
        yield "#### Beside the source reports"
        yield table(lines)


def _ours(row: Row, reported: Reported) -> str:
    found, folds = measured(row, reported), entries.folds_covered(row)
    if found is None:
        return NOTHING
    return f"{found.text} ({folds})" if folds else found.text


def _without_result(located: Sequence[LocatedRecord]) -> Iterator[str]:
    if not located:
        return
    yield "### Cells without a result"
    identities = [(cell, cell.record.identity) for cell in located]
    ordered = sorted(
        identities,
        key=lambda pair: (pair[1].model, pair[1].protocol, pair[1].budget, pair[1].fold, pair[1].seed, pair[0].path),
    )
    yield "\n".join(
        f"- {code(identity.model)} {identity.protocol} {identity.budget} {entries.cell_name(cell.record)}: "
        f"**{cell.record.status}**, {plain(cell.record.reason) or 'no reason recorded'} ({link('record', cell.path)})"
        for cell, identity in ordered
    )
