"""The group of models that were trained elsewhere: at the end of each task's board, unranked, in tables of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tumorbench.boards.standing import standings
from tumorbench.boards.tables import board_table
from tumorbench.boards.words import anchor, detail_page, heading
from tumorbench.contracts.budget import in_order
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.markdown import link
from tumorbench.tables.rows import rows_of

__all__ = ["apart", "evaluated_group"]

ABOUT = (
    "Models that were trained elsewhere (`tumorbench evaluate`). They are scored on the same test slices by the same "
    "metrics, from their predictions. What they have learned from, nobody here knows: they are not ranked, and stand in "
    "no other table."
)


def apart(located: Iterable[LocatedRecord]) -> tuple[list[LocatedRecord], list[LocatedRecord]]:
    """(records of what the harness trained, those of models that were trained elsewhere)."""
    groups: dict[str, list[LocatedRecord]] = {"trained": [], "evaluated": []}
    for cell in located:
        groups[cell.record.identity.origin].append(cell)
    return groups["trained"], groups["evaluated"]


def evaluated_group(
    task: str, evaluated: Sequence[LocatedRecord], cards: BoardCards, columns: Sequence[str] = ()
) -> Iterator[str]:
    """Paragraphs of the group; nothing where there is none. columns: those that were chosen, if any."""
    own = [cell for cell in evaluated if cell.record.status == "ok"]
    if not own:
        return
    yield "## Evaluated: models that were trained elsewhere"
    yield ABOUT
    for _, dataset in sorted({(cell.record.synthetic, cell.record.identity.dataset) for cell in own}):
        located = [cell for cell in own if cell.record.identity.dataset == dataset]
        yield f"### {heading(located[0])}"
        for budget in in_order(cell.record.identity.budget for cell in located):
            rows = rows_of(cell for cell in located if cell.record.identity.budget == budget)
            for standing in standings(task, rows, cards):
                if standing.block.title:
                    yield f"#### {standing.block.title}"
                yield board_table(standing, standing.lines, cards, columns, ranked=False)
            yield f"{link('All metrics', detail_page(dataset), anchor(task, budget))}."
