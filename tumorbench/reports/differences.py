"""Why ours is not the reported value: what the records and cards state as facts; nothing where the two agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tumorbench.contracts.budget import share_of
from tumorbench.contracts.cards import ModelSpec, Reported
from tumorbench.contracts.recipe import Recipe
from tumorbench.reports.leaks import leaks_in_words
from tumorbench.reports.settings import Setting
from tumorbench.tables.columns import SPLITS, split_of
from tumorbench.tables.coverage import coverage, differs
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import code, number, plain, plural
from tumorbench.tables.quantities import Measured, is_of_test_images, is_time, measured
from tumorbench.tables.rows import Row

__all__ = ["Difference", "Standpoint", "difference", "shared_reasons"]

CLOSE = 0.01  # with one cell no spread is known
CLOSE_SHARE = 0.1  # of the reported value, where that is less
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Standpoint:
    """Whose values they are, and the cards of what they are on."""

    spec: ModelSpec
    cards: BoardCards
    paper: Sequence[Row] = ()  # the model's rows on the report's own split, whatever their setting


@dataclass(frozen=True, slots=True)
class Difference:
    """How each of our values stands to the reported one, with the facts that bear on that.

    remark: the card's sentence, where one of them is beyond the spread.
    """

    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    remark: str = ""

    @property
    def reasons(self) -> list[str]:
        """The facts and the remark, each once, as sentences."""
        found = [_sentence(fact) for _, facts in self.values for fact in facts] + ([self.remark] if self.remark else [])
        return list(dict.fromkeys(found))

    def text(self, shared: Mapping[str, int]) -> str:
        """A sentence for each value, and the remark. A reason that is among ``shared`` is named by its number there."""
        sentences = [": ".join(filter(None, (stated, _told(facts, shared)))) + "." for stated, facts in self.values]
        remark = f"See {shared[self.remark]}." if self.remark in shared else self.remark
        return " ".join([*sentences, *([remark] if remark else [])])


def shared_reasons(differences: Iterable[Difference]) -> dict[str, int]:
    """The reasons that stand in more than one of a table's lines, numbered from 1 in the table's order."""
    lines = Counter(reason for found in differences for reason in found.reasons)
    return {reason: place for place, reason in enumerate((reason for reason, count in lines.items() if count > 1), 1)}


def _told(facts: Sequence[str], shared: Mapping[str, int]) -> str:
    """``every test slice is called `glioma`; see 1, 2``."""
    own = [fact for fact in facts if _sentence(fact) not in shared]
    numbers = [str(shared[_sentence(fact)]) for fact in facts if _sentence(fact) in shared]
    return "; ".join([*own, *([f"see {', '.join(numbers)}"] if numbers else [])])


def _sentence(fact: str) -> str:
    return f"{fact[:1].upper()}{fact[1:]}."


def difference(reported: Reported, setting: Setting, standpoint: Standpoint) -> Difference:
    """Of every value of ours: within the spread, or by how much it is off and the facts that bear on it.

    Nothing where nothing was run.
    """
    values: list[tuple[str, tuple[str, ...]]] = []
    apart = False
    for split in SPLITS:
        for row in setting.ours(reported.metric, split):
            ours = measured(row, reported)
            if ours is None:
                continue
            name, close = f"{code(split)}{plain(row.suffix)}", tolerance(reported, ours)
            if ours.mean is None:
                values.append((f"{name} is undefined", ()))
            elif abs(gap := ours.mean - reported.value) <= close + ROUNDING:
                values.append((f"{name} within {'the spread' if ours.spread is not None else number(close)}", ()))
            else:
                apart = True
                facts = tuple(_facts(row, reported, standpoint))
                unknown = "" if facts or reported.difference else ": no reason known"
                values.append(
                    (f"{name} {'lower' if gap < 0 else 'higher'} by {number(abs(gap), reported.value)}{unknown}", facts)
                )
    return Difference(tuple(values), plain(reported.difference) if apart else "")


def tolerance(reported: Reported, ours: Measured) -> float:
    """How far ours may be off without a reason.

    The spread over the cells; for one cell 0.01, or a tenth of the reported value where that is less.
    """
    return ours.spread if ours.spread is not None else min(CLOSE, CLOSE_SHARE * abs(reported.value))


def _facts(row: Row, reported: Reported, standpoint: Standpoint) -> Iterator[str]:
    """Facts of the row's records that bear on the reported value."""
    spec, cards, recipe = standpoint.spec, standpoint.cards, row.identity.recipe
    if row.identity.budget != "full":
        yield f"{row.identity.budget} budget{_less(recipe, spec.recipe, share_of(row.identity.budget))}"
    if row.identity.model_version != spec.version:
        yield f"version {plain(row.identity.model_version)} of the model, now {plain(spec.version)}"
    if is_time(reported):
        yield "seconds of the hardware named here"
    if differs(row, cards):
        yield f"on {coverage(row, cards)}"
    if is_of_test_images(reported):
        yield from _facts_of_the_test_part(row, standpoint)


def _less(recipe: Recipe, full: Recipe, share: Fraction | None) -> str:
    """What a budget that is not full takes less of, after a comma; "" where that is its steps alone."""
    if share:
        return f", {plural(recipe.epochs, 'epoch')} instead of {full.epochs}"
    size, whole = recipe.preprocessing.size, full.preprocessing.size
    return f", {size} instead of {whole} pixels a side" if size != whole else ""


def _facts_of_the_test_part(row: Row, standpoint: Standpoint) -> Iterator[str]:
    """What its images are.

    On the split of ``paper`` they leak as the report's own do, which makes no difference between the two.
    """
    if split_of(row.identity.protocol) != "paper":
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
        answered |= {
            name for name, column in zip(cell.record.classes, zip(*confusion, strict=True), strict=False) if any(column)
        }
    return answered.pop() if len(answered) == 1 else None
