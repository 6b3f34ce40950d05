"""The pages of a folder of records: the boards and the reproduction pages, written or checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench.boards import GENERATED, render_boards
from tumorbench.boards.evaluated import apart
from tumorbench.contracts.files.whole import written_whole
from tumorbench.errors import BadInput
from tumorbench.publish.draws import Replicates
from tumorbench.publish.marks import Marks
from tumorbench.registry import Registry
from tumorbench.reports import render_reproductions, render_worth
from tumorbench.reports.counts import COLUMNS
from tumorbench.store import PREDICTIONS, Store
from tumorbench.tables.inputs import BoardCards, LocatedRecord
from tumorbench.tables.stored import read_stored

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["boards_of", "cards_of", "check_boards", "located_of", "published_store", "write_boards"]


def published_store(folder: Path) -> Store:
    """The store of the published records, whose boards lie in ``folder``."""
    return Store(folder / "results")


def located_of(store: Store, boards: Path, registry: Registry) -> list[LocatedRecord]:
    """Every record of the store as boards need it. Its path is relative to ``boards``."""
    marks = Marks.read(store)
    return [
        LocatedRecord(
            record,
            Path(os.path.relpath(path, boards)).as_posix(),
            next(reversed(marks.levels(record)), ""),
            Replicates(path, record, registry),
        )
        for path, record in store.records()
    ]


def cards_of(registry: Registry) -> BoardCards:
    """The cards that are installed, as boards need them."""
    return BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))


def boards_of(store: Store, boards: Path, registry: Registry, columns: Sequence[str] = ()) -> dict[str, str]:
    """The boards and reproduction pages of every record of the store, as text by file name; none without a record.

    Their links are relative to ``boards``. A working store has pages of the reports whose models it has records of,
    the published records, which lie below their boards, have pages of every report. columns: of the task boards, where
    they were chosen. Raises: BadInput for one that no record has.
    """
    located = located_of(store, boards, registry)
    speeds = [speed for _, speed in store.throughputs()]
    if not (located or speeds):
        return {}
    trained, _ = apart(located)
    cards = cards_of(registry)
    reproductions = render_reproductions(trained, cards, every_report=published_store(boards) == store)
    worth = render_worth(trained, lambda cell: _table(_found(boards, cell).parent / PREDICTIONS))
    return render_boards(located, speeds, cards, columns) | reproductions | worth


def _found(boards: Path, cell: LocatedRecord) -> Path:
    """The record's file, also where the folder of the boards is not there yet."""
    return Path(os.path.normpath(boards / cell.path))


def _table(path: Path) -> pd.DataFrame | None:
    """Those columns of a table of predictions that a page needs; None where it cannot be read."""
    try:
        return read_stored(path, COLUMNS)
    except BadInput:
        return None


def write_boards(store: Store, boards: Path, registry: Registry, columns: Sequence[str] = ()) -> dict[str, str]:
    """The boards and pages lie in ``boards``, and no older page of a data set without a record.

    Returns their texts by file name; nothing is made without a record.
    """
    texts = boards_of(store, boards, registry, columns)
    for name, text in texts.items():
        path = boards / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path, "w") as file:
            file.write(text)
    for name in _left_over(boards, texts):
        (boards / name).unlink()
    return texts


def check_boards(store: Store, boards: Path, registry: Registry, columns: Sequence[str] = ()) -> list[str]:
    """The names of boards and pages that differ from what their records give, and of those that no record gives."""
    texts = boards_of(store, boards, registry, columns)
    return [name for name, text in texts.items() if _content(boards / name) != text] + _left_over(boards, texts)


def _left_over(boards: Path, texts: Mapping[str, str]) -> list[str]:
    """The names of generated pages in the folder that are not among ``texts``; none where there is no text at all."""
    if not texts:
        return []
    names = sorted(path.name for path in boards.glob("*.md") if path.name not in texts)
    return [name for name in names if (_content(boards / name) or "").startswith(GENERATED)]


def _content(page: Path) -> str | None:
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
