"""The README's tables of numbers, from the published page of what was found: ``python docs/readme_numbers.py``.

The page itself is held against its records by ``tumorbench leaderboard --published leaderboards --check``, and the
README against this module by its test.
"""

# ruff: noqa: INP001 - no package: mkdocs, griffe and tests load it by its path
from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
README, PAGE = ROOT / "README.md", ROOT / "leaderboards" / "README.md"
MARKS = {
    name: (f"<!-- {name}: python docs/readme_numbers.py -->\n", f"<!-- /{name} -->") for name in ("numbers", "leaks")
}
SAME, APART = "same split, run again", "patients apart"
NOTHING = "—"


def tables(page: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """(the line above it, the lines by heading) of each table of the page."""
    title, headings, lines = "", [], []
    for line in [*page.splitlines(), ""]:
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        if line.startswith("|:"):
            continue
        if cells and not headings:
            headings = cells
        elif cells:
            lines.append(dict(zip(headings, cells, strict=True)))
        elif headings:
            yield title, lines
            headings, lines = [], []
        if line and not cells:
            title = line


def numbers(page: str) -> str:
    """The models of the page that were run on their source's split and with patients apart.

    Each table says its budget, and leaves out the data sets that a table of a larger budget has.
    """
    parts: list[str] = []
    larger: set[tuple[str, str]] = set()  # task and data set
    for title, lines in tables(page):  # the page has the largest budget of a task first
        task = title.partition(",")[0]
        both = [line for line in lines if NOTHING not in (line.get(SAME, NOTHING), line.get(APART, NOTHING))]
        shown = [line for line in both if (task, line["data set"]) not in larger]
        larger |= {(task, line["data set"]) for line in shown}
        if shown:
            parts += [title, _table(shown)]
    return "\n\n".join(parts) + "\n"


def leaks(page: str) -> str:
    """What stands on both sides of the splits on which something was run."""
    shown = next((lines for _, lines in tables(page) if lines and "on both sides" in lines[0]), [])
    return _table(shown) + "\n"


def _table(lines: Sequence[dict[str, str]]) -> str:
    headings = list(lines[0]) if lines else []
    rows = [headings, ["---"] * len(headings), *(list(line.values()) for line in lines)]
    return "\n".join(f"| {' | '.join(_from_here(row))} |" for row in rows)


def _from_here(row: Sequence[str]) -> Iterator[str]:
    """The cells, whose links begin at the README and not at the page."""
    return (re.sub(r"\]\((?!https?:)", "](leaderboards/", cell) for cell in row)


def with_numbers(readme: str, page: str) -> str:
    """The README's text with the tables that the page gives, each between its two marks."""
    for name, made in (("numbers", numbers(page)), ("leaks", leaks(page))):
        begin, end = MARKS[name]
        before, rest = readme.split(begin)
        readme = before + begin + made + end + rest.split(end)[1]
    return readme


if __name__ == "__main__":
    given = README.read_text(encoding="utf-8")
    made = with_numbers(given, PAGE.read_text(encoding="utf-8"))
    README.write_text(made, encoding="utf-8")
    sys.stdout.write(f"{README} {'was changed' if made != given else 'is as its numbers are'}\n")
