"""How much of the published data set a row stands on."""

from __future__ import annotations

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.record import Record
from tumorbench.tables.columns import split_of
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import NOTHING, integers
from tumorbench.tables.rows import Row

__all__ = ["COVERAGE_NOTE", "coverage", "differs"]

COVERAGE_NOTE = (
    "A row with another number of slices than published was made on another copy of the data set than its "
    "publication's."
)


def coverage(row: Row, cards: BoardCards) -> str:
    """``7,019 of 7,023 published slices``; a dash where the card or the row's split does not say."""
    published, found = _published(cards.datasets.get(row.identity.dataset)), _slices(row, cards)
    return f"{integers(found)} of {published:,} published slices" if published and found else NOTHING


def differs(row: Row, cards: BoardCards) -> bool:
    """True where the row's cells are known to stand on another number of slices than published."""
    published = _published(cards.datasets.get(row.identity.dataset))
    return bool(published) and any(each != published for each in _slices(row, cards))


def _published(card: DatasetSpec | None) -> int:
    if card is None:
        return 0
    splits = [card.counts["all"]] if "all" in card.counts else card.counts.values()
    return sum(sum(counts.values()) for counts in splits)


def _slices(row: Row, cards: BoardCards) -> list[int]:
    """The slices of each cell's data set.

    [] where its protocol may leave some out, or counts some twice in a way that no card tells.
    """
    return [count for cell in row.cells if (count := _slices_of(cell.record, cards)) is not None]


def _slices_of(record: Record, cards: BoardCards) -> int | None:
    identity, sizes = record.identity, record.sizes
    total = sum(sizes.get(part, 0) for part in ("train", "val", "test"))
    if identity.trained_on or identity.leaves_out:
        return None
    if split_of(identity.protocol) != "paper":
        return total  # grouped and official put every slice into one part
    card = cards.model(identity.model)
    rule = card.paper.splits.get(identity.dataset) if card else None
    if rule is None:
        return None
    return (
        total - sizes.get("test", 0) if rule.kind == "everything" else total
    )  # there the test slices are the training slices
