"""Which rows of a table rank against each other.

Those that stand on the same folds, and only whole ones where there is a whole one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tumorbench.boards.blocks import Ranking
from tumorbench.boards.uncertainty import Sureness
from tumorbench.contracts.problem import FOLDS
from tumorbench.statistics.ranks import standings
from tumorbench.tables.markdown import DASH, plural
from tumorbench.tables.rows import Row

__all__ = ["Place", "order", "places", "rank", "ranking_note"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands.

    rank: 1 is the best of the rows with the same folds; None where the row does not rank.
    folds: those on which the ranking metric has a value; () for a protocol that does not rank.
    position: 1 for the best mean of those rows; it orders rows that share a rank.
    ends: between which ranks its mean lies in 95 % of the replicates; None where these are not known.
    """

    rank: int | None
    folds: tuple[int, ...]
    position: int = 0
    ends: tuple[int, int] | None = None


def places(rows: Sequence[Row], ranking: Ranking | None, sure: Sequence[Sureness] = ()) -> list[Place]:
    """Each row's place by ``ranking``, no rank without one.

    Where a row covers all 5 folds, rows that cover fewer have no rank. Where none does, each ranks among the rows of
    exactly its folds. sure: how sure each row is; rows that cannot be told apart share a rank. Where one of the rows
    that rank together has no replicates, the means alone rank them, and equal ones share a rank.
    """
    folds = [_folds(row, ranking.metric if ranking else None) for row in rows]
    whole = max(map(len, folds), default=0) >= FOLDS
    merits = [
        _merit(row, ranking) if own and (len(own) >= FOLDS or not whole) else None
        for row, own in zip(rows, folds, strict=True)
    ]
    found = [Place(None, own) for own in folds]
    for shared in set(folds):
        rivals = [row for row, own in enumerate(folds) if own == shared and merits[row] is not None]
        for row, place in zip(rivals, _among(rivals, merits, shared, ranking, sure), strict=True):
            found[row] = place
    return found


def _among(
    rivals: Sequence[int],
    merits: Sequence[float | None],
    folds: tuple[int, ...],
    ranking: Ranking | None,
    sure: Sequence[Sureness],
) -> list[Place]:
    """The places of the rows that rank together. rivals: their numbers."""
    known = [merit for row in rivals if (merit := merits[row]) is not None]
    positions = [1 + sum(other > merit for other in known) for merit in known]
    draws = [sure[row].draws.get(ranking.metric) if sure and ranking else None for row in rivals]
    complete = [each for each in draws if each is not None]
    if ranking is None or len(complete) < len(rivals):
        return [Place(position, folds, position) for position in positions]
    standing = standings(complete, higher_is_better=ranking.higher_is_better)
    return [
        Place(each.rank, folds, position, (each.low, each.high))
        for each, position in zip(standing, positions, strict=True)
    ]


def _folds(row: Row, metric: str | None) -> tuple[int, ...]:
    if not row.ranked or metric is None:
        return ()
    found = [(cell.record.identity.fold, cell.record.metric(metric)) for cell in row.cells]
    return tuple(
        sorted(
            {
                fold
                for fold, value in found
                if value is not None and value.value is not None and math.isfinite(value.value)
            }
        )
    )


def _merit(row: Row, ranking: Ranking | None) -> float | None:
    """The row's mean of the ranking metric, turned so that more is better."""
    statistic = row.statistic(ranking.metric) if ranking else None
    mean = statistic.mean if statistic else None
    return mean if mean is None or ranking is None or ranking.higher_is_better else -mean


def order(row: Row, place: Place) -> tuple[object, ...]:
    """What a table is sorted by.

    Ranked rows by their folds and rank, then those with fewer folds, then the protocols that do not rank.
    """
    unranked = place.rank is None
    return (
        not row.ranked,
        unranked,
        -len(place.folds),
        place.folds,
        place.rank or 0,
        place.position,
        row.identity.protocol,
        row.identity.model,
        row.suffix,
    )


def ranking_note(standing: Sequence[Place]) -> str | None:
    """The sentence under a table where some row covers fewer than all folds; None where every ranked row is whole."""
    partial = {place.folds for place in standing if 0 < len(place.folds) < FOLDS}
    if not partial:
        return None
    if any(len(place.folds) >= FOLDS for place in standing):
        return (
            f"Rows of fewer than {FOLDS} folds have no rank here: they stand on part of the data, the ranked rows on "
            "all of it."
        )
    if len(partial) == 1:
        (folds,) = partial
        return f"No row covers all {FOLDS} folds: the ranks hold for {named(folds)} only, which is part of the data."
    return (
        f"No row covers all {FOLDS} folds: each ranks only among the rows of the same folds, which stand beside its "
        "rank."
    )


def named(folds: Sequence[int]) -> str:
    """``fold 0``, ``folds 0, 2``."""
    return f"{plural(len(folds), 'fold').partition(' ')[2]} {', '.join(map(str, folds))}"


def rank(place: Place, *, name_folds: bool) -> str:
    """The rank with the interval of ranks, or a dash; with the folds among whose rows it holds where rows differ."""
    if place.rank is None:
        return DASH
    remarks = [DASH.join(map(str, place.ends))] if place.ends else []
    remarks += [named(place.folds)] if name_folds else []
    return f"{place.rank} ({'; '.join(remarks)})" if remarks else str(place.rank)
