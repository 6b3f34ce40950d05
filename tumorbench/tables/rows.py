"""Rows of a board: the finished cells of one model under one protocol, and their mean and spread."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tumorbench.contracts.card import Card
from tumorbench.contracts.cell import CellIdentity, canonical_json
from tumorbench.contracts.record import MetricValue, Record
from tumorbench.tables.inputs import LocatedRecord

__all__ = [
    "Row",
    "Statistic",
    "device_kind",
    "hardware_name",
    "pretraining_leaks",
    "rows_of",
    "without_outdated_failures",
]


@dataclass(frozen=True, slots=True)
class Statistic:
    """One metric over the cells of a row.

    mean, spread: over the cells where the metric is defined; the spread is the sample standard deviation (n - 1), None
    for fewer than two.
    """

    mean: float | None
    spread: float | None
    defined: int  # cells where the metric has a value
    cells: int  # cells that carry the metric at all
    samples: tuple[int, ...]  # n of each of those cells
    real_vs_real: float | None  # mean over the cells that have it
    ceiling: float | None  # likewise
    comparable: bool
    higher_is_better: bool | None
    interval: tuple[float, float] | None = None  # of the one cell that carries the metric


@dataclass(frozen=True)
class Row:
    """Finished cells that differ in fold and seed only, in that order."""

    cells: tuple[LocatedRecord, ...]
    suffix: str = ""  # its own file of weights, and what tells it from another row of the same model in the same table

    @property
    def record(self) -> Record:
        """The first cell's record; they agree on model, data set, protocol, budget and what ``_variants`` names."""
        return self.cells[0].record

    @property
    def identity(self) -> CellIdentity:
        """The first cell's identity."""
        return self.record.identity

    @property
    def ranked(self) -> bool:
        """Whether the row's protocol ranks, and no weights of its cells are known or feared to have seen the test.

        What a model saw that was trained elsewhere, nobody here knows.
        """
        trained_here = self.identity.protocol == "grouped" and self.identity.origin == "trained"
        return trained_here and not any(pretraining_leaks(cell.record) for cell in self.cells)

    @property
    def folds(self) -> int:
        """How many folds the cells are of."""
        return len({cell.record.identity.fold for cell in self.cells})

    @cached_property
    def metric_names(self) -> frozenset[str]:
        """Names of the metrics that any cell carries."""
        return frozenset(metric.name for cell in self.cells for metric in cell.record.metrics)

    def statistic(self, name: str) -> Statistic | None:
        """The metric over the row's cells; None where no cell carries it."""
        found = [metric for cell in self.cells if (metric := cell.record.metric(name)) is not None]
        return _statistic(found) if found else None


def pretraining_leaks(record: Record) -> bool:
    """Whether the weights that the record's cell starts from have seen what is tested, or this was not measured.

    Weights that no cell trained are known by their card; what those of a user's file have seen, nobody knows.
    """
    seen = record.leakage.pretraining_test_images if record.leakage else None
    return seen != 0 and (seen is not None or record.identity.starts_from is not None)


def _statistic(found: Sequence[MetricValue]) -> Statistic:
    values = [metric.value for metric in found if metric.value is not None and math.isfinite(metric.value)]
    return Statistic(
        mean=statistics.fmean(values) if values else None,
        spread=statistics.stdev(values) if len(values) > 1 else None,
        defined=len(values),
        cells=len(found),
        samples=tuple(metric.n for metric in found),
        real_vs_real=_mean(metric.real_vs_real for metric in found),
        ceiling=_mean(metric.ceiling for metric in found),
        comparable=all(metric.comparable for metric in found),
        higher_is_better=found[0].higher_is_better,
        interval=found[0].interval if len(found) == 1 else None,
    )


def _mean(found: Iterable[float | None]) -> float | None:
    """The mean of those that are numbers; None where none is."""
    known = [value for value in found if value is not None and math.isfinite(value)]
    return statistics.fmean(known) if known else None


def device_kind(hardware: dict[str, Any]) -> str:
    """``cpu`` or ``cuda``; ``unknown`` where the record does not say."""
    return str(hardware.get("device") or hardware.get("kind") or "unknown").partition(":")[0]


