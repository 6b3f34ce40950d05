"""Two models on what both have done."""

from __future__ import annotations

import statistics
from typing import Any

from tumorbench.contracts.record import Record
from tumorbench.store import Store

__all__ = ["paired_differences"]

Pairing = tuple[str, str, str, int, str]


def paired_differences(store: Store, first: str, second: str) -> list[dict[str, Any]]:
    """One row a data set, protocol, budget and metric: both means over the common cells, and their mean difference.

    The difference is first - second; its spread is the sample standard deviation of the paired differences, None for a
    single pair.
    """
    records = [record for _, record in store.records() if record.status == "ok"]
    ours, theirs = (
        {_pairing(record): record for record in records if record.identity.model == model} for model in (first, second)
    )
    groups: dict[tuple[str, str, str, str], list[tuple[float, float]]] = {}
    for pairing in sorted(ours.keys() & theirs.keys()):
        for metric in ours[pairing].metrics:
            other = theirs[pairing].metric(metric.name)
            if metric.value is not None and other is not None and other.value is not None and "/" not in metric.name:
                identity = ours[pairing].identity
                groups.setdefault((identity.dataset, identity.protocol, identity.budget, metric.name), []).append(
                    (metric.value, other.value)
                )
    return [_row(group, pairs, first, second) for group, pairs in groups.items()]


def _pairing(record: Record) -> Pairing:
    identity = record.identity
    return identity.dataset, identity.protocol, identity.split_fingerprint, identity.seed, identity.budget


def _row(group: tuple[str, str, str, str], pairs: list[tuple[float, float]], first: str, second: str) -> dict[str, Any]:
    differences = [one - other for one, other in pairs]
    dataset, protocol, budget, metric = group
    return {
        "dataset": dataset,
        "protocol": protocol,
        "budget": budget,
        "metric": metric,
        "cells": len(pairs),
        first: statistics.mean(one for one, _ in pairs),
        second: statistics.mean(other for _, other in pairs),
        "difference": statistics.mean(differences),
        "spread": statistics.stdev(differences) if len(differences) > 1 else None,
    }
