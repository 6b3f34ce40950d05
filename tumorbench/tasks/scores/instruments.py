"""The metrics of a task and the feature extractors that some of them need: what is installed, and what each one gives.

A metric or an extractor that cannot be used has a reason instead of values, and never fails a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tumorbench.contracts.cards import ExtractorSpec, MetricSpec
from tumorbench.contracts.factory import load
from tumorbench.contracts.problem import Task
from tumorbench.contracts.record import Instrument, MetricValue
from tumorbench.errors import INTERRUPTIONS, TumorbenchError, Unavailable, one_line
from tumorbench.registry import Registry

__all__ = ["PIXELS", "Applied", "Key", "Metric", "apply", "extractor_of", "interval_of", "metrics_of", "source_of"]

Key = tuple[str, str | None]
"""(metric id, extractor id or None): what a record is scored by."""
Interval = tuple[float, float] | None

PIXELS = "pixels"  # stands in a value's name where another value has its extractor
LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Metric:
    """An installed metric, with the extractor on whose features it works. plugin: the distribution that provides it."""

    spec: MetricSpec
    plugin: str
    extractor: ExtractorSpec | None = None

    @property
    def key(self) -> Key:
        """By which it is told from the others of one record."""
        return self.spec.id, self.extractor.id if self.extractor else None

    def instrument(self, reason: str = "") -> Instrument:
        """Its entry in a record. reason: why it has no value."""
        return Instrument(
            metric=self.spec.id,
            version=self.spec.version,
            plugin=self.plugin,
            extractor=self.extractor.id if self.extractor else None,
            extractor_version=self.extractor.version if self.extractor else None,
            reason=reason,
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """What a metric gave. reason: why it has no value, or not all of them; "" also where it is of no use there."""

    metric: Metric
    metric_values: tuple[MetricValue, ...] = ()
    reason: str = ""

    @property
    def instrument(self) -> Instrument:
        """The metric's entry in the record."""
        return self.metric.instrument(self.reason)

    def changed(self, **update: Any) -> Applied:
        """The same, with these fields in every value."""
        return replace(self, metric_values=tuple(value.model_copy(update=update) for value in self.metric_values))

    def beside(self, *others: Applied) -> Applied:
        """The values of all, and the first reason. The others are of the same metric, of a part of the images."""
        every = (self, *others)
        reason = next((each.reason for each in every if each.reason), "")
        return Applied(self.metric, tuple(value for each in every for value in each.metric_values), reason)


def metrics_of(registry: Registry, *tasks: Task) -> list[Metric]:
    """The installed metrics of these tasks, in the order of the tasks; one that works on features for each extractor.

    A metric of memorisation works on features of every kind: on those of each extractor, and on the pixels.
    """
    found = []
    for task in tasks:
        for spec in (each for each in registry.metrics.values() if each.task == task):
            extractors: list[ExtractorSpec | None] = [] if spec.needs_extractor else [None]
            if spec.needs_extractor or spec.needs == "memory":
                extractors += registry.extractors.values()
            plugin = registry.provider("metrics", spec.id)
            found += [Metric(spec, plugin, extractor) for extractor in extractors]
    return found


def apply(metric: Metric, arguments: Iterable[Any], n: int) -> Applied:
    """The metric's values for these arguments, computed on ``n`` samples; the reason instead where it raises."""
    try:
        values = tuple(
            MetricValue(name=name, value=value, n=n, higher_is_better=metric.spec.higher_is_better)
            for name, value in load(metric.spec.factory)(*arguments).items()
        )
    except TumorbenchError as error:
        return Applied(metric, reason=str(error)[:LONGEST_REASON])
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's metric may raise anything
        return Applied(metric, reason=one_line(error, LONGEST_REASON))
    return Applied(metric, values)


def interval_of(
    applied: Applied, give: Callable[..., Mapping[str, Interval]] | None, arguments: Iterable[Any]
) -> Applied:
    """The same, with the interval of each value that has one. give: what computes them by name, None where nothing."""
    if give is None or not applied.metric_values:
        return applied
    try:
        found = give(*arguments)
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001 - as ``apply``
        return replace(applied, reason=f"no interval: {one_line(error, LONGEST_REASON)}")
    values = (
        value if value.value is None else value.model_copy(update={"interval": found.get(value.name)})
        for value in applied.metric_values
    )
    return replace(applied, metric_values=tuple(values))


@cache
def extractor_of(spec: ExtractorSpec) -> tuple[Any, str]:
    """(extractor, "") or (None, why it is not available); asked once a process."""
    try:
        return load(spec.factory)(), ""
    except Unavailable as reason:
        return None, f"extractor not available: {reason}"
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's extractor may raise anything
        return None, f"extractor not available: {one_line(error, LONGEST_REASON)}"


def source_of(value: MetricValue) -> Key:
    """What gave a value, by its name: ``kid[EXTRACTOR]/CLASS`` -> ("kid", "EXTRACTOR")."""
    metric, bracket, rest = value.name.partition("[")
    extractor = rest.partition("]")[0]
    return metric.partition("/")[0], extractor if bracket and extractor != PIXELS else None
