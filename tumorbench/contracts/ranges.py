"""What the parameters of a model may be, as its card says it."""

from __future__ import annotations

import operator

from pydantic import PositiveInt

from tumorbench.contracts.card import Card

__all__ = ["Range"]


class Range(Card):
    """What one parameter of a model may be: ``Range(ge=0, lt=1)``, ``Range(one_of=(3, 6))``. Bounds are those given."""

    ge: float | None = None  # at least
    gt: float | None = None  # above
    le: float | None = None  # at most
    lt: float | None = None  # below
    multiple_of: PositiveInt | None = None
    one_of: tuple[bool | int | float | str, ...] = ()

    def fault(self, value: bool | float | str) -> str:
        """What the parameter is, such as "at least 0 and below 1", where ``value`` is not; "" where it is."""
        if self.one_of:
            return "" if value in self.one_of else f"one of {', '.join(map(str, self.one_of))}"
        if isinstance(value, str):
            return "a number"
        given = [
            (f"{word} {bound:g}", holds(value, bound))
            for word, bound, holds in (
                ("at least", self.ge, operator.ge),
                ("above", self.gt, operator.gt),
                ("at most", self.le, operator.le),
                ("below", self.lt, operator.lt),
            )
            if bound is not None
        ]
        if self.multiple_of:
            given.append((f"a multiple of {self.multiple_of}", value % self.multiple_of == 0))
        return "" if all(holds for _, holds in given) else " and ".join(word for word, _ in given)
