"""One model's section: what its card says, and on each of its data sets a table of the report's figures beside ours."""

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
    """The data sets for which the model's source gives a figure or a split, in the card's order."""
    return list(dict.fromkeys([*(figure.dataset for figure in spec.paper.reported), *spec.paper.splits]))


def model_section(spec: ModelSpec, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    """Paragraphs of the section. All records are of this model."""
    yield f"## {plain(spec.title)} ({code(spec.id)}, {spec.task})"
    yield "\n".join(
        f"- {fact}"
        for fact in [parameters_in_words(spec), budgets_in_words(spec.recipe), *map(plain, spec.paper.notes)]
    )
    for dataset in datasets_of(spec):
        yield from _dataset_part(
            spec, dataset, [cell for cell in located if cell.record.identity.dataset == dataset], cards
        )


def _dataset_part(spec: ModelSpec, dataset: str, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    yield f"### {plain(spec.title)} on {code(dataset)}"
    yield split_in_words(spec.paper.splits.get(dataset), spec.recipe)
    settings = settings_of(spec, [cell for cell in located if cell.record.status == "ok"])
    if leaks := leaks_as_run(settings, cards):
        yield leaks
    figures = [figure for figure in spec.paper.reported if figure.dataset == dataset]
    if figures:
        standpoint = Standpoint(spec, cards, [row for setting in settings for row in setting.of_split("paper")])
        yield from _table(figures, _splits(dataset, settings, cards), settings, standpoint)
    else:
        yield f"The report gives no figure for it on this data set; ours are on the {link(f'board of {spec.task}', f'../{spec.task}.md')}."
    yield from (sentence for setting in settings for sentence in contrasts(setting))
    yield from _without_result([cell for cell in located if cell.record.status != "ok"])


def _splits(dataset: str, settings: Sequence[Setting], cards: BoardCards) -> list[Protocol]:
    """The columns: ``official`` only where the data set has such a split."""
    card = cards.datasets.get(dataset)
    official = bool(card and card.official_split) or any(setting.of_split("official") for setting in settings)
    return [split for split in SPLITS if official or split != "official"]


def _table(
    figures: Sequence[Reported], splits: Sequence[Protocol], settings: Sequence[Setting], standpoint: Standpoint
) -> Iterator[str]:
    """The figures' lines, and under them, once, what several of them say on why they differ."""
    lines = [line for figure in figures for line in _lines(figure, splits, settings, standpoint)]
    shared = shared_reasons(why for _, why in lines)
    yield table([line | {"why they differ": why.text(shared) or NOTHING} for line, why in lines])
    if shared:
        yield "\n".join(
            ["Why they differ, for several lines:", "", *(f"{place}. {reason}" for reason, place in shared.items())]
        )


def _lines(
    figure: Reported, splits: Sequence[Protocol], settings: Sequence[Setting], standpoint: Standpoint
) -> Iterator[tuple[dict[str, str], Difference]]:
    """The figure's line in each setting that has rows beside it, or one line that says that nothing has been run."""
    beside = [setting for setting in settings if any(setting.ours(figure.metric, split) for split in splits)]
    run = {split for setting in beside for split in splits if setting.ours(figure.metric, split)}
    stated = f"{figure.value:,.10g}" + (f" ({plain(figure.note)})" if figure.note else "")
    for setting in beside or [Setting(NOTHING, NOTHING, {})]:
        line = {"quantity": quantity(figure), "reported": stated}
        for split in splits:
            absent = NOTHING if split in run or protocol_of(figure.metric, split) is None else "not run"
            line[f"ours, `{split}`"] = (
                "; ".join(_ours(row, figure) for row in setting.ours(figure.metric, split)) or absent
            )
        yield line | {"budget": setting.budget, "hardware": setting.hardware}, difference(figure, setting, standpoint)


def _ours(row: Row, figure: Reported) -> str:
    """``0.8046 ± — (quick, 1 cell: link)``."""
    found, folds = measured(row, figure), entries.part_of_folds(row)
    remarks = [
        *(["**quick**"] if row.identity.budget == "quick" else []),
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
            f"- {protocol} {budget} {name}: **{cell.record.status}**, {plain(cell.record.reason) or 'no reason recorded'} ({link('record', path)})"
            for (protocol, budget, name, path), cell in sorted(lines.items(), key=lambda item: item[0])
        )
