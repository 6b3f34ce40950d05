"""Whether a record fits its split: what was tested, what is known of it, and what leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench.contracts.known import KnownSplit
from tumorbench.contracts.problem import JUDGE_ARMS, JUDGE_SEEDS, TSTR_SPLITS
from tumorbench.contracts.record import Leakage, Record
from tumorbench.data.split import PARTS
from tumorbench.publish.checks.facts import Facts, Unknown
from tumorbench.publish.checks.tables import ID, JUDGES, originals, read_table, strange_columns
from tumorbench.publish.checks.testimony import Testimony
from tumorbench.publish.splits import split_ids
from tumorbench.store import PREDICTIONS, Store
from tumorbench.tasks.predictions import COPY

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_split", "unmeasured"]

UNSAID = "it does not say what leaks in its split"
NO_LEAK = {"test_samples", "unknown_patient_test_images", "pretraining_test_images"}  # of no leak of the split itself

Ids = Mapping[str, list[str]]


def check_split(store: Store, path: Path, record: Record, facts: Facts, testimony: Testimony) -> Iterator[str]:
    """Where the record is not of the split that its identity names, one line each."""
    known, ids = facts.of(record.identity), split_ids(store, record.identity)
    if isinstance(known, Unknown) and known.refused:
        yield known.reason
    if isinstance(known, KnownSplit) and known.fingerprint != record.identity.split_fingerprint:
        yield (
            f"its split {record.identity.split_fingerprint[:12]} is not that of its protocol and fold, which is "
            f"{known.fingerprint[:12]}"
        )
        return
    if ids is None:
        yield f"no file in {store.split_path(record.identity.dataset, '').parent} is the split that its identity names"
        return
    if record.sizes != {part: len(ids[part]) for part in PARTS}:
        yield f"its sizes {record.sizes} are not those of its split"
    yield from _check_table(path, record, ids["test"], known)
    yield from testimony.contradictions(path, record)
    if isinstance(known, KnownSplit):
        yield from _check_known_leakage(record, known)
    else:
        yield from _check_leakage(record, ids, partial(testimony.told, record.identity.dataset_fingerprint))


def unmeasured(record: Record, known: KnownSplit) -> Iterator[str]:
    """What is known to leak and the record did not measure, because its version did not."""
    said = record.leakage
    for name, number in known.leakage:
        if number is not None and said is not None and getattr(said, name) is None:
            yield f"its leakage: {name} was not measured"


def _check_table(path: Path, record: Record, test: Sequence[str], known: KnownSplit | Unknown) -> Iterator[str]:
    """The table holds each slice of the test once, by each judge, and no other; and says of it what is known."""
    table = read_table(path, record)
    if table is None:  # which is told where it is scored
        return
    wrong = [*_untested(table, record, test), *_unjudged(table, record), *_two_faced(table)]
    yield from wrong
    for name in strange_columns(table, test, known) if isinstance(known, KnownSplit) and not wrong else ():
        yield f"{PREDICTIONS} is wrong in its column {name}: the slices of its split have other values"


def _untested(table: pd.DataFrame, record: Record, test: Sequence[str]) -> Iterator[str]:
    identity, rows = record.identity, table[ID]
    enlarged = identity.protocol == "paper" and identity.task == "classification"
    copies = range(1, 1 + identity.recipe.augmented_test_copies) if enlarged else range(0)
    due = {*test, *(f"{each}{COPY}{copy}" for each, copy in product(test, copies))}
    if strange := set(rows) - due:
        yield f"{PREDICTIONS} has {len(strange)} slices that its split does not test, {min(strange)!a} among them"
    if missing := due - set(rows):
        yield f"{PREDICTIONS} lacks {len(missing)} slices that its split tests, {min(missing)!a} among them"
    if twice := int(table.duplicated([ID, *(name for name in JUDGES if name in table)]).sum()):
        yield f"{PREDICTIONS} has {twice} slices more than once"


def _unjudged(table: pd.DataFrame, record: Record) -> Iterator[str]:
    """Under ``tstr`` each judge says something of each slice; elsewhere there is no judge."""
    if record.identity.protocol not in TSTR_SPLITS:
        if strange := [name for name in JUDGES if name in table]:
            yield f"{PREDICTIONS} has columns of judges ({', '.join(strange)}), and its protocol has none"
        return
    due = len(JUDGE_ARMS) * JUDGE_SEEDS
    there = set(zip(*(table[name] for name in JUDGES), strict=True)) if set(JUDGES) <= set(table) else set()
    judges = set(product(JUDGE_ARMS, range(JUDGE_SEEDS)))
    if there != judges or (table.groupby(ID).size() != due).any():
        yield f"{PREDICTIONS} does not hold what each of the {due} judges said of each slice"


def _two_faced(table: pd.DataFrame) -> Iterator[str]:
    """What is so of a slice is so in each of its rows."""
    for name in (each for each in ("label", "group", "cluster") if each in table):
        pairs = table.assign(slice=originals(table))[["slice", name]].drop_duplicates()
        if pairs["slice"].duplicated().any():
            yield f"{PREDICTIONS} gives one slice several values of {name}"


def _check_known_leakage(record: Record, known: KnownSplit) -> Iterator[str]:
    """The leakage is that of the split, as far as the record measured it."""
    if record.leakage is None:
        yield UNSAID
        return
    for name, number in known.leakage:
        said = getattr(record.leakage, name)
        if number is not None and said not in (number, None):
            yield f"its leakage says {name} {said}, and its split has {number}"


def _check_leakage(record: Record, ids: Ids, told: Callable[[str], Mapping[str, str]]) -> Iterator[str]:
    """The leakage is no less than what tables tell (fact -> sample id -> value), and no more than there can be."""
    said, grouped = record.leakage, TSTR_SPLITS.get(record.identity.protocol, record.identity.protocol) == "grouped"
    if said is None:
        yield UNSAID
    elif said.test_samples != len(ids["test"]):
        yield f"its leakage is of {said.test_samples} test samples, and its split tests {len(ids['test'])}"
    elif grouped and any(_leaks(said).values()):
        yield "its leakage is not zero, and a grouped split has none"
    elif grouped and (torn := _on_both_sides(ids, told("cluster"))):
        yield f"its grouped split has {len(torn)} clusters on both sides, {min(torn)!a} among them"
    elif not _possible(said):
        yield "its leakage is more than its test samples"
    else:
        least, exact = _told_leakage(ids, told("group"))
        for name, number in least.items():
            claimed = getattr(said, name)
            if claimed < number or (exact and name != "identical_test_images" and claimed != number):
                yield f"its leakage says {name} {claimed}, and its split has {'' if exact else 'at least '}{number}"


def _leaks(said: Leakage) -> dict[str, int]:
    return {name: count or 0 for name, count in said if name not in NO_LEAK}


def _possible(said: Leakage) -> bool:
    counts = _leaks(said)
    most = said.groups_on_both_sides <= said.test_samples_of_shared_groups
    return most and all(0 <= count <= said.test_samples for count in counts.values())


def _told_leakage(ids: Ids, groups: Mapping[str, str]) -> tuple[dict[str, int], bool]:
    """(what is on both sides as far as it is told whose the samples are, whether that is told of all).

    A sample that is itself on both sides is identical to itself.
    """
    seen, shared = {*ids["train"], *ids["val"]}, _on_both_sides(ids, groups)
    counts = {
        "groups_on_both_sides": len(shared),
        "test_samples_of_shared_groups": sum(groups.get(each) in shared for each in ids["test"]),
        "identical_test_images": sum(each in seen for each in ids["test"]),
    }
    return counts, {*seen, *ids["test"]} <= groups.keys()


def _on_both_sides(ids: Ids, names: Mapping[str, str]) -> set[str]:
    """The names of samples in training or validation that are also names of test samples."""
    seen, tested = (
        {names[each] for each in part if each in names} for part in (ids["train"] + ids["val"], ids["test"])
    )
    return seen & tested
