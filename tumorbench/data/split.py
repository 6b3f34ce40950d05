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
from tumorbench.data.partition import SPLIT_SEED
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FOLDS", "SPLIT_SEED", "Split", "clusters", "from_ids", "make_split", "measure_leakage", "split_key"]

PARTS = ("train", "val", "test")
SPLIT_VERSION = 1  # raised when the same call would give another split


@dataclass(frozen=True, slots=True)
class Split:
    """Indices into the data set's samples. Under a rule that holds nothing out, test and training are the same samples."""

    protocol: Protocol
    fold: int
    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]

    def as_ids(self, samples: Sequence[Sample]) -> dict[str, list[str]]:
        """The split by sample ids, as it is hashed."""
        return {part: [samples[index].id for index in getattr(self, part)] for part in PARTS}

    def fingerprint(self, samples: Sequence[Sample]) -> str:
        """SHA-256 over the sample ids of each part."""
        return _fingerprint(self.as_ids(samples))

    def to_store(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The split as it is stored: its sample ids and their fingerprint."""
        return {"fingerprint": self.fingerprint(samples), **self.as_ids(samples)}


def split_key(dataset_fingerprint: str, protocol: Protocol, fold: int, rule: SplitRule | None) -> str:
    """SHA-256 of everything that decides a split."""
    return hashlib.sha256(
        canonical_json([SPLIT_VERSION, dataset_fingerprint, protocol, fold, rule.model_dump() if rule else None])
    ).hexdigest()


def from_ids(
    stored: dict[str, Any], samples: Sequence[Sample], pixel_hashes: Sequence[str], protocol: Protocol, fold: int
) -> Split:
    """The stored split. Raises: BadInput where it was changed since, or where it is a ``grouped`` one that leaks."""
    ids = {part: stored.get(part) for part in PARTS}
    number_of = {sample.id: index for index, sample in enumerate(samples)}
    if stored.get("fingerprint") != _fingerprint(ids) or not all(
        each in number_of for part in PARTS for each in ids[part] or ()
    ):
        raise BadInput("the stored split was changed since it was made; delete it from the store's folder splits")
    train, val, test = (np.array([number_of[each] for each in ids[part] or ()], np.int64) for part in PARTS)
    split = Split(protocol, fold, train, val, test)
    if protocol == "grouped":
        _refuse_leaks(split, samples, pixel_hashes)
    if protocol == "official" and {samples[index].fold for index in test} - {None, fold}:
        raise BadInput(
            f"the stored split does not test fold {fold} of the publication; delete it from the store's folder splits"
        )
    return split


def _fingerprint(ids: object) -> str:
    return hashlib.sha256(canonical_json(ids)).hexdigest()


def _refuse_leaks(split: Split, samples: Sequence[Sample], pixel_hashes: Sequence[str]) -> None:
    leakage = measure_leakage(split, samples, pixel_hashes)
    if leakage.groups_on_both_sides or leakage.identical_test_images:
        raise BadInput(
            f"the grouped split leaks ({leakage}); delete it from the store's folder splits, or report this as a bug of tumorbench"
        )


def clusters(samples: Sequence[Sample], pixel_hashes: Sequence[str]) -> list[str]:
    """For each sample the name of what must not straddle a split: its patient group, joined with every slice that is pixel-identical."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for sample, pixels in zip(samples, pixel_hashes, strict=True):
        own, twin = root(_group(sample)), root(f"pixels:{pixels}")
        parent[max(own, twin)] = min(own, twin)
    return [root(_group(sample)) for sample in samples]


def _group(sample: Sample) -> str:
    known = sample.group or sample.patient
    return f"group:{known}" if known else f"sample:{sample.id}"


def make_split(
    samples: Sequence[Sample],
    classes: Sequence[str],
    pixel_hashes: Sequence[str],
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
            parts = partition.grouped(labels, clusters(samples, pixel_hashes), classes, fold)
        case "official" if any(sample.fold is not None for sample in samples):
            parts = partition.official_fold(labels, samples, clusters(samples, pixel_hashes), fold)
        case "official":
            parts = partition.official(labels, samples)
        case "paper":
            if rule is None:
                raise BadInput(
                    "the paper protocol needs the model's SplitRule for this data set; add it to the model's card"
                )
            parts = partition.paper(labels, samples, classes, rule)
    split = Split(protocol, fold if protocol != "paper" else 0, *parts)
    if protocol == "grouped":
        _refuse_leaks(split, samples, pixel_hashes)
    return split


def measure_leakage(split: Split, samples: Sequence[Sample], pixel_hashes: Sequence[str]) -> Leakage:
    """What stands on both sides, training and validation being one side. Samples of unknown patient count only by their pixels."""
    seen = np.concatenate([split.train, split.val])
    groups = {_group(samples[index]) for index in seen} & {_group(samples[index]) for index in split.test}
    images = {pixel_hashes[index] for index in seen}
    return Leakage(
        test_samples=len(split.test),
        groups_on_both_sides=len(groups),
        test_samples_of_shared_groups=sum(_group(samples[index]) in groups for index in split.test),
        identical_test_images=sum(pixel_hashes[index] in images for index in split.test),
    )
