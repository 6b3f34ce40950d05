"""The stored tables of predictions, as the checks read them: no more of them than is asked for, and nothing is raised."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench import tasks
from tumorbench.contracts.known import KnownSplit, column_digest
from tumorbench.contracts.record import Record
from tumorbench.store import PREDICTIONS
from tumorbench.tables.stored import read_stored
from tumorbench.tasks.predictions import COPY

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ID", "JUDGES", "originals", "read_table", "strange_columns"]

ID = "sample_id"
JUDGES = ("arm", "classifier_seed")  # columns by which a table holds the slices of the test once for each judge


def read_table(path: Path, record: Record, columns: Collection[str] | None = None) -> pd.DataFrame | None:
    """The table beside the record in ``path``, or those of the columns that it has; None where none can be read.

    Only of records whose scores follow from it: the others' are images. What is wrong with a file is told where it is
    scored.
    """
    file = path.parent / PREDICTIONS
    if not tasks.of(record.identity).scored_from_table or not file.is_file():
        return None
    try:
        table = read_stored(file, columns)
        return table.assign(**{ID: table[ID].astype(str)})
    except Exception:  # noqa: BLE001 - whatever a damaged file makes its reader raise
        return None


def originals(table: pd.DataFrame) -> pd.Series:
    """The slice of each row: of an augmented copy the slice that it is a copy of."""
    return table[ID].str.partition(COPY)[0]


def strange_columns(table: pd.DataFrame, test: Sequence[str], known: KnownSplit) -> list[str]:
    """The columns in which the table does not say of the test slices what is known of them. A table may lack some.

    test: their ids in the order of the split, each of which is in the table.
    """
    found, own = [], originals(table)
    for name in sorted(known.columns.keys() & set(table)):
        said = dict(zip(own, table[name], strict=True))
        agree = (own.map(said) == table[name]).all()  # every copy, and every judge's row
        if not agree or column_digest(_plain(said.get(each)) for each in test) != known.columns[name]:
            found.append(name)
    return found


def _plain(value: object) -> str | int:
    """The value as JSON has it; of a column of another type something that no digest is of."""
    return value if isinstance(value, str) else int(value) if hasattr(value, "__index__") else repr(value)
