"""Whether a record's test value is one that its weights can have: nobody does far better on what is new to them."""

from __future__ import annotations

from collections.abc import Iterator

from tumorbench.contracts.record import Record

__all__ = ["check_plausible"]

MARGIN = 0.05
DEVIATIONS = 5  # of a share of the test slices, at the most that one can have (half of them)
VALUES = ("accuracy", "dice")  # of a part of the split and of the test, by one name


def check_plausible(record: Record) -> Iterator[str]:
    """A test value that is far above the same weights' values on training and on validation slices, one line each.

    Far: more than .05 and five standard deviations of a share of that many slices. An honest record may be better on an
    easy test part, never by so much; a dishonest one that leaves these values alone is seen.
    """
    for name in VALUES:
        test = record.metric(name)
        parts = {part: values[name] for part, values in record.parts.items() if name in values and part != "test"}
        if test is None or test.value is None or not parts or test.n < 1:
            continue
        if test.value > max(parts.values()) + MARGIN + DEVIATIONS * (0.25 / test.n) ** 0.5:
            beside = ", ".join(f"{value:.4g} on {part}" for part, value in parts.items())
            yield f"its {name} of {test.value:.4g} on the test is not one of weights that have {beside}"
