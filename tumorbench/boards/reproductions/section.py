"""One model's section: what its card says, and on each of its data sets a table of the report's figures beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.boards import entries
from tumorbench.boards.inputs import BoardCards, LocatedRecord
from tumorbench.boards.markdown import NOTHING, code, link, plain, plural, table
from tumorbench.boards.reproductions.contrast import contrasts
from tumorbench.boards.reproductions.differences import Standpoint, difference
from tumorbench.boards.reproductions.leaks import leaks_as_run
from tumorbench.boards.reproductions.quantities import measured, quantity
from tumorbench.boards.reproductions.settings import PROTOCOLS, Setting, settings_of
from tumorbench.boards.reproductions.wording import budgets_in_words, parameters_in_words, split_in_words
from tumorbench.boards.rows import Row
from tumorbench.contracts.cards import ModelSpec, Reported

__all__ = ["datasets_of", "model_section"]


def datasets_of(spec: ModelSpec) -> list[str]:
    """The data sets for which the model's source gives a figure or a split, in the card's order."""
    return list(dict.fromkeys([*(figure.dataset for figure in spec.paper.reported), *spec.paper.splits]))


def model_section(spec: ModelSpec, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    """Paragraphs of the section. All records are of this model."""
    yield f"## {plain(spec.title)} ({code(spec.id)}, {spec.task})"
    yield "\n".join(f"- {fact}" for fact in [parameters_in_words(spec), budgets_in_words(spec.recipe), *map(plain, spec.paper.notes)])
    for dataset in datasets_of(spec):
        yield from _dataset_part(spec, dataset, [cell for cell in located if cell.record.identity.dataset == dataset], cards)


def _dataset_part(spec: ModelSpec, dataset: str, located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[str]:
    yield f"### {plain(spec.title)} on {code(dataset)}"
    yield split_in_words(spec.paper.splits.get(dataset), spec.recipe)
    settings = settings_of(spec, [cell for cell in located if cell.record.status == "ok"])
    if leaks := leaks_as_run(settings, cards):
        yield leaks
    figures = [figure for figure in spec.paper.reported if figure.dataset == dataset]
    if figures:
        protocols = _protocols(dataset, settings, cards)
        standpoint = Standpoint(spec, cards, [row for setting in settings for row in setting.rows.get("paper", ())])
        yield table([line for figure in figures for line in _lines(figure, protocols, settings, standpoint)])
    else:
        yield f"The report gives no figure for it on this data set; ours are on the {link(f'board of {spec.task}', f'../{spec.task}.md')}."
    yield from (sentence for setting in settings for sentence in contrasts(setting))
    yield from _without_result([cell for cell in located if cell.record.status != "ok"])


def _protocols(dataset: str, settings: Sequence[Setting], cards: BoardCards) -> list[str]:
    """The columns: ``official`` only where the data set has such a split."""
    card = cards.datasets.get(dataset)
    official = bool(card and card.official_split) or any("official" in setting.rows for setting in settings)
    return [protocol for protocol in PROTOCOLS if official or protocol != "official"]


def _lines(figure: Reported, protocols: Sequence[str], settings: Sequence[Setting], standpoint: Standpoint) -> Iterator[dict[str, str]]:
    """The figure's line in each setting, or one line that says that nothing has been run."""
    run = {protocol for setting in settings for protocol in setting.rows}
    stated = f"{figure.value:,.10g}" + (f" ({plain(figure.note)})" if figure.note else "")
    for setting in settings or [Setting(NOTHING, NOTHING, {})]:
        line = {"quantity": quantity(figure), "reported": stated}
        for protocol in protocols:
            absent = NOTHING if protocol in run else "not run"
            line[f"ours, `{protocol}`"] = "; ".join(_ours(row, figure) for row in setting.rows.get(protocol, ())) or absent
        yield {**line, "budget": setting.budget, "hardware": setting.hardware, "why they differ": difference(figure, setting, standpoint) or NOTHING}


def _ours(row: Row, figure: Reported) -> str:
    """``0.8046 ± — (quick, 1 cell: link)``."""
    found, folds = measured(row, figure), entries.part_of_folds(row)
    remarks = [*(["**quick**"] if row.identity.budget == "quick" else []), plural(len(row.cells), "cell"), *([folds] if folds else [])]
    return f"{found.text if found else 'not recorded'} ({', '.join(remarks)}{plain(row.suffix)}: {entries.records(row)})"


def _without_result(located: Sequence[LocatedRecord]) -> Iterator[str]:
    lines = {(cell.record.identity.protocol, cell.record.identity.budget, entries.cell_name(cell.record), cell.path): cell for cell in located}
    if lines:
        yield "Without a result:"
        yield "\n".join(
            f"- {protocol} {budget} {name}: **{cell.record.status}**, {plain(cell.record.reason) or 'no reason recorded'} ({link('record', path)})"
            for (protocol, budget, name, path), cell in sorted(lines.items(), key=lambda item: item[0])
        )
