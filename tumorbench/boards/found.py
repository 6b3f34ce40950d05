"""The page that the boards begin with: what was found, what leaks, and what to take from it, in one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.boards.evidence import METRICS, Finding, Side, findings, shown_rows
from tumorbench.contracts.budget import in_order
from tumorbench.statistics.intervals import Ends
from tumorbench.tables import entries
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.leaks import leaks
from tumorbench.tables.markdown import DASH, NOTHING, code, integers, link, plural, table
from tumorbench.tables.rows import Row, Statistic

__all__ = ["ABOUT", "budget_in_words", "found_in_words", "found_line", "summary"]

ABOUT = (
    "Of each model the figure of its source, ours on the split of that source, and ours where no patient and no "
    "near-copy is on both sides (`grouped`); values on test images, with 95 % intervals over patients and seeds. The "
    "difference is of the last two: what the split is worth, not the model."
)
JUDGED = "accuracy on real test images of a classifier that learned from generated ones"
QUICK = "a few minutes of a CPU: it shows what runs, not what a model can do"
APART = (
    'Compare models by the column "patients apart" alone. Rows that cannot be told apart share a rank on the boards; a '
    "row of fewer than 5 folds stands on a part of the data."
)
HIGHER = (
    "A value that is higher with patients apart says that the source's test part is the harder one, not that nothing "
    'leaks in it: compare the two accuracies under "What leaks".'
)
LEAST_CLEAN = 20  # test images, for an accuracy on them to be told
FOUND_NOTHING = "No model has a result on real data yet."
LEAKS = (
    "Whoever splits as the sources did, or takes a data set's own folders, tests in part on what was trained on. Under "
    "`grouped` nothing known is on both sides."
)


def summary(located: Sequence[LocatedRecord], cards: BoardCards) -> list[str]:
    """The paragraphs: tables by task and budget, the leaks, and the sentences that follow from both."""
    found = findings(located, cards)
    if not found:
        return ["## What was found", FOUND_NOTHING]
    paragraphs = ["## What was found", ABOUT]
    for task, budget in dict.fromkeys((each.task, each.budget) for each in found):
        own = [each for each in found if (each.task, each.budget) == (task, budget)]
        meaning = f" ({JUDGED})" if task == "generation" else ""
        paragraphs.append(f"**{task.capitalize()}, {code(METRICS[task])}{meaning}, {budget_in_words(budget)}**")
        paragraphs.append(table([found_line(each, linked=True) for each in own]))
    leaking = list(_leaks(located, cards))
    if leaking:
        paragraphs += ["## What leaks", LEAKS, table(leaking)]
    taken = list(found_in_words(found))
    return [*paragraphs, "## What to take from it", "\n".join(f"- {sentence}" for sentence in taken)]


def budget_in_words(budget: str) -> str:
    """``full budget``, and of a quick one what it is worth."""
    return f"{budget} budget" + (f" ({QUICK})" if budget == "quick" else "")


def found_line(found: Finding, *, linked: bool = False) -> dict[str, str]:
    """The finding's line, by heading. linked: the figure to its source's page, values to the records behind them."""
    difference = found.difference
    published = _number(found.published.value) if found.published else NOTHING
    if linked and found.report:
        published += f" ({link(found.report, f'reproductions/{found.report}.md')})"
    return {
        "model": code(found.model),
        "data set": code(found.dataset),
        "published": published,
        "same split, run again": _value(found.same, linked=linked),
        "patients apart": _value(found.apart, linked=linked),
        "difference": f"{difference.value:+.3f}{_range(difference.ends, sign='+')}" if difference else NOTHING,
    }


def _number(value: float) -> str:
    return f"{value:.3f}"


def _value(side: Side | None, *, linked: bool) -> str:
    if side is None:
        return NOTHING
    value, folds = _number(side.mean), entries.folds_covered(side.row)
    shown = link(value, entries.place_of_records(side.row)) if linked else value
    return f"{shown}{_range(side.ends)}" + (f", {folds}" if folds else "")


def _range(ends: Ends | None, sign: str = "") -> str:
    return "" if ends is None else f" ({' to '.join(f'{end:{sign}.3f}' for end in ends)})"


def _leaks(located: Sequence[LocatedRecord], cards: BoardCards) -> Iterator[dict[str, str]]:
    """One line for each split of a source or of a data set's author on which something was run."""
    splits: dict[tuple[str, str, str], list[Row]] = {}
    for row in shown_rows(located, lambda row: row.identity.protocol in ("official", "paper")):
        identity = row.identity
        splits.setdefault((identity.dataset, identity.protocol, identity.split_fingerprint), []).append(row)
    for (dataset, protocol, _), rows in sorted(splits.items()):
        names = ", ".join(sorted({code(row.identity.model) for row in rows}))
        on_those, elsewhere = _accuracies(rows)
        yield {
            "data set": code(dataset),
            "split": link(code(protocol), entries.place_of_records(rows[0]))
            + (f" of {names}" if protocol == "paper" else ""),
            "on both sides": leaks(rows[0], cards).removeprefix("leaks: "),
            "accuracy there": on_those,
            "on the rest": elsewhere,
        }


