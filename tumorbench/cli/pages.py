"""The pages of a folder of records: the boards and the reproduction pages, written or checked."""

from __future__ import annotations

import os
from pathlib import Path

from tumorbench.boards import render_boards
from tumorbench.registry import Registry
from tumorbench.reports import render_reproductions
from tumorbench.store import Store
from tumorbench.tables.inputs import BoardCards, LocatedRecord

__all__ = ["boards_of", "check_boards", "write_boards"]


def boards_of(records: Path, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards and reproduction pages of every record below ``records``, as text by file name.

    Their links are relative to ``boards``.
    """
    store = Store(records)
    located = [
        LocatedRecord(record, Path(os.path.relpath(path, boards)).as_posix()) for path, record in store.records()
    ]
    cards = BoardCards(registry.models, registry.datasets, tuple(registry.metrics.values()))
    speeds = [speed for _, speed in store.throughputs()]
    return render_boards(located, speeds, cards) | render_reproductions(located, cards)


def write_boards(records: Path, boards: Path, registry: Registry) -> dict[str, str]:
    """The boards and pages lie in ``boards``. Returns their texts by file name."""
    texts = boards_of(records, boards, registry)
    for name, text in texts.items():
        (boards / name).parent.mkdir(parents=True, exist_ok=True)
        (boards / name).write_text(text)
    return texts


def check_boards(records: Path, boards: Path, registry: Registry) -> list[str]:
    """The names of boards and pages that differ from what their records give."""
    return [
        name
        for name, text in boards_of(records, boards, registry).items()
        if not (boards / name).exists() or (boards / name).read_text() != text
    ]
