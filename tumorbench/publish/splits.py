"""Whether a record fits its split: what was tested, how many samples there are, and what leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench import tasks
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.contracts.record import Leakage, Record
from tumorbench.data.split import PARTS
from tumorbench.publish.contents import split_file
from tumorbench.store import PREDICTIONS, Store, read_json
from tumorbench.tasks.predictions import COPY

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KnownGroups", "check_split"]

JUDGES = ["arm", "classifier_seed"]  # columns by which a table holds the slices of the test once for each judge


@dataclass(slots=True)
class KnownGroups:
    """The groups (patients) that the records' predictions tell, by what their data set was. Read once, when asked."""

    records: Sequence[tuple[Path, Record]]
    _found: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, fingerprint: str) -> Mapping[str, str]:
        """Sample id -> group of the data set, of those samples that some record tests and whose group is known."""
        if fingerprint not in self._found:
            found = self._found[fingerprint] = {}
            for path, record in self.records:
                if record.identity.dataset_fingerprint == fingerprint and tasks.of(record.identity).scored_from_table:
                    found.update(_groups(path.parent / PREDICTIONS))
        return self._found[fingerprint]


def _groups(predictions: Path) -> dict[str, str]:
    import pandas as pd

    try:
        table = pd.read_parquet(predictions, columns=["sample_id", "group"])
    except Exception:  # noqa: BLE001 - a file that cannot be read is told where its own record is checked
        return {}
    pairs = zip(table["sample_id"], table["group"], strict=True)
    return {each: group for each, group in pairs if group and COPY not in each}


def check_split(store: Store, path: Path, record: Record, groups: KnownGroups) -> Iterator[str]:
    """Where the record is not of the split that its identity names, one line each."""
    file = split_file(store, record.identity)
    if file is None:
        yield f"no file in {store.split_path(record.identity.dataset, '').parent} is the split that its identity names"
        return
    ids = {part: list(map(str, read_json(file)[part] or ())) for part in PARTS}
    if record.sizes != {part: len(ids[part]) for part in PARTS}:
        yield f"its sizes {record.sizes} are not those of its split {file.name}"
    yield from _check_tested(path.parent / PREDICTIONS, record, set(ids["test"]))
    yield from _check_leakage(record, ids, groups)


def _check_tested(predictions: Path, record: Record, test: set[str]) -> Iterator[str]:
    """Each slice of the test is predicted, by each judge once, and no other is."""
    import pandas as pd

    if not tasks.of(record.identity).scored_from_table or not predictions.is_file():
        return
    try:
        table = pd.read_parquet(predictions)
        predicted = {each.partition(COPY)[0] for each in table["sample_id"]}
        twice = int(table.duplicated(_keys(table)).sum())
    except Exception:  # noqa: BLE001 - a file that cannot be read is told where it is scored
        return
    if strange := predicted - test:
        yield f"{PREDICTIONS} has {len(strange)} slices that its split does not test, {min(strange)} among them"
    if missing := test - predicted:
        yield f"{PREDICTIONS} lacks {len(missing)} slices that its split tests, {min(missing)} among them"
    if twice:
        yield f"{PREDICTIONS} has {twice} slices more than once"


def _keys(table: pd.DataFrame) -> list[str]:
    return ["sample_id", *(name for name in JUDGES if name in table)]


def _check_leakage(record: Record, ids: Mapping[str, Sequence[str]], groups: KnownGroups) -> Iterator[str]:
    """The leakage is not less than what is known to be on both sides, and not more than there can be."""
    said, protocol = record.leakage, TSTR_SPLITS.get(record.identity.protocol, record.identity.protocol)
    if said is None:
        yield "it does not say what leaks in its split"
        return
    none = Leakage(
        test_samples=len(ids["test"]), groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=0
    )
    known = groups.of(record.identity.dataset_fingerprint) if protocol != "grouped" else {}
    least, exact = _known_leakage(ids, known)
    if said.test_samples != none.test_samples:
        yield f"its leakage is of {said.test_samples} test samples, and its split tests {none.test_samples}"
    elif protocol == "grouped" and said != none:
        yield "its leakage is not zero, and a grouped split has none"
    elif not _possible(said):
        yield "its leakage is more than its test samples"
    else:
        for name, number in least.items():
            claimed = getattr(said, name)
            if claimed < number or (exact and name != "identical_test_images" and claimed != number):
                yield f"its leakage says {name} {claimed}, and its split has {'' if exact else 'at least '}{number}"


def _possible(said: Leakage) -> bool:
    counts = said.groups_on_both_sides, said.test_samples_of_shared_groups, said.identical_test_images
    return counts[0] <= counts[1] and all(0 <= count <= said.test_samples for count in counts)


def _known_leakage(ids: Mapping[str, Sequence[str]], known: Mapping[str, str]) -> tuple[dict[str, int], bool]:
    """(what is on both sides as far as the samples' groups are known, whether every one is known).

    A sample that is itself on both sides is so with its group, and is identical to itself.
    """
    seen, test = {*ids["train"], *ids["val"]}, ids["test"]
    own = {each: known.get(each, each) for each in (*seen, *test)}
    shared = {own[each] for each in seen} & {own[each] for each in test}
    counts = {
        "groups_on_both_sides": len(shared),
        "test_samples_of_shared_groups": sum(own[each] in shared for each in test),
        "identical_test_images": sum(each in seen for each in test),
    }
    if not own.keys() <= known.keys():  # two samples whose groups are not known may be of one group
        counts["groups_on_both_sides"] = min(counts["groups_on_both_sides"], 1)
    return counts, own.keys() <= known.keys()
