"""How much of its recipe a cell runs: all of it, a bounded quick training, or a share of its epochs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

__all__ = ["BUDGETS", "Budget", "in_order", "place_of", "read_budget", "share_of"]

BUDGETS = ("full", "quick")
"""The budgets besides the shares, of which there are many: ``1of20`` is a twentieth of the full recipe's epochs."""
NUMBER = "[1-9][0-9]{0,3}"
SHARE = re.compile(f"({NUMBER})(?:of|/)({NUMBER})")
GIVE = "give full, quick, or a share of the full epochs between 0 and 1 as 1of20, of numbers up to 9999"


def read_budget(text: str) -> Budget:
    """The budget that ``text`` names, spelled as records have it. Raises: ValueError, saying what a budget is.

    >>> [read_budget(text) for text in ("full", "1of20", "2of40", "1/20")]
    ['full', '1of20', '1of20', '1of20']
    """
    if text in BUDGETS:
        return text
    given = SHARE.fullmatch(text)
    if given is None or (share := Fraction(int(given[1]), int(given[2]))) >= 1:
        raise ValueError(f"{text} is unknown; {GIVE}")
    return f"{share.numerator}of{share.denominator}"


def _spelled(text: str) -> str:
    if (known := read_budget(text)) != text:
        raise ValueError(f"{text} is spelled {known}")
    return text


Budget = Annotated[
    str,
    AfterValidator(_spelled),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(BUDGETS)}|{NUMBER}of{NUMBER})$"}),
]
"""``full``, ``quick``, or a share of the full recipe's epochs in lowest terms: ``1of20``."""


def share_of(budget: Budget) -> Fraction | None:
    """The share of the full recipe's epochs; None of ``full`` and ``quick``.

    >>> share_of("3of20"), share_of("full")
    (Fraction(3, 20), None)
    """
    given = SHARE.fullmatch(budget)
    return Fraction(int(given[1]), int(given[2])) if given else None


def in_order(budgets: Iterable[Budget]) -> list[Budget]:
    """The budgets, each once: ``full``, then shares, the largest first, then ``quick``.

    >>> in_order(["quick", "1of20", "full", "1of3", "quick"])
    ['full', '1of3', '1of20', 'quick']
    """
    return sorted(set(budgets), key=place_of)


def place_of(budget: Budget) -> tuple[int, Fraction]:
    """What budgets are sorted by, as ``in_order`` has them."""
    share = share_of(budget)
    return BUDGETS.index(budget) * 2 if share is None else 1, -(share or Fraction())
