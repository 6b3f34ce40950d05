"""Who trains and who is tested: the protocols, the check that none leaks unseen, and the split's own identity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.contracts.cards import SplitRule
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.dataset import Sample
from tumorbench.contracts.problem import FOLDS, Protocol
from tumorbench.contracts.record import Leakage
from tumorbench.data import partition
from tumorbench.data.kinship import Kinship
from tumorbench.data.partition import SPLIT_SEED
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FOLDS", "SPLIT_SEED", "Split", "from_ids", "leaked", "make_split", "measure_leakage", "split_key"]

PARTS = ("train", "val", "test")
SPLIT_VERSION = 2  # raised when the same call would give another split
BY_CLUSTERS: tuple[Protocol, ...] = ("grouped", "official", "external")  # protocols that clusters decide


@dataclass(frozen=True, slots=True)
class Split:
    """Indices into the data set's samples. Under a rule that holds nothing out, test and training are the same samples.

    kin: how the data set's samples belong together.
    """

    protocol: Protocol
    fold: int
    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]
    kin: Kinship

    def as_ids(self, samples: Sequence[Sample]) -> dict[str, list[str]]:
        """The split by sample ids, as it is hashed."""
        return {part: [samples[index].id for index in getattr(self, part)] for part in PARTS}

    def fingerprint(self, samples: Sequence[Sample]) -> str:
        """SHA-256 over the sample ids of each part."""
        return _fingerprint(self.as_ids(samples))

    def to_store(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The split as it is stored: its sample ids and their fingerprint."""
        return {"fingerprint": self.fingerprint(samples), **self.as_ids(samples)}


def split_key(dataset_fingerprint: str, kin: Kinship, protocol: Protocol, fold: int, rule: SplitRule | None) -> str:
    """SHA-256 of everything that decides a split."""
    clusters = kin.digest if protocol in BY_CLUSTERS else None
    content = [SPLIT_VERSION, dataset_fingerprint, clusters, protocol, fold, rule.model_dump() if rule else None]
    return hashlib.sha256(canonical_json(content)).hexdigest()


def from_ids(stored: dict[str, Any], samples: Sequence[Sample], kin: Kinship, protocol: Protocol, fold: int) -> Split:
    """The stored split. Raises: BadInput where it was changed since, or where it is a ``grouped`` one that leaks."""
    ids = {part: stored.get(part) for part in PARTS}
    number_of = {sample.id: index for index, sample in enumerate(samples)}
    if stored.get("fingerprint") != _fingerprint(ids) or not all(
        each in number_of for part in PARTS for each in ids[part] or ()
    ):
        raise BadInput("the stored split was changed since it was made; delete it from the store's folder splits")
    train, val, test = (np.array([number_of[each] for each in ids[part] or ()], np.int64) for part in PARTS)
    split = Split(protocol, fold, train, val, test, kin)
    if protocol in ("grouped", "external"):
        _refuse_leaks(split)
    if protocol == "official" and {samples[index].fold for index in test} - {None, fold}:
        raise BadInput(
            f"the stored split does not test fold {fold} of the publication; delete it from the store's folder splits"
        )
    return split


def _fingerprint(ids: object) -> str:
    return hashlib.sha256(canonical_json(ids)).hexdigest()


def _refuse_leaks(split: Split) -> None:
    """True after the call: no cluster has slices in two parts."""
    clusters = np.array(split.kin.clusters)
    parts = [set(clusters[getattr(split, part)].tolist()) for part in PARTS]
    shared = (parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2])
    if shared:
        raise BadInput(
            f"the {split.protocol} split leaks ({len(shared)} clusters are in two parts, {min(shared)} among them); delete it from the "
            "store's folder splits, or report this as a bug of tumorbench"
        )


def make_split(
    samples: Sequence[Sample],
    classes: Sequence[str],
    kin: Kinship,
    protocol: Protocol,
    fold: int = 0,
    rule: SplitRule | None = None,
) -> Split:
    """The split of one protocol; the same call gives the same split on every machine.

    Raises: BadInput where the data set cannot be split so; a ``grouped`` split on which anything stands on both sides is refused.
    """
    labels = np.array([sample.label for sample in samples])
    match protocol:
        case "grouped":
            parts = partition.grouped(labels, kin.clusters, classes, fold)
        case "official" if any(sample.fold is not None for sample in samples):
            parts = partition.official_fold(labels, samples, kin.clusters, fold)
        case "official":
            parts = partition.official(labels, samples, kin.clusters)
        case "paper":
            if rule is None:
                raise BadInput(
                    "the paper protocol needs the model's SplitRule for this data set; add it to the model's card"
                )
            parts = partition.paper(labels, samples, classes, rule)
        case _:
            raise BadInput(f"the protocol {protocol} does not split one data set")
    split = Split(protocol, fold if protocol != "paper" else 0, *parts, kin)
    if protocol == "grouped":
        _refuse_leaks(split)
    return split


def leaked(split: Split, part: str = "test") -> list[str]:
    """For each slice of the part what of it was seen, in training or validation (of ``val``: in training).

    ``identical``: the same pixels. ``near-identical``: a near-copy. ``patient``: another slice of its patient. "" for a
    clean one: as far as its patient is known, nothing of it was seen.
    """
    kin, own = split.kin, getattr(split, part)
    seen = split.train if part == "val" else np.concatenate([split.train, split.val])
    pixels, patients = {kin.pixels[index] for index in seen}, {kin.patients[index] for index in seen} - {""}
    is_seen = np.zeros(len(kin.pixels), bool)
    is_seen[seen] = True
    near = {one for pair in (kin.near, kin.near[:, ::-1]) for one, other in pair.tolist() if is_seen[other]}
    return [
        "identical"
        if kin.pixels[index] in pixels
        else "near-identical"
        if index in near
        else "patient"
        if kin.patients[index] in patients
        else ""
        for index in own.tolist()
    ]


def measure_leakage(split: Split) -> Leakage:
    """What stands on both sides, training and validation being one side. A patient counts where it is known."""
    kin, ways = split.kin, leaked(split)
    seen = np.concatenate([split.train, split.val])
    tested = [kin.patients[index] for index in split.test]
    shared = ({kin.patients[index] for index in seen} & set(tested)) - {""}
    return Leakage(
        test_samples=len(split.test),
        groups_on_both_sides=len(shared),
        test_samples_of_shared_groups=sum(patient in shared for patient in tested),
        identical_test_images=ways.count("identical"),
        near_identical_test_images=ways.count("near-identical"),
        unknown_patient_test_images=tested.count(""),
    )
