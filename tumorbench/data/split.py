"""Who trains and who is tested: the three protocols, the check that none leaks unseen, and the split's own identity."""

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
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SPLIT_SEED", "Split", "clusters", "from_ids", "make_split", "measure_leakage", "split_key"]

PARTS = ("train", "val", "test")
VALIDATION_FOLDS = 8  # one of these parts of a grouped training set becomes validation: 10 % of all
VALIDATION_SHARE = 0.1  # of an official training set
SPLIT_VERSION = 1  # raised when the same call would give another split
SPLIT_SEED = 20220101  # the same for every model and every run seed: all competitors see the same split


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
            split = _grouped(labels, clusters(samples, pixel_hashes), classes, fold)
            _refuse_leaks(split, samples, pixel_hashes)
        case "official":
            split = _official(labels, samples, VALIDATION_SHARE, protocol)
        case "paper":
            if rule is None:
                raise BadInput(
                    "the paper protocol needs the model's SplitRule for this data set; add it to the model's card"
                )
            split = _paper(labels, samples, classes, rule)
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


def _grouped(labels: NDArray[np.int64], groups: Sequence[str], classes: Sequence[str], fold: int) -> Split:
    from sklearn.model_selection import StratifiedGroupKFold

    for label, name in enumerate(classes):
        independent = len({group for group, own in zip(groups, labels, strict=True) if own == label})
        if independent < FOLDS:
            raise BadInput(
                f"class {name} has {independent} independent groups (patients or distinct images), fewer than the {FOLDS} folds of the grouped protocol"
            )
    names, numbers = np.unique(np.array(groups), return_inverse=True)
    everything = np.arange(len(labels))
    outer = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SPLIT_SEED).split(everything, labels, numbers))
    rest, test = outer[fold]
    inner = StratifiedGroupKFold(min(VALIDATION_FOLDS, len(names)), shuffle=True, random_state=SPLIT_SEED + 1 + fold)
    train, val = next(iter(inner.split(rest, labels[rest], numbers[rest])))
    return Split("grouped", fold, rest[train], rest[val], test)


def _official(labels: NDArray[np.int64], samples: Sequence[Sample], val: float, protocol: Protocol) -> Split:
    test = np.array([index for index, sample in enumerate(samples) if sample.split == "test"], np.int64)
    rest = np.array([index for index, sample in enumerate(samples) if sample.split == "train"], np.int64)
    if not len(test) or not len(rest):
        raise BadInput("the data set has no official train/test split; use --protocol grouped")
    train, validation = _carve(rest, labels, val)
    return Split(protocol, 0, train, validation, test)


def _paper(labels: NDArray[np.int64], samples: Sequence[Sample], classes: Sequence[str], rule: SplitRule) -> Split:
    everything = np.arange(len(labels))
    match rule.kind:
        case "everything":
            return Split("paper", 0, everything, everything[:0], everything)
        case "official":
            return _official(labels, samples, rule.val if isinstance(rule.val, float) else VALIDATION_SHARE, "paper")
        case "sizes":
            order = np.random.default_rng(SPLIT_SEED).permutation(everything)
            test_size = _whole(rule.test)
            if test_size + (rule.val if isinstance(rule.val, int) else 1) >= len(labels):
                raise BadInput(
                    f"the paper's split holds out {test_size} + {rule.val} of {len(labels)} samples; complete the data set"
                )
            test, rest = np.sort(order[:test_size]), order[test_size:]
            if isinstance(rule.val, int):
                return Split("paper", 0, np.sort(rest[rule.val :]), np.sort(rest[: rule.val]), test)
        case "counts":
            test = _per_class(everything, labels, classes, rule.test)
            rest = np.setdiff1d(everything, test)
            if isinstance(rule.val, dict):
                val = _per_class(rest, labels, classes, rule.val)
                return Split("paper", 0, np.setdiff1d(rest, val), val, test)
    train, val = _carve(np.sort(rest), labels, rule.val if isinstance(rule.val, float) else VALIDATION_SHARE)
    return Split("paper", 0, train, val, test)


def _per_class(
    pool: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str], counts: object
) -> NDArray[np.int64]:
    """As many samples of each class as ``counts`` says, at random."""
    if not isinstance(counts, dict) or set(counts) != set(classes):
        raise BadInput(
            f"the paper's split gives counts {counts}, but the classes are {', '.join(classes)}; mend the model's card"
        )
    rng, chosen = np.random.default_rng(SPLIT_SEED), []
    for label, name in enumerate(classes):
        own = pool[labels[pool] == label]
        if len(own) <= counts[name]:
            raise BadInput(
                f"the paper's split takes {counts[name]} samples of class {name}, but there are {len(own)}; complete the data set"
            )
        chosen.append(rng.permutation(own)[: counts[name]])
    return np.sort(np.concatenate(chosen))


def _carve(
    pool: NDArray[np.int64], labels: NDArray[np.int64], share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training, validation): a stratified random share of the pool becomes validation; a share of 0 leaves it empty."""
    if share <= 0:
        return pool, pool[:0]
    from sklearn.model_selection import train_test_split

    train, val = train_test_split(pool, test_size=share, random_state=SPLIT_SEED, stratify=labels[pool])
    return np.sort(train), np.sort(val)


def _whole(number: object) -> int:
    if not isinstance(number, int):
        raise BadInput(
            f"the paper's split gives a test size of {number}; a rule of kind 'sizes' takes a whole number; mend the model's card"
        )
    return number
