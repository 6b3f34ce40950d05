"""What two results must share to stand in one line: budget and hardware. Protocols stand beside one another in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorbench.contracts.budget import in_order
from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.problem import Protocol
from tumorbench.reports.wording import budget_in_words
from tumorbench.tables import entries
from tumorbench.tables.columns import protocol_of, split_of
from tumorbench.tables.inputs import LocatedRecord
from tumorbench.tables.rows import Row, rows_of

__all__ = ["Setting", "settings_of"]


@dataclass(frozen=True, slots=True)
class Setting:
    """Rows of one model and data set with one budget and hardware, by protocol."""

    budget: str
    hardware: str
    rows: Mapping[Protocol, Sequence[Row]]

    def ours(self, metric: str, split: Protocol) -> Sequence[Row]:
        """The rows that stand in the column of the split beside a value of the metric, whether they hold it or not."""
        protocol = protocol_of(metric, split)
        return self.rows.get(protocol, ()) if protocol else ()

    def of_split(self, split: Protocol) -> list[Row]:
        """The rows of every protocol that takes the split."""
        return [row for protocol, rows in self.rows.items() if split_of(protocol) == split for row in rows]


def settings_of(spec: ModelSpec, finished: Sequence[LocatedRecord]) -> list[Setting]:
    """The settings of one model's finished cells on one data set, by budget: full ones first, quick ones last.

    A protocol shows the rows of the first budget that it has: with a full row no other, with a share no quick one.
    Cells that leave out what another set tests are no report's split.
    """
    finished = [cell for cell in finished if cell.record.identity.leaves_out is None]
    found: dict[tuple[int, str, str], dict[Protocol, list[Row]]] = {}
    shown: set[str] = set()
    for place, budget in enumerate(in_order(cell.record.identity.budget for cell in finished)):
        rows = [
            row
            for row in rows_of(cell for cell in finished if cell.record.identity.budget == budget)
            if row.identity.protocol not in shown
        ]
        shown |= {row.identity.protocol for row in rows}
        for row in rows:
            key = (place, _budget(spec, row), entries.hardware(row))
            found.setdefault(key, {}).setdefault(row.identity.protocol, []).append(row)
    return [
        Setting(budget, hardware, rows_by_protocol)
        for (_, budget, hardware), rows_by_protocol in sorted(found.items(), key=lambda item: item[0])
    ]


def _budget(spec: ModelSpec, row: Row) -> str:
    words = f"{row.identity.budget}: {budget_in_words(row.identity.recipe)}"
    return (
        words
        if row.identity.model_version == spec.version
        else f"{words}, version {row.identity.model_version} of the model (now {spec.version})"
    )
