"""Records that repeat another one: two seeds, or two models, never say the very same of every slice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.record import Record
from tumorbench.publish.checks.tables import ID, JUDGES, read_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["find_copies"]

NEAR = 1e-4  # by which probabilities, or shares of an image's pixels, differ at most where they are called equal
CLOCKS = ("wall_s",)  # of an epoch: no part of what was learned
KINDS = ("predictions", "checkpoint")  # artifacts that no two cells have in common
SAMPLES = ("samples", "samples over training")  # figures of which that is so too

Located = tuple[Path, Record]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What one record's network said: float64 ``(slices, values)``, slices in the order of their ids."""

    path: Path
    record: Record
    said: NDArray[np.float64]


def find_copies(records: Sequence[Located]) -> dict[Path, list[str]]:
    """Path -> lines that name the records which it repeats; both of a pair are named, since either may be the copy.

    Where one of them was evaluated from predictions alone, that one is. Cells of one model, seed and split are left out
    where one training may be the beginning of the other, as of ``full`` and its shares, or both are quick: under two
    protocols that split alike they are one computation, and the best epoch may lie in both.
    """
    finished = [(path, record) for path, record in records if record.status == "ok"]
    found: dict[Path, dict[str, None]] = defaultdict(dict)
    for one, other, what in (*_of_one_content(finished), *_of_equal_outputs(finished)):
        for (path, record), (_, twin) in ((one, other), (other, one)):
            if record.identity.origin == "evaluated" or twin.identity.origin == "trained":
                found[path][f"{what} of {_named(twin)}, which is another cell"] = None
    return {path: list(lines) for path, lines in found.items()}


def _named(record: Record) -> str:
    identity = record.identity
    return f"{identity.model} {identity.protocol} fold {identity.fold} seed {identity.seed} ({record.cell_key[:12]})"


def _differ(one: Record, other: Record) -> bool:
    """Whether the two cells cannot give the same."""
    first, second = (
        (each.identity.model, each.identity.seed, each.identity.budget == "quick", each.identity.split_fingerprint)
        for each in (one, other)
    )
    return first != second


def _of_one_content(records: Iterable[Located]) -> Iterator[tuple[Located, Located, str]]:
    """Pairs with an artifact of the same hash, or with the same history of training."""
    by_content: dict[tuple[str, str], list[Located]] = defaultdict(list)
    for path, record in records:
        for what, content in _contents(record):
            by_content[what, content].append((path, record))
    for (what, _), same in by_content.items():
        yield from ((one, other, what) for one, other in combinations(same, 2) if _differ(one[1], other[1]))


def _contents(record: Record) -> Iterator[tuple[str, str]]:
    for artifact in record.artifacts:
        if artifact.kind in KINDS or artifact.title in SAMPLES:
            what = artifact.title or artifact.kind
            yield f"its {what} {'is that' if what == 'checkpoint' else 'are those'}", artifact.sha256
    epochs = [{name: value for name, value in epoch.items() if name not in CLOCKS} for epoch in record.history]
    if len({canonical_json({**epoch, "epoch": 0}) for epoch in epochs}) > 1:  # a network that never moves tells nothing
        yield "its history is that", canonical_json(epochs).decode()


def _of_equal_outputs(records: Iterable[Located]) -> Iterator[tuple[Located, Located, str]]:
    """Pairs whose networks said the same of each slice, however their files were written."""
    groups: dict[Hashable, list[Outputs]] = defaultdict(list)
    for path, record in records:
        values = _outputs(path, record)
        if values is not None:
            identity = record.identity
            key = (identity.dataset_fingerprint, identity.split_fingerprint, identity.task, values.shape)
            groups[key].append(Outputs(path, record, values))
    for same in groups.values():
        for one, other in combinations(same, 2):
            if _differ(one.record, other.record) and float(abs(one.said - other.said).max()) <= NEAR:
                yield (one.path, one.record), (other.path, other.record), "its predictions are those"


def _outputs(path: Path, record: Record) -> NDArray[np.float64] | None:
    """What the record's network said of each slice; None where no table tells, or what it says may be any network's."""
    table = read_table(path, record, {ID, *JUDGES, "confusion", *(f"p/{name}" for name in record.classes)})
    if table is None or not len(table):
        return None
    table = table.sort_values([name for name in (ID, *JUDGES) if name in table])
    try:
        columns = [*_of_classes(table), *_of_masks(table)]
    except (TypeError, ValueError):  # a table of something else is told where it is scored
        return None
    return np.concatenate(columns, 1) if columns else None


def _of_classes(table: pd.DataFrame) -> Iterator[NDArray[np.float64]]:
    """The probabilities, unless they are the same for every slice or all near 0 and 1."""
    probabilities = table.filter(regex="^p/").to_numpy(np.float64)
    if (
        probabilities.size
        and not _constant(probabilities)
        and (abs(probabilities - probabilities.round()) > NEAR).any()
    ):
        yield probabilities


def _of_masks(table: pd.DataFrame) -> Iterator[NDArray[np.float64]]:
    """The confusion of each mask as shares of its pixels, unless every mask is empty."""
    if "confusion" not in table:
        return
    confusions = np.array(table["confusion"].tolist(), np.float64)
    shares = confusions / confusions.sum(1, keepdims=True).clip(min=1)
    k = round(shares.shape[1] ** 0.5)
    if not _constant(shares.reshape(len(shares), k, k).sum(1)):
        yield shares


def _constant(values: NDArray[np.float64]) -> bool:
    """Whether every row is the same, as of a network that learned nothing."""
    return bool((np.ptp(values, axis=0) <= NEAR).all())
