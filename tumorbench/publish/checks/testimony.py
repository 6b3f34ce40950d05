"""What the published tables say of the slices of a data set, all taken together; and where one contradicts the others.

A slice's label, patient, cluster and true mask are the same in whatever record tests it. Who rewrites them in one
record contradicts the others that test the slice: under another protocol, by another model, with another seed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.contracts.known import KnownSplit
from tumorbench.contracts.record import Record
from tumorbench.publish.checks.facts import Facts
from tumorbench.publish.checks.tables import ID, originals, read_table, strange_columns
from tumorbench.publish.contents import store_of
from tumorbench.publish.splits import split_ids
from tumorbench.store import PREDICTIONS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Testimony"]

NAMES = {"label": "label", "group": "patient", "cluster": "cluster", "truth": "count of true pixels"}
FACTS = ("label", "group", "cluster")
TRUSTED = 10**6  # votes of a table that says what is known of its split

Said = dict[str, dict[str, Hashable]]
"""Fact -> sample id -> what a table says."""
Votes = dict[str, dict[str, Counter[Hashable]]]


@dataclass(slots=True)
class Testimony:
    """The tables of ``records``, read once, when they are asked for."""

    records: Sequence[tuple[Path, Record]]
    facts: Facts
    _votes: dict[str, Votes] = field(default_factory=dict)

    def told(self, fingerprint: str, fact: str) -> dict[str, str]:
        """Sample id -> what most tables say of it: its ``group``, its ``cluster``; without those of which none tells."""
        said = self._of(fingerprint).get(fact, {})
        return {sample: str(votes.most_common(1)[0][0]) for sample, votes in said.items()}

    def contradictions(self, path: Path, record: Record) -> Iterator[str]:
        """Where the record's table says another thing than the others do, one line each fact."""
        votes = self._of(record.identity.dataset_fingerprint)
        for name, own in _said(path, record).items():
            others = votes.get(name, {})
            wrong = [sample for sample, value in own.items() if _outvoted(value, others.get(sample, {}))]
            if wrong:
                first, what = min(wrong), NAMES[name.partition("/")[0]]
                other = next(value for value, _ in others[first].most_common() if value != own[first])
                yield (
                    f"{PREDICTIONS} gives {len(wrong)} slices another {what} than other records of the same data do, "
                    f"{first!a} among them: {_shown(own[first])}, not {_shown(other)}"
                )

    def _of(self, fingerprint: str) -> Votes:
        if fingerprint not in self._votes:
            found: Votes = defaultdict(lambda: defaultdict(Counter))
            for path, record in self.records:
                if record.identity.dataset_fingerprint == fingerprint:
                    weight = TRUSTED if self._is_trusted(path, record) else 1
                    for name, values in _said(path, record).items():
                        for sample, value in values.items():
                            found[name][sample][value] += weight
            self._votes[fingerprint] = found
        return self._votes[fingerprint]

    def _is_trusted(self, path: Path, record: Record) -> bool:
        """Whether the table says of its slices what is known of them."""
        known, store = self.facts.of(record.identity), store_of(path)
        if not isinstance(known, KnownSplit) or store is None or known.fingerprint != record.identity.split_fingerprint:
            return False
        ids, table = split_ids(store, record.identity), read_table(path, record, {ID, *known.columns})
        if ids is None or table is None or set(originals(table)) != set(ids["test"]):
            return False
        return not strange_columns(table, ids["test"], known)


def _said(path: Path, record: Record) -> Said:
    """What the record's table says of its slices; nothing of a table that cannot be read."""
    table = read_table(path, record, {ID, *FACTS, "confusion"})
    try:
        return {} if table is None else dict(_facts_of(table, record))
    except (IndexError, TypeError, ValueError):  # of columns that hold something else: told where they are scored
        return {}


def _facts_of(table: pd.DataFrame, record: Record) -> Iterator[tuple[str, dict[str, Hashable]]]:
    """(fact, sample id -> value). Where two data sets were joined, labels and clusters have numbers and names of both."""
    own, joined = originals(table).tolist(), record.identity.trained_on or record.identity.leaves_out
    for name in ("group",) if joined else FACTS:
        if name in table:
            pairs = zip(own, table[name].tolist(), strict=True)
            yield name, {sample: value for sample, value in pairs if value != ""}
    if "confusion" in table:
        crop, found = record.identity.recipe.preprocessing.crop, defaultdict[str, dict[str, Hashable]](dict)
        for sample, confusion in zip(own, table["confusion"], strict=True):
            counts = np.asarray(confusion, np.int64)
            true = counts.reshape(round(len(counts) ** 0.5), -1).sum(1).tolist()
            found[f"truth/{crop}/{len(true)}/{sum(true)}"][sample] = tuple(true)
        yield from found.items()


def _outvoted(value: Hashable, votes: Mapping[Hashable, int]) -> bool:
    """Whether as many or more say something else."""
    return any(count >= votes.get(value, 0) for other, count in votes.items() if other != value)


def _shown(value: Hashable) -> str:
    return ascii(value)[:40]
