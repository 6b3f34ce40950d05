"""The README's table of numbers, from the published pages and the models' cards: ``python docs/readme_numbers.py``.

The pages themselves are held against their records by ``tumorbench leaderboard --published leaderboards --check``, and
the README against this module by its test.
"""

# ruff: noqa: INP001 - no package: mkdocs, griffe and tests load it by its path
from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tumorbench import registry

ROOT = Path(__file__).parents[1]
README, WORTH = ROOT / "README.md", ROOT / "leaderboards" / "what-a-split-is-worth.md"
BEGIN, END = "<!-- numbers: python docs/readme_numbers.py -->\n", "<!-- /numbers -->"
HEADINGS = ("model", "data set", "metric", "published", "same split, run again", "patients apart", "difference")
NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Found:
    """One model on one data set: what the page says of it, as it is written there. values: column -> text."""

    metric: str
    dataset: str
    budget: str
    model: str
    values: dict[str, str]


def read_page(text: str) -> Iterator[Found]:
    """Every row of the tables of "What a split is worth"."""
    metric = dataset = budget = ""
    columns: list[str] = []
    for line in text.splitlines():
        if task := re.fullmatch(r"## \w+: `(\w+)`", line):
            metric = task[1]
        elif title := re.fullmatch(r"### .*\(`([^`]+)`\), (\w+) budget", line):
            dataset, budget, columns = title[1], title[2], []
        elif line.startswith("|") and not columns:
            columns = [cell.strip(" `") for cell in line.strip("|").split("|")]
        elif line.startswith("| "):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            yield Found(metric, dataset, budget, cells[0].strip("`"), dict(zip(columns[1:], cells[1:], strict=True)))


def published(found: Found) -> str:
    """What the source says of its test part, from the model's card."""
    card = registry.find().models.get(found.model)
    reported = card.paper.reported if card else ()
    values = [
        each.value
        for each in reported
        if (each.dataset, each.metric, each.part) == (found.dataset, found.metric, "test")
    ]
    return f"{values[0]:.4f}" if values else NOTHING


def shown_of(budgets: set[str]) -> set[str]:
    """The full budget, else shares of it, else the quick one."""
    return budgets & {"full"} or budgets - {"quick"} or budgets


def numbers(text: str) -> str:
    """The README's table: the models of the page ``text`` that were run on a published split and with patients apart.

    Of a data set with rows of the full budget the others are left out, and those of the quick one beside a share's.
    """
    rows = list(read_page(text))
    budgets = {each.dataset: set[str]() for each in rows}
    for each in rows:
        budgets[each.dataset].add(each.budget)
    lines = []
    for found in rows:
        source = next((name for name in ("paper", "official") if found.values.get(name, NOTHING) != NOTHING), None)
        apart = found.values.get("grouped", NOTHING)
        if source is None or apart == NOTHING or found.budget not in shown_of(budgets[found.dataset]):
            continue
        cells = (
            f"`{found.model}`",
            f"`{found.dataset}`, {found.budget} budget",
            f"`{found.metric}`",
            published(found),
            found.values[source],
            apart,
            found.values["drop"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([f"| {' | '.join(HEADINGS)} |", "|" + ":--|" * len(HEADINGS), *lines, ""])


def with_numbers(readme: str, page: str) -> str:
    """The README's text with the table that the page gives between its two marks."""
    before, rest = readme.split(BEGIN)
    return before + BEGIN + numbers(page) + END + rest.split(END)[1]


if __name__ == "__main__":
    given = README.read_text(encoding="utf-8")
    made = with_numbers(given, WORTH.read_text(encoding="utf-8"))
    README.write_text(made, encoding="utf-8")
    sys.stdout.write(f"{README} {'was changed' if made != given else 'is as its numbers are'}\n")
