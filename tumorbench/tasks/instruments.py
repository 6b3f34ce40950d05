"""The metrics and feature extractors of a task, loaded; one that cannot be used is left out with its reason, and never fails a cell."""

from __future__ import annotations

from functools import cache
from typing import Any

from tumorbench.contracts.cards import ExtractorSpec
from tumorbench.contracts.factory import load
from tumorbench.contracts.problem import Task
from tumorbench.errors import TumorbenchError, Unavailable
from tumorbench.registry import Registry
from tumorbench.tasks import scoring

__all__ = ["extractor_of", "metrics_of"]


def metrics_of(
    registry: Registry, *tasks: Task, faults: scoring.Faults, with_extractor: bool = False
) -> list[scoring.Metric]:
    """The metrics of these tasks. faults: metric id -> why it cannot be loaded, filled here."""
    found = []
    for spec in registry.metrics.values():
        if spec.task in tasks and spec.needs_extractor == with_extractor:
            try:
                found.append(scoring.Metric(spec, load(spec.factory)))
            except TumorbenchError as reason:
                faults[spec.id] = str(reason)
    return found


@cache
def extractor_of(spec: ExtractorSpec) -> tuple[Any, str]:
    """(extractor, "") or (None, why it is not to be had); asked once a process."""
    try:
        return load(spec.factory)(), ""
    except Unavailable as reason:
        return None, str(reason)
    except Exception as error:  # noqa: BLE001 - a stranger's extractor may raise anything
        return None, f"broken: {type(error).__name__}: {' '.join(str(error).split())}"[:300]
