"""Where ``tune`` looks for better values of a model's parameters, as its card says it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import PositiveFloat, model_validator

from tumorbench.contracts.card import Card, Scalar

__all__ = ["Search"]


class Search(Card):
    """The values at which one parameter is tried: ``Search(low=0, high=0.5, step=0.05)``, ``Search(one_of=(3, 6))``."""

    low: float | None = None  # the least and the largest value are both among them
    high: float | None = None
    step: PositiveFloat | None = None  # between two values; None: 1 for whole numbers, none for others
    log: bool = False  # from 0.001 to 0.01 is as wide as from 0.01 to 0.1
    one_of: tuple[Scalar, ...] = ()

    @model_validator(mode="after")
    def _is_an_interval_or_a_choice(self) -> Search:
        bounds = (self.low, self.high)
        if self.one_of:
            if bounds != (None, None) or self.step or self.log:
                raise ValueError("give low and high, or one_of, not both")
            return self
        if self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("give low below high, or one_of with the values to try")
        if self.log and (self.step or self.low <= 0):
            raise ValueError("log takes a low above 0, and no step")
        return self

    def fault(self, default: Scalar) -> str:
        """Why this cannot be searched for a parameter whose default is that; "" where it can."""
        if self.one_of:
            wrong = [value for value in self.one_of if type(value) is not type(default)]
            return f"{wrong[0]!r} is not of the type of its default {default!r}" if wrong else ""
        if isinstance(default, bool | str):
            return f"its default {default!r} is no number, so it takes one_of"
        given = [value for value in (self.low, self.high, self.step) if value is not None]
        if isinstance(default, int) and not all(value.is_integer() for value in given):
            return f"its default {default} is a whole number, and so are its bounds and its step"
        return ""

    def extremes(self) -> Iterator[Scalar]:
        """The values that have to be allowed for all of them to be."""
        yield from self.one_of
        yield from (value for value in (self.low, self.high) if value is not None)
