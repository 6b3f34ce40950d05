"""The pages of a folder of records: the boards and the reproduction pages, written or checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench.boards import render_boards
from tumorbench.boards.evaluated import apart, with_evaluated
from tumorbench.contracts.files.whole import written_whole
from tumorbench.publish.draws import Replicates
from tumorbench.publish.marks import Marks
from tumorbench.registry import Registry
from tumorbench.reports import render_reproductions, render_worth
from tumorbench.reports.counts import COLUMNS
from tumorbench.store import PREDICTIONS, Store
from tumorbench.tables.inputs import BoardCards, LocatedRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["boards_of", "check_boards", "published_store", "write_boards"]


def published_store(folder: Path) -> Store:
    """The store of the published records, whose boards lie in ``folder``."""
    return Store(folder / "results")


def boards_of(store: Store, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards and reproduction pages of every record of the store, as text by file name; none without a record.

    Their links are relative to ``boards``. A working store has pages of the reports whose models it has records of,
    the published records, which lie below their boards, have pages of every report.
    """
    marks = Marks.read(store)
    located = [
        LocatedRecord(
            record,
            Path(os.path.relpath(path, boards)).as_posix(),
            next(reversed(marks.levels(record)), ""),
            Replicates(path, record, registry),
        )
        for path, record in store.records()
    ]
    speeds = [speed for _, speed in store.throughputs()]
    if not (located or speeds):
        return {}
    located, evaluated = apart(located)
    cards = BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))
    reproductions = render_reproductions(located, cards, every_report=published_store(boards) == store)
    worth = render_worth(located, lambda cell: _table((boards / cell.path).parent / PREDICTIONS))
    return with_evaluated(render_boards(located, speeds, cards), evaluated, cards) | reproductions | worth


def _table(path: Path) -> pd.DataFrame | None:
    """Those columns of a table of predictions that a page needs; None where it cannot be read."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            found: pd.DataFrame = file.read([name for name in COLUMNS if name in file.schema_arrow.names]).to_pandas()
            return found
    except (OSError, ValueError, KeyError):
        return None


def write_boards(store: Store, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards and pages lie in ``boards``. Returns their texts by file name; nothing is made without a record."""
    texts = boards_of(store, boards, registry)
    for name, text in texts.items():
        path = boards / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path, "w") as file:
            file.write(text)
    return texts


def check_boards(store: Store, boards: Path, registry: Registry) -> list[str]:
    """The names of boards and pages that differ from what their records give."""
    texts = boards_of(store, boards, registry)
    return [name for name, text in texts.items() if _content(boards / name) != text]


def _content(page: Path) -> str | None:
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
