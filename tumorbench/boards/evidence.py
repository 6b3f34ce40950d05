"""What was found: of each model its source's figure, ours on the source's split, and ours with patients apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tumorbench.boards.uncertainty import sureness
from tumorbench.contracts.budget import Budget, place_of
from tumorbench.contracts.cards import Reported
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.problem import Protocol
from tumorbench.statistics.intervals import Ends, interval
from tumorbench.statistics.rows import RowDraws
from tumorbench.tables.columns import protocol_of
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.rows import Row, rows_of

__all__ = ["METRICS", "Difference", "Finding", "Side", "findings", "shown_rows"]

METRICS = {"classification": "accuracy", "segmentation": "dice", "generation": "tstr_generated"}
"""Task -> the metric that has the same meaning on every split; a generator's own ones have other reference images."""


@dataclass(frozen=True, slots=True)
class Side:
    """One row's mean of the metric, with its 95 % interval where it has one."""

    row: Row
    mean: float
    ends: Ends | None
    draws: RowDraws | None


@dataclass(frozen=True, slots=True)
class Difference:
    """With patients apart less on the source's split, and its 95 % interval where both sides have replicates."""

    value: float
    ends: Ends | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One model on one data set with one budget. published: what its source reports of its test part."""

    task: str
    dataset: str
    budget: str
    model: str
    metric: str
    published: Reported | None
    report: str  # the source's short name, which its reproduction page has; "" without one
    same: Side | None
    apart: Side | None

    @property
    def difference(self) -> Difference | None:
        """None where one of the two was not run."""
        if self.same is None or self.apart is None:
            return None
        return Difference(self.apart.mean - self.same.mean, _ends(self.same, self.apart))


def findings(located: Sequence[LocatedRecord], cards: BoardCards) -> list[Finding]:
    """Every model that was trained on real data, on each data set, the whole budget first, then by task and name.

    Of a model with results of the full budget those of others are left out.
    """
    found: list[Finding] = []
    for rows in _largest(located, lambda identity: (identity.dataset, identity.model)):
        identity = rows[0].identity
        metric = METRICS[identity.task]
        same, apart = (_side(_rows_on(rows, metric, split), metric, cards) for split in ("paper", "grouped"))
        if same is None and apart is None:
            continue
        card = cards.model(identity.model)
        reported = [each for each in cards.reported(identity.model, identity.dataset) if each.part == "test"]
        published = next((each for each in reported if each.metric == metric), None)
        report = (card.paper.report or "") if card else ""
        where = identity.task, identity.dataset, identity.budget, identity.model, metric
        found.append(Finding(*where, published, report if published else "", same, apart))
    tasks = list(METRICS)
    return sorted(found, key=lambda each: (tasks.index(each.task), place_of(each.budget), each.dataset, each.model))


def shown_rows(located: Sequence[LocatedRecord], wanted: Callable[[Row], bool]) -> list[Row]:
    """The wanted rows of models trained here on real data, each by the largest budget on its protocol alone."""
    found = _largest(located, lambda identity: (identity.dataset, identity.model, identity.protocol))
    return [row for rows in found for row in rows if wanted(row)]


def _largest(located: Sequence[LocatedRecord], key: Callable[[CellIdentity], tuple[str, ...]]) -> list[list[Row]]:
    """The rows of each key, in their order: those of the largest budget that the key has."""
    every: dict[tuple[str, ...], dict[Budget, list[LocatedRecord]]] = {}
    for cell in (cell for cell in located if _counts(cell)):
        identity = cell.record.identity
        every.setdefault(key(identity), {}).setdefault(identity.budget, []).append(cell)
    return [rows_of(own[min(own, key=place_of)]) for _, own in sorted(every.items())]


def _counts(cell: LocatedRecord) -> bool:
    """Whether the cell is a finished one of the model as its card has it, on real data and of one set alone."""
    record, identity = cell.record, cell.record.identity
    own_weights = (identity.recipe.pretrained or "").startswith("sha256:")
    joined = identity.trained_on or identity.leaves_out
    return record.status == "ok" and not (record.synthetic or own_weights or joined) and identity.origin == "trained"


def _rows_on(rows: Sequence[Row], metric: str, split: Protocol) -> list[Row]:
    return [row for row in rows if row.identity.protocol == protocol_of(metric, split)]


def _side(rows: Sequence[Row], metric: str, cards: BoardCards) -> Side | None:
    """The row of most folds, of several the one of most cells and the latest; None where none has the metric."""
    best = sorted(rows, key=lambda row: (row.folds, len(row.cells), row.record.started_at), reverse=True)
    return next((side for row in best for side in _sides(row, metric, cards)), None)


def _sides(row: Row, metric: str, cards: BoardCards) -> Iterator[Side]:
    statistic = row.statistic(metric)
    if statistic is not None and statistic.mean is not None:
        sure = sureness(row, [metric], cards)
        yield Side(row, statistic.mean, sure.intervals.get(metric) or statistic.interval, sure.draws.get(metric))


def _ends(same: Side, apart: Side) -> Ends | None:
    """The two are of different networks and test images: their replicates are taken as independent of one another."""
    if same.draws is None or apart.draws is None:
        return None
    fewest = min((same.draws, apart.draws), key=lambda each: each.clusters - each.folds)
    draws = apart.draws.draws - same.draws.draws
    return interval(apart.mean - same.mean, draws, fewest.clusters, (-1.0, 1.0), folds=fewest.folds)
