"""A reported quantity, by its words and as our records hold it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tumorbench.contracts.cards import Reported
from tumorbench.contracts.record import Record, Timing
from tumorbench.tables.columns import is_judged
from tumorbench.tables.markdown import NOTHING, code, number, plural
from tumorbench.tables.rows import Row

__all__ = ["Measured", "is_of_test_images", "is_time", "measured", "quantity"]

SECONDS = {"predict_all_s": "for the whole test part", "predict_one_s": "for one image", "train_s": "of training"}
IN_PARTS = {"cross_entropy": "loss"}  # a metric's name in ``Record.parts``, where it is another


@dataclass(frozen=True, slots=True)
class Measured:
    """One quantity over the cells of a row that hold it; None or not finite where it is undefined."""

    values: tuple[float | None, ...]

    @property
    def defined(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values if value is not None and math.isfinite(value)]

    @property
    def mean(self) -> float | None:
        """Over the cells where it is defined."""
        return statistics.fmean(self.defined) if self.defined else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation (n - 1); None for fewer than two cells."""
        return statistics.stdev(self.defined) if len(self.defined) > 1 else None

    @property
    def text(self) -> str:
        """``0.8046 ± 0.0123``."""
        if self.mean is None:
            return "undefined"
        spread = NOTHING if self.spread is None else number(self.spread, self.mean)
        missing = len(self.values) - len(self.defined)
        return f"{number(self.mean)} ± {spread}" + (
            f", undefined in {missing} of {plural(len(self.values), 'cell')}" if missing else ""
        )


def is_time(reported: Reported) -> bool:
    """Whether the value is of seconds."""
    return reported.metric.endswith("_s") and reported.metric in Timing.model_fields


def is_of_test_images(reported: Reported) -> bool:
    """Whether the value says how well the images of the test part are answered."""
    return reported.part == "test" and not is_time(reported) and not _is_of_what_was_learned(reported)


def _is_of_what_was_learned(reported: Reported) -> bool:
    """Whether the value is of the images from which the classifier that judges a generator learned."""
    return is_judged(reported.metric) and reported.metric.endswith("_train")


def quantity(reported: Reported) -> str:
    """The metric and the part of the split, or what the seconds are of."""
    if _is_of_what_was_learned(reported):
        return f"{code(reported.metric)}, what it learned from"
    if is_time(reported):
        return f"seconds {SECONDS.get(reported.metric, '')}".strip() + f" ({code(reported.metric)})"
    return f"{code(reported.metric)}, {reported.part}"


def measured(row: Row, reported: Reported) -> Measured | None:
    """The reported quantity in the row's cells; None where no cell holds it."""
    values = [value for cell in row.cells for value in _held(cell.record, reported)]
    return Measured(tuple(values)) if values else None


def _held(record: Record, reported: Reported) -> Sequence[float | None]:
    """The record's value, or [] where it holds none.

    Seconds are of its timing; of the test part a metric counts before a value of ``parts``, of the others the latter.
    """
    if is_time(reported):
        seconds = getattr(record.timing, reported.metric)
        return [seconds] if seconds else []  # 0.0 is what a record says that did not measure
    if reported.part == "test" and (metric := record.metric(reported.metric)):
        return [metric.value]
    part = record.parts.get(reported.part, {})
    return [part[name] for name in (reported.metric, IN_PARTS.get(reported.metric)) if name in part][:1]