def _accuracies(rows: Sequence[Row]) -> tuple[str, str]:
    """The accuracy on test images of which training has seen something, and on the others: the range over the models.

    Of those with the largest budget that was run on the split; nothing for too few others.
    """
    largest, *_ = in_order(row.identity.budget for row in rows)
    pairs = []
    for row in (row for row in rows if row.identity.budget == largest):
        leaked, clean = (row.statistic(f"accuracy_{part}") for part in ("leaked", "clean"))
        if leaked and clean and leaked.mean is not None and clean.mean is not None:
            pairs.append((leaked, clean))
    if not pairs or min(min(clean.samples) for _, clean in pairs) < LEAST_CLEAN:
        return NOTHING, NOTHING
    on_those, elsewhere = (_over_models(side) for side in zip(*pairs, strict=True))
    return f"{on_those}, {largest}", elsewhere


def _over_models(found: Sequence[Statistic]) -> str:
    """The range of the means, and of how many test images they are."""
    means = sorted(_number(each.mean) for each in found if each.mean is not None)
    values = means[0] if means[0] == means[-1] else f"{means[0]}{DASH}{means[-1]}"
    return f"{values} of {integers([count for each in found for count in each.samples])}"


def found_in_words(found: Sequence[Finding]) -> Iterator[str]:
    """What a user should take from the lines, as sentences that follow from them."""
    yield APART
    for budget in in_order(each.budget for each in found):
        yield from _of_budget(budget, [each for each in found if each.budget == budget])
    if any(change.value > 0 for each in found if (change := each.difference)):
        yield HIGHER
    if all(each.budget == "quick" for each in found):
        yield "Every line is of the quick budget so far: none of them says whether a published figure holds."


def _of_budget(budget: str, found: Sequence[Finding]) -> Iterator[str]:
    both = [(each, change) for each in found if (change := each.difference)]
    if both:
        lower = [change.value for _, change in both if change.value < 0]
        surely = [each.model for each, change in both if change.ends and change.ends[1] < 0]
        higher = [each.model for each, change in both if change.ends and change.ends[0] > 0]
        yield (
            f"{budget.capitalize()} budget: {plural(len(both), 'model')} on both splits, of which worse with patients "
            f"apart: {len(lower)}{f', by up to {_number(-min(lower))}' if lower else ''}. The interval of the "
            f"difference lies below 0 for {_named(surely)}, above 0 for {_named(higher)}."
        )
    for each in found if budget == "full" else ():
        if each.published and each.same and each.same.ends:
            yield _held(each, each.published.value, each.same)


def _held(found: Finding, published: float, same: Side) -> str:
    """Where the published figure lies beside ours of the whole recipe on the same split."""
    low, high = same.ends or (same.mean, same.mean)
    where = "above" if published > high else "below" if published < low else "inside"
    return (
        f"{code(found.model)}: the published {_number(published)} lies {where} the interval of ours on its own split, "
        f"{_number(low)} to {_number(high)}."
    )


def _named(models: Sequence[str]) -> str:
    return ", ".join(code(each) for each in models) or "none"