def hardware_name(hardware: dict[str, Any]) -> str:
    """The device's name as the record gives it."""
    keys = ("name", "device_name", "gpu", "cpu") if device_kind(hardware) == "cuda" else ("name", "device_name", "cpu")
    return next((str(hardware[key]) for key in keys if hardware.get(key)), device_kind(hardware))


def _variants(record: Record) -> dict[str, str]:
    """What else must be equal for two cells to share a row, by the word that a board would use for it.

    The recipe's precision counts as it is declared: folds that one machine computed in bf16 and another in fp32 are one
    model's row, and its hardware column names both. Metrics do not count: installing one never splits a row.
    """
    identity = record.identity
    return {
        "version": identity.model_version,
        "recipe": _sha256(identity.recipe),
        "content": identity.dataset_fingerprint,
        "judge": _sha256(identity.judge) if identity.judge else "",
        "trained on": _sha256(identity.trained_on) if identity.trained_on else "",
        "leaves out": _sha256(identity.leaves_out) if identity.leaves_out else "",
        "device": device_kind(record.hardware),
    }


def _sha256(card: Card) -> str:
    return hashlib.sha256(canonical_json(card.model_dump(mode="json", exclude_defaults=True))).hexdigest()


def without_outdated_failures(located: Iterable[LocatedRecord]) -> list[LocatedRecord]:
    """The records without those of a failure after which the same was done and succeeded.

    The same: model, data sets, protocol, fold, seed and budget; the version, the recipe or the data may be others.
    """
    every = list(located)
    succeeded: dict[tuple[Any, ...], str] = {}
    for cell in every:
        if cell.record.status == "ok":
            what = _what(cell.record.identity)
            succeeded[what] = max(succeeded.get(what, ""), cell.record.started_at)

    def stands(record: Record) -> bool:
        last = succeeded.get(_what(record.identity))
        return record.status == "ok" or last is None or record.started_at > last

    return [cell for cell in every if stands(cell.record)]


def _what(identity: CellIdentity) -> tuple[Any, ...]:
    return (
        identity.model,
        identity.dataset,
        identity.protocol,
        identity.fold,
        identity.seed,
        identity.budget,
        identity.trained_on.dataset if identity.trained_on else "",
        identity.leaves_out.dataset if identity.leaves_out else "",
    )


def rows_of(finished: Iterable[LocatedRecord]) -> list[Row]:
    """Rows of the finished cells of one data set and budget, by model and protocol.

    Of two records of the same fold and seed the later counts: what a model starts from may have been trained anew.
    """
    groups: dict[tuple[str, ...], dict[tuple[int, int], LocatedRecord]] = defaultdict(dict)
    for cell in sorted(finished, key=lambda cell: (cell.record.started_at, cell.path)):
        identity = cell.record.identity
        key = (identity.model, identity.protocol, *_variants(cell.record).values())
        groups[key][identity.fold, identity.seed] = cell
    siblings: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for key, cells in groups.items():
        siblings[key[:2]].append(_variants(next(iter(cells.values())).record))
    return [_row(cells.values(), siblings[key[:2]]) for key, cells in sorted(groups.items())]


def _row(cells: Iterable[LocatedRecord], siblings: Sequence[dict[str, str]]) -> Row:
    ordered = sorted(cells, key=lambda cell: (cell.record.identity.fold, cell.record.identity.seed, cell.path))
    variants = _variants(ordered[0].record)
    telling = [word for word in ("recipe", "content", "judge") if len({sibling[word] for sibling in siblings}) > 1]
    said = [
        _own_weights(ordered[0].record),
        _left_out(ordered[0].record),
        *(f"{word} {variants[word][:8]}" for word in telling),
        variants["device"] if len({sibling["device"] for sibling in siblings}) > 1 else "",
    ]
    return Row(tuple(ordered), "".join(f", {each}" for each in said if each))


def _left_out(record: Record) -> str:
    """``without what SET tests`` where the cells learn nothing of another set's test parts; else empty."""
    other = record.identity.leaves_out
    return f"without what {other.dataset} tests" if other else ""


def _own_weights(record: Record) -> str:
    """``weights of file 01234567`` where the model started from a file that a user gave; else empty."""
    kind, _, digits = (record.identity.recipe.pretrained or "").partition(":")
    return f"weights of file {digits[:8]}" if kind == "sha256" else ""
