"""One model's section: what its card says, and on each of its data sets a table of the report's values beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.contracts.cards import ModelSpec, Reported
from tumorbench.contracts.problem import Protocol
from tumorbench.reports.contrast import contrasts
from tumorbench.reports.differences import Difference, Standpoint, difference, shared_reasons
from tumorbench.reports.leaks import leaks_as_run
from tumorbench.reports.settings import Setting, settings_of
from tumorbench.reports.wording import budgets_in_words, parameters_in_words, split_in_words
from tumorbench.tables import entries
from tumorbench.tables.columns import SPLITS, protocol_of
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.markdown import NOTHING, code, link, plain, plural, table
from tumorbench.tables.quantities import measured, quantity
from tumorbench.tables.rows import Row

__all__ = ["datasets_of", "model_section"]


def datasets_of(spec: ModelSpec) -> list[str]:
    """The data sets for which the model's source gives a value or a split, in the card's order."""
    return list(dict.fromkeys([*(each.dataset for each in spec.paper.reported), *spec.paper.splits]))


def model_section(spec: ModelSpec, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    """Paragraphs of the section. All records are of this model."""
    yield f"## {plain(spec.title)} ({code(spec.id)}, {spec.task})"
    yield "\n".join(
        f"- {fact}"
        for fact in [parameters_in_words(spec), budgets_in_words(spec.recipe), *map(plain, spec.paper.notes)]
    )
    for dataset in datasets_of(spec):
        yield from _on_dataset(
            spec, dataset, [cell for cell in located if cell.record.identity.dataset == dataset], cards
        )


def _on_dataset(spec: ModelSpec, dataset: str, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    yield f"### {plain(spec.title)} on {code(dataset)}"
    yield split_in_words(spec.paper.splits.get(dataset), spec.recipe)
    settings = settings_of(spec, [cell for cell in located if cell.record.status == "ok"])
    if leaks := leaks_as_run(settings, cards):
        yield leaks
    reported = [each for each in spec.paper.reported if each.dataset == dataset]
    if reported:
        standpoint = Standpoint(spec, cards, [row for setting in settings for row in setting.of_split("paper")])
        yield from _table(reported, _splits(dataset, settings, cards), settings, standpoint)
    else:
        board = link(f"board of {spec.task}", f"../{spec.task}.md")
        yield f"The report gives no value for it on this data set; ours are on the {board}."
    yield from (sentence for setting in settings for sentence in contrasts(setting))
    yield from _without_result([cell for cell in located if cell.record.status != "ok"])


def _splits(dataset: str, settings: Sequence[Setting], cards: BoardCards) -> list[Protocol]:
    """The columns: ``official`` only where the data set has such a split."""
    card = cards.datasets.get(dataset)
    official = bool(card and card.has_official) or any(setting.of_split("official") for setting in settings)
    return [split for split in SPLITS if official or split != "official"]


def _table(
    values: Sequence[Reported], splits: Sequence[Protocol], settings: Sequence[Setting], standpoint: Standpoint
) -> Iterator[str]:
    """The values' lines, and under them, once, what several of them say on why they differ."""
    lines = [line for reported in values for line in _lines(reported, splits, settings, standpoint)]
    shared = shared_reasons(why for _, why in lines)
    yield table([line | {"why they differ": why.text(shared) or NOTHING} for line, why in lines])
    if shared:
        yield "\n".join(
            ["Why they differ, for several lines:", "", *(f"{place}. {reason}" for reason, place in shared.items())]
        )


def _lines(
    reported: Reported, splits: Sequence[Protocol], settings: Sequence[Setting], standpoint: Standpoint
) -> Iterator[tuple[dict[str, str], Difference]]:
    """The value's line in each setting that has rows beside it, or one line that says that nothing has been run."""
    beside = [setting for setting in settings if any(setting.ours(reported.metric, split) for split in splits)]
    run = {split for setting in beside for split in splits if setting.ours(reported.metric, split)}
    stated = f"{reported.value:,.10g}" + (f" ({plain(reported.note)})" if reported.note else "")
    for setting in beside or [Setting(NOTHING, NOTHING, {})]:
        line = {"quantity": quantity(reported), "reported": stated}
        for split in splits:
            absent = NOTHING if split in run or protocol_of(reported.metric, split) is None else "not run"
            line[f"ours, `{split}`"] = (
                "; ".join(_ours(row, reported) for row in setting.ours(reported.metric, split)) or absent
            )
        yield line | {"budget": setting.budget, "hardware": setting.hardware}, difference(reported, setting, standpoint)


def _ours(row: Row, reported: Reported) -> str:
    """``0.8046 ± — (quick, 1 cell: link)``."""
    found, folds = measured(row, reported), entries.folds_covered(row)
    remarks = [
        *([] if row.identity.budget == "full" else [f"**{row.identity.budget}**"]),
        plural(len(row.cells), "cell"),
        *([folds] if folds else []),
    ]
    return (
        f"{found.text if found else 'not recorded'} ({', '.join(remarks)}{plain(row.suffix)}: {entries.records(row)})"
    )


def _without_result(located: Sequence[LocatedRecord]) -> Iterator[str]:
    lines = {
        (cell.record.identity.protocol, cell.record.identity.budget, entries.cell_name(cell.record), cell.path): cell
        for cell in located
    }
    if lines:
        yield "Without a result:"
        yield "\n".join(
            f"- {protocol} {budget} {name}: **{cell.record.status}**, "
            f"{plain(cell.record.reason) or 'no reason recorded'} ({link('record', path)})"
            for (protocol, budget, name, path), cell in sorted(lines.items(), key=lambda item: item[0])
        )
