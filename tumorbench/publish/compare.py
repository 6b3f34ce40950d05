"""Two models on what both have done: paired differences over patients, each as sure as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorbench import tasks
from tumorbench.boards.uncertainty import sureness
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.draws import Replicates
from tumorbench.registry import Registry
from tumorbench.statistics.discordance import Discordance, discordance
from tumorbench.statistics.intervals import interval
from tumorbench.statistics.ranks import holm, p_of_difference, spread_of
from tumorbench.statistics.rows import RowDraws
from tumorbench.store import PREDICTIONS, Store
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.rows import Row
from tumorbench.tables.stored import read_stored
from tumorbench.tasks.scores.replicates import clusters_of

__all__ = ["Difference", "paired_differences"]

ACCURACY = "accuracy"  # beside which McNemar's test stands


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of two models on the cells that both have finished, first - second.

    interval: 95 %, over clusters within folds and over seeds; None where there are no replicates. p: of no
    difference; p_holm: adjusted for all rows of the comparison. effect: the difference in standard deviations of what
    it would be on single clusters. mcnemar: of accuracy, on the first common seed.
    """

    dataset: str
    protocol: str
    budget: str
    metric: str
    cells: int
    first: float
    second: float
    difference: float
    interval: tuple[float, float] | None = None
    clusters: int | None = None
    p: float | None = None
    p_holm: float | None = None
    effect: float | None = None
    mcnemar: Discordance | None = None

    def entry(self, first: str, second: str) -> dict[str, Any]:
        """The row as it is printed as JSON, with the models' names in place of first and second."""
        names = {"first": first, "second": second}
        return {names.get(key, key): value for key, value in asdict(self).items()}


def paired_differences(store: Store, first: str, second: str, registry: Registry) -> list[Difference]:
    """One row a data set, protocol, budget and metric: both means over the common cells, and their difference.

    Cells are common where data set, protocol, split, seed and budget are the same, and where both started from a file
    of weights that a user gave, or neither did.
    """
    ours, theirs = (_cells(store, model, registry) for model in (first, second))
    groups: dict[tuple[str, str, str, bool], list[tuple[LocatedRecord, LocatedRecord]]] = {}
    for pairing in sorted(ours.keys() & theirs.keys()):
        identity = ours[pairing].record.identity
        group = identity.dataset, identity.protocol, identity.budget, _own_weights(ours[pairing].record)
        groups.setdefault(group, []).append((ours[pairing], theirs[pairing]))
    cards = BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))
    found = [row for pairs in groups.values() for row in _of_group(pairs, cards)]
    adjusted = iter(holm([row.p for row in found if row.p is not None]))
    return [row if row.p is None else replace(row, p_holm=next(adjusted)) for row in found]


def _cells(store: Store, model: str, registry: Registry) -> dict[tuple[Any, ...], LocatedRecord]:
    """The model's finished cells by what another's must share; of two records the later."""
    finished = [(path, record) for path, record in store.records() if record.status == "ok"]
    own = [(path, record) for path, record in finished if record.identity.model == model]
    return {
        _pairing(record): LocatedRecord(record, str(path), replicates=Replicates(path, record, registry))
        for path, record in sorted(own, key=lambda pair: (pair[1].started_at, str(pair[0])))
    }


def _pairing(record: Record) -> tuple[Any, ...]:
    identity = record.identity
    split = identity.dataset, identity.protocol, identity.split_fingerprint, identity.fold
    return *split, identity.seed, identity.budget, _own_weights(record)


def _own_weights(record: Record) -> bool:
    """Whether it started from a file of weights that a user gave."""
    return (record.identity.recipe.pretrained or "").startswith("sha256:")


def _of_group(pairs: Sequence[tuple[LocatedRecord, LocatedRecord]], cards: BoardCards) -> Iterator[Difference]:
    """The rows of one data set, protocol and budget."""
    first, second = (Row(tuple(side)) for side in zip(*pairs, strict=True))
    shared = sorted(first.metric_names & second.metric_names)
    names = [name for name in shared if "/" not in name]
    draws = [sureness(row, names, cards).draws for row in (first, second)]
    for name in names:
        values = _common(pairs, name)
        if not len(values):
            continue
        identity = first.identity
        one, other = values.mean(0).tolist()
        row = Difference(
            identity.dataset, identity.protocol, identity.budget, name, len(values), one, other, one - other
        )
        if len(values) == len(pairs) and all(name in each for each in draws):
            row = _sure(row, *(each[name] for each in draws))
        yield replace(row, mcnemar=_mcnemar(pairs)) if name == ACCURACY else row


def _common(pairs: Sequence[tuple[LocatedRecord, LocatedRecord]], name: str) -> NDArray[np.float64]:
    """Both values of the cells where both have one, float64 ``(n, 2)``."""
    found = [[_value(cell.record, name) for cell in pair] for pair in pairs]
    return np.array([pair for pair in found if None not in pair], np.float64).reshape(-1, 2)


def _value(record: Record, name: str) -> float | None:
    metric = record.metric(name)
    return metric.value if metric is not None else None


def _sure(row: Difference, one: RowDraws, other: RowDraws) -> Difference:
    """The row with its interval, its p and its effect size."""
    draws, clusters, folds = one.draws - other.draws, min(one.clusters, other.clusters), one.folds
    spread = spread_of(draws)
    return replace(
        row,
        interval=interval(row.difference, draws, clusters, folds=folds),
        clusters=clusters,
        p=p_of_difference(one, other),
        effect=row.difference / (spread * sqrt(clusters)) if spread > 0 else None,
    )


def _mcnemar(pairs: Sequence[tuple[LocatedRecord, LocatedRecord]]) -> Discordance | None:
    """McNemar's test on the test samples of every fold, each once; None where the predictions are not here."""
    seed = min(one.record.identity.seed for one, _ in pairs)
    found = [_right(pair) for pair in pairs if pair[0].record.identity.seed == seed]
    known = [each for each in found if each is not None]
    if not known or len(known) < len(found):
        return None
    first, second, clusters = (np.concatenate(side) for side in zip(*known, strict=True))
    return discordance(first, second, clusters.tolist())


def _right(
    pair: tuple[LocatedRecord, LocatedRecord],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.str_]] | None:
    """(which samples the first has right, which the second, their clusters), in one order; None where they differ."""
    tables = [_table(Path(cell.path).parent / PREDICTIONS) for cell in pair]
    if any(table is None for table in tables):
        return None
    aligned = [table.set_index("sample_id", drop=False) for table in tables]
    if not aligned[0].index.is_unique or set(aligned[0].index) != set(aligned[1].index):
        return None
    aligned[1] = aligned[1].loc[aligned[0].index]
    right = [tasks.of(cell.record.identity).right(table) for cell, table in zip(pair, aligned, strict=True)]
    if right[0] is None or right[1] is None:
        return None
    clusters = clusters_of(aligned[0])
    return right[0], right[1], np.array(clusters.names)[clusters.of_rows]


def _table(path: Path) -> Any:
    """The predictions without their pictures; None where they cannot be read."""
    try:
        found = read_stored(path, ("sample_id", "group", "cluster", "label", "predicted"))
    except BadInput:
        return None
    return found if "sample_id" in found else None
