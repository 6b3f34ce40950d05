"""Why ours is not the reported figure: what the records and cards state as facts, and nothing where the two agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tumorbench.boards.coverage import coverage, differs
from tumorbench.boards.inputs import BoardCards
from tumorbench.boards.markdown import code, number, plain
from tumorbench.boards.reproductions.leaks import leaks_in_words
from tumorbench.boards.reproductions.quantities import Measured, is_time, measured
from tumorbench.boards.reproductions.settings import PROTOCOLS, Setting
from tumorbench.boards.rows import Row
from tumorbench.contracts.cards import ModelSpec, Reported

__all__ = ["Standpoint", "difference"]

CLOSE = 0.01  # with one cell no spread is known
CLOSE_SHARE = 0.1  # of the reported figure, where that is less
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Whose figures they are, and the cards of what they are on."""

    spec: ModelSpec
    cards: BoardCards
    paper: Sequence[Row] = ()  # the model's rows under the report's own split, whatever their setting


def difference(figure: Reported, setting: Setting, standpoint: Standpoint) -> str:
    """A sentence for each protocol that was run: within the spread, or by how much ours is off and the facts that bear on it. Empty where nothing was."""
    sentences, apart = [], False
    for protocol in PROTOCOLS:
        for row in setting.rows.get(protocol, ()):
            ours = measured(row, figure)
            if ours is None:
                continue
            name, close = f"{code(protocol)}{plain(row.suffix)}", tolerance(figure, ours)
            if ours.mean is None:
                sentences.append(f"{name} is undefined.")
            elif abs(gap := ours.mean - figure.value) <= close + ROUNDING:
                sentences.append(f"{name} within {'the spread' if ours.spread is not None else number(close)}.")
            else:
                apart = True
                facts = list(_facts(row, figure, standpoint)) or ([] if figure.difference else ["no reason known"])
                sentences.append(f"{name} {'lower' if gap < 0 else 'higher'} by {number(abs(gap), figure.value)}{': ' if facts else ''}{'; '.join(facts)}.")
    if apart and figure.difference:
        sentences.append(plain(figure.difference))
    return " ".join(sentences)


def tolerance(figure: Reported, ours: Measured) -> float:
    """How far ours may be off without a reason: the spread over the cells; for one cell 0.01, or a tenth of the reported figure where that is less."""
    return ours.spread if ours.spread is not None else min(CLOSE, CLOSE_SHARE * abs(figure.value))


def _facts(row: Row, figure: Reported, standpoint: Standpoint) -> Iterator[str]:
    """Facts of the row's records that bear on the figure."""
    spec, cards, recipe = standpoint.spec, standpoint.cards, row.identity.recipe
    if row.identity.budget == "quick":
        smaller = recipe.preprocessing.size != spec.recipe.preprocessing.size
        yield "quick budget" + (f", {recipe.preprocessing.size} instead of {spec.recipe.preprocessing.size} pixels a side" if smaller else "")
    if row.identity.model_version != spec.version:
        yield f"version {plain(row.identity.model_version)} of the model, now {plain(spec.version)}"
    if is_time(figure):
        yield "seconds of the hardware named here"
    if differs(row, cards):
        yield f"on {coverage(row, cards)}"
    if figure.part == "test" and not is_time(figure):
        yield from _facts_of_the_test_part(row, standpoint)


def _facts_of_the_test_part(row: Row, standpoint: Standpoint) -> Iterator[str]:
    """What its images are; under ``paper`` they leak as the report's own do, which makes no difference between the two."""
    if row.identity.protocol != "paper":
        here, report = (leaks_in_words(rows, standpoint.cards) for rows in ([row], standpoint.paper))
        if here and here != report:
            yield f"{here} here" + (f", and under `paper` {report}" if report else "")
        if standpoint.spec.recipe.augmented_test_copies:
            yield "the report's test part holds augmented copies, and this one does not"
    if (only := constant_class(row)) is not None:
        yield f"every test slice is called {code(only)}"


def constant_class(row: Row) -> str | None:
    """The one class that every cell of the row answers; None where there is no such class, or no confusion matrix."""
    answered = set()
    for cell in row.cells:
        confusion = cell.record.confusion
        if not confusion:
            return None
        answered |= {name for name, column in zip(cell.record.classes, zip(*confusion, strict=True), strict=False) if any(column)}
    return answered.pop() if len(answered) == 1 else None
