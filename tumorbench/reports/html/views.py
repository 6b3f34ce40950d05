"""What the templates lay out: sections with tables, charts, pictures and a panel for each row. Texts are Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Chart", "Detail", "Entry", "Failure", "Heading", "Line", "Picture", "Section", "Summary", "Table"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell of a table.

    remark: a second, smaller line. value: what the column is sorted by; None sorts last, whatever the direction.
    """

    text: str
    remark: str = ""
    value: float | str | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column. numeric: its entries are aligned to the right."""

    text: str
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table. protocol: by which it is filtered, "" for a line that is always shown."""

    entries: Sequence[Entry]
    protocol: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption. label: the number of the column that names its line."""

    caption: str
    headings: Sequence[Heading]
    lines: Sequence[Line]
    label: int = 0
    notes: Sequence[str] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the report begins with: what the tables are of, the tables, and what to take from them."""

    about: str
    tables: Sequence[Table]
    taken: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot. spec: of Vega-Lite. table: the same numbers for whoever does not see it."""

    title: str
    caption: str
    spec: Mapping[str, Any]
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the file itself. source: a ``data:`` address."""

    title: str
    source: str
    description: str
    real: bool = False  # it shows slices of patients


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is shown of one row of the boards."""

    name: str
    protocol: str
    facts: Mapping[str, str]
    curves: Sequence[Chart] = ()
    charts: Sequence[Chart] = ()
    mistakes: Table | None = None
    pictures: Sequence[Picture] = ()
    metrics: Table | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell without a result."""

    text: str
    protocol: str


@dataclass(frozen=True, slots=True)
class Section:
    """One task on one data set with one budget: what may stand in one table."""

    key: str
    task: str
    dataset: str
    budget: str
    title: str
    synthetic: bool
    facts: Sequence[str] = ()
    remarks: Sequence[str] = ()
    boards: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    details: Sequence[Detail] = ()
    failures: Sequence[Failure] = field(default_factory=tuple)
