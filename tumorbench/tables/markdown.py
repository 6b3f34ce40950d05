"""Pieces of Markdown: tables, numbers, links, and text that cannot break a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import quote

__all__ = [
    "DASH",
    "NOTHING",
    "code",
    "integers",
    "link",
    "narrow_table",
    "number",
    "plain",
    "plural",
    "shortened",
    "table",
]

DASH = "\N{EN DASH}"  # not ranked; also between the ends of a range
NOTHING = "—"  # there is no such value
_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\|*`[<"})


def plain(text: str) -> str:
    """``text`` on one line, shown as it is: no character of it acts as Markdown."""
    return " ".join(text.split()).translate(_SPECIAL)


def code(text: str) -> str:
    """``text`` as a code span that is safe inside a table."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`".replace("|", "\\|")


def link(text: str, path: str, anchor: str = "") -> str:
    """A link to ``path``, whose brackets, spaces and pipes are percent-encoded. anchor: of a heading there."""
    return f"[{text}]({quote(path, safe='/.')}{f'#{anchor}' if anchor else ''})"


def shortened(text: str, most: int) -> str:
    """``text`` in a code span of at most ``most`` characters, its middle left out where it is longer.

    >>> shortened("robles-wcgan-gp[generator=2,latent=64]", 24)
    '`robles-wcga…,latent=64]`'
    """
    shown = code(text)
    if len(shown) <= most:
        return shown
    inside = max(3, most - 3)
    first = inside - inside // 2
    return code(f"{text[:first]}…{text[len(text) - inside // 2 :]}")


def plural(count: int, noun: str) -> str:
    """``1 cell``, ``5 cells``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def number(value: float | None, scale: float | None = None) -> str:
    """``value`` with about four significant digits.

    scale: the number whose digits it follows (a spread follows its mean).

    None and what is not finite are ``undefined``.
    """
    if value is None or not math.isfinite(value):
        return "undefined"
    size = abs(value if scale is None else scale)
    if value and 0 < size < 0.001:  # noqa: PLR2004 - four decimals would show one digit
        return f"{value:.2e}"
    decimals = 4 if size < 10 else 2 if size < 100 else 1  # noqa: PLR2004 - powers of ten
    return f"{value:,.{decimals}f}"


def integers(values: Sequence[int]) -> str:
    """One number where all are equal, otherwise their range."""
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,}{DASH}{high:,}"


def table(rows: Sequence[dict[str, str]]) -> str:
    """``rows`` as a GitHub pipe table.

    Columns in the order in which the rows first name them, missing entries as a dash.
    """
    import pandas as pd
    from tabulate import tabulate

    columns = pd.DataFrame(list(rows)).fillna(NOTHING).to_dict("list")
    return str(
        tabulate(columns, headers="keys", tablefmt="pipe", disable_numparse=True, colalign=["left"] * len(columns))
    )


def narrow_table(rows: Sequence[dict[str, str]]) -> str:
    """As ``table``, no wider than its texts: tabulate makes a column two characters wider than its heading."""
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    lines = [headings, *([row.get(heading, NOTHING) for heading in headings] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = [f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines]
    rule = "|".join(":" + "-" * (width + 1) for width in widths)
    return "\n".join([shown[0], f"|{rule}|", *shown[1:]])
