"""How each protocol divides a data set: indices of training, validation and test samples, from labels, groups and folders."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tumorbench.contracts.cards import SplitRule
from tumorbench.contracts.dataset import Sample
from tumorbench.contracts.problem import FOLDS
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SPLIT_SEED", "Parts", "grouped", "grouped_folds", "official", "official_fold", "paper", "without_clusters"]

VALIDATION_FOLDS = 8  # one of these parts of a grouped training set becomes validation: 10 % of all
VALIDATION_SHARE = 0.1  # of an official training set
SPLIT_SEED = 20220101  # the same for every model and every run seed: all competitors see the same split


class Parts(NamedTuple):
    """Indices into the samples, each in rising order."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


def grouped(labels: NDArray[np.int64], groups: Sequence[str], classes: Sequence[str], fold: int) -> Parts:
    """One of five stratified folds is tested; no group stands in two parts. Raises: BadInput for too few groups."""
    rest, test = grouped_folds(labels, groups, classes)[fold]
    names, numbers = np.unique(np.array(groups), return_inverse=True)
    return Parts(*_carve_groups(rest, labels, numbers, len(names), fold), test)


def grouped_folds(
    labels: NDArray[np.int64], groups: Sequence[str], classes: Sequence[str]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(what is not tested, what is tested) of each of the five stratified folds. Raises: BadInput for too few groups."""
    for label, name in enumerate(classes):
        independent = len({group for group, own in zip(groups, labels, strict=True) if own == label})
        if independent < FOLDS:
            raise BadInput(
                f"class {name} has {independent} independent groups (patients or distinct images), fewer than the {FOLDS} folds of the grouped protocol"
            )
    return _folds(tuple(labels.tolist()), tuple(groups))


@lru_cache(maxsize=8)
def _folds(labels: tuple[int, ...], groups: tuple[str, ...]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """All five at once: scikit-learn makes each of them to make one, in seconds where groups are many."""
    from sklearn.model_selection import StratifiedGroupKFold

    numbers = np.unique(np.array(groups), return_inverse=True)[1]
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SPLIT_SEED)
    return list(splitter.split(np.arange(len(labels)), np.array(labels), numbers))


def official(labels: NDArray[np.int64], samples: Sequence[Sample], groups: Sequence[str]) -> Parts:
    """The publication's test folder is tested; validation is carved out of its training folder by groups.

    Raises: BadInput where the samples name no folders.
    """
    rest, test = _folders(samples)
    numbers = np.unique(np.array(groups), return_inverse=True)[1]
    return Parts(*_carve_groups(rest, labels, numbers, len(np.unique(numbers[rest])), 0), test)


def _folders(samples: Sequence[Sample]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training, test) as the publication's folders have it. Raises: BadInput where the samples name none."""
    test = np.array([index for index, sample in enumerate(samples) if sample.split == "test"], np.int64)
    rest = np.array([index for index, sample in enumerate(samples) if sample.split == "train"], np.int64)
    if not len(test) or not len(rest):
        raise BadInput(
            "the copy of the data set has no official train/test split, nor folds of its publication; fetch it again, or use "
            "--protocol grouped"
        )
    return rest, test


def official_fold(labels: NDArray[np.int64], samples: Sequence[Sample], groups: Sequence[str], fold: int) -> Parts:
    """The publication's own fold is tested; validation is carved out of the rest by groups, as under ``grouped``.

    Raises: BadInput where a sample has no fold, or where the fold is empty or everything.
    """
    folds = np.array([-1 if sample.fold is None else sample.fold for sample in samples])
    if unknown := int((folds < 0).sum()):
        raise BadInput(f"{unknown} of {len(samples)} samples have no fold of the publication; complete the data set")
    test, rest = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
    if not len(test) or not len(rest):
        raise BadInput(
            f"fold {fold} of the publication has {len(test)} of {len(samples)} samples; complete the data set"
        )
    numbers = np.unique(np.array(groups), return_inverse=True)[1]
    return Parts(*_carve_groups(rest, labels, numbers, len(np.unique(numbers[rest])), fold), test)


def without_clusters(
    pool: NDArray[np.int64], test: NDArray[np.int64], labels: NDArray[np.int64], groups: Sequence[str], fold: int
) -> Parts:
    """``test`` is tested; the pool, which shares no group with it, is training and, carved out of it by groups, validation.

    labels, groups: of every sample; those outside of the pool and the test do not count.
    """
    numbers = np.unique(np.array(groups), return_inverse=True)[1]
    return Parts(*_carve_groups(pool, labels, numbers, len(np.unique(numbers[pool])), fold), test)


def paper(labels: NDArray[np.int64], samples: Sequence[Sample], classes: Sequence[str], rule: SplitRule) -> Parts:
    """The split of a source publication. Raises: BadInput where the data set has too few samples for its numbers."""
    everything = np.arange(len(labels))
    match rule.kind:
        case "everything":
            return Parts(everything, everything[:0], everything)
        case "official":
            rest, test = _folders(samples)
        case "sizes":
            order = np.random.default_rng(SPLIT_SEED).permutation(everything)
            test_size = _whole(rule.test)
            if test_size + (rule.val if isinstance(rule.val, int) else 1) >= len(labels):
                raise BadInput(
                    f"the paper's split holds out {test_size} + {rule.val} of {len(labels)} samples; complete the data set"
                )
            test, rest = np.sort(order[:test_size]), order[test_size:]
            if isinstance(rule.val, int):
                return Parts(np.sort(rest[rule.val :]), np.sort(rest[: rule.val]), test)
        case "counts":
            test = _per_class(everything, labels, classes, rule.test)
            rest = np.setdiff1d(everything, test)
            if isinstance(rule.val, dict):
                val = _per_class(rest, labels, classes, rule.val)
                return Parts(np.setdiff1d(rest, val), val, test)
    share = rule.val if isinstance(rule.val, float) else VALIDATION_SHARE
    return Parts(*_carve(np.sort(rest), labels, share), test)


def _per_class(
    pool: NDArray[np.int64], labels: NDArray[np.int64], classes: Sequence[str], counts: object
) -> NDArray[np.int64]:
    """As many samples of each class as ``counts`` says, at random."""
    if not isinstance(counts, dict) or set(counts) != set(classes):
        raise BadInput(
            f"the paper's split gives counts {counts}, but the classes are {', '.join(classes)}; fix the model's card"
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

    try:
        train, val = train_test_split(pool, test_size=share, random_state=SPLIT_SEED, stratify=labels[pool])
    except ValueError as error:
        raise BadInput(
            f"{len(pool)} samples are too few to take a share of {share:g} of each class for validation ({error}); "
            "complete the data set"
        ) from error
    return np.sort(train), np.sort(val)


def _carve_groups(
    pool: NDArray[np.int64], labels: NDArray[np.int64], groups: NDArray[np.int64], parts: int, fold: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(training, validation): one of eight stratified parts of the pool, by whole groups, is validation.

    There are fewer parts where there are fewer than eight groups (``parts``), or fewer than eight samples of every class.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    parts = min(VALIDATION_FOLDS, parts, int(np.bincount(labels[pool]).max()))
    if parts < 2:  # noqa: PLR2004 - training and validation
        raise BadInput(
            f"{len(pool)} samples are too few to take validation out of what is not tested; complete the data set"
        )
    inner = StratifiedGroupKFold(parts, shuffle=True, random_state=SPLIT_SEED + 1 + fold)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # it may have none there
        train, val = next(iter(inner.split(pool, labels[pool], groups[pool])))
    return pool[train], pool[val]


def _whole(number: object) -> int:
    if not isinstance(number, int):
        raise BadInput(
            f"the paper's split gives a test size of {number}; a rule of kind 'sizes' takes a whole number; fix the model's card"
        )
    return number
