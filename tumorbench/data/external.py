"""Two data sets beside each other: trained on one and tested on the other, or trained without what the other tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.dataset import Sample
from tumorbench.contracts.recipe import Crop
from tumorbench.data import partition
from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import Kinship, near_copies, similar_between
from tumorbench.data.split import Split
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Joined", "across", "external_split", "join", "related", "shared_classes", "without"]

NO_CLASS = -1  # the label of a slice whose class is not one of both sets
FEWEST_CLASSES = 2


@dataclass(frozen=True)
class Joined(Decoded):
    """The slices of the set that is tested, and after them those of the set that is learned from.

    spec: of the tested set, with the classes that both have. Samples of the learned set are called ``DATASET:ID`` and
    have the tested set's labels; a slice of no shared class has the label -1 and stands in no part of a split.
    """

    tested: Decoded
    learned: Decoded

    def image(self, index: int) -> NDArray[np.uint8]:
        """One slice at its native size, uint8 ``(height, width)``."""
        part, place = self._place(index)
        return part.image(place)

    def mask(self, index: int) -> NDArray[np.uint8] | None:
        """The mask of one slice at its native size, or None."""
        part, place = self._place(index)
        return part.mask(place)

    def images(self, size: int, crop: Crop = "none") -> NDArray[np.uint8]:
        """Every slice, uint8 ``(n, size, size)``, as each of the two sets gives them."""
        return np.concatenate([part.images(size, crop) for part in (self.tested, self.learned)])

    def masks(self, size: int, crop: Crop = "none") -> NDArray[np.uint8] | None:
        """Every mask, uint8 ``(n, size, size)``, zero where a slice has none; None where no slice has one."""
        parts = (self.tested, self.learned)
        found = [part.masks(size, crop) for part in parts]
        if all(masks is None for masks in found):
            return None
        empty = [np.zeros((len(part.slices), size, size), np.uint8) for part in parts]
        return np.concatenate([none if masks is None else masks for masks, none in zip(found, empty, strict=True)])

    def _place(self, index: int) -> tuple[Decoded, int]:
        n = len(self.tested.slices)
        return (self.tested, index) if index < n else (self.learned, index - n)


def join(tested: Decoded, learned: Decoded) -> Joined:
    """The two sets as one. Raises: BadInput where they are one set, or have fewer than two classes in common."""
    if tested.spec.id == learned.spec.id:
        raise BadInput(f"{learned.spec.id} is trained on and tested; name another set with --train-on")
    classes = shared_classes(tested.spec, learned.spec)
    if len(classes) < FEWEST_CLASSES:
        raise BadInput(
            f"{learned.spec.id} ({', '.join(learned.spec.classes)}) and {tested.spec.id} ({', '.join(tested.spec.classes)}) "
            f"have {len(classes)} classes in common, and training on one for the other takes {FEWEST_CLASSES}"
        )
    labels = {name: label for label, names in enumerate(classes.values()) for name in names}
    own = {name: label for label, name in enumerate(classes)}
    samples = (
        *_labelled(tested.samples, [own.get(name, NO_CLASS) for name in tested.spec.classes]),
        *(
            replace(sample, id=f"{learned.spec.id}:{sample.id}")
            for sample in _labelled(learned.samples, [labels.get(name, NO_CLASS) for name in learned.spec.classes])
        ),
    )
    content = [tested.fingerprint, learned.fingerprint, [[name, sorted(names)] for name, names in classes.items()]]
    fingerprint = hashlib.sha256(canonical_json(content)).hexdigest()
    spec = tested.spec.model_copy(update={"classes": tuple(classes), "tasks": _tasks(tested.spec, learned.spec)})
    cache = tested.cache.with_name(f"{tested.cache.name}-{learned.spec.id}")  # nothing is ever written there
    return Joined(spec, samples, (*tested.slices, *learned.slices), fingerprint, cache, tested, learned)


def shared_classes(tested: DatasetSpec, learned: DatasetSpec) -> dict[str, list[str]]:
    """Class of the tested set -> the learned set's classes that are the same, in the tested set's order.

    The same are those of one name, and those that the tested set's card names as equivalents. Classes of only one of
    the two sets are left out.
    """
    same = {name: {name, *tested.equivalents.get(name, ())} for name in tested.classes}
    found = {name: [each for each in learned.classes if each in names] for name, names in same.items()}
    return {name: each for name, each in found.items() if each}


def _labelled(samples: Sequence[Sample], labels: Sequence[int]) -> list[Sample]:
    return [replace(sample, label=labels[sample.label]) for sample in samples]


def _tasks(tested: DatasetSpec, learned: DatasetSpec) -> tuple[str, ...]:
    """What can be learned on one set and tested on the other: segmentation where the masks mean the same."""
    same_masks = tested.mask_classes == learned.mask_classes
    return tuple(
        task
        for task in tested.tasks
        if task in learned.tasks and (task == "classification" or (task == "segmentation" and same_masks))
    )


def across(tested: Decoded, learned: Decoded, kin: Kinship, other: Kinship) -> Kinship:
    """The kinship of the samples of both sets, those of ``learned`` last. kin: of ``tested``. other: of ``learned``.

    Slices of the two sets belong together where they are identical or near-copies, and where their patients, known or
    recovered, have the same name. Synthetic slices are compared with no other set's.
    """
    n, pairs = len(tested.samples), [kin.near, other.near + len(tested.samples)]
    if not (tested.spec.synthetic or learned.spec.synthetic):
        found = similar_between(tested, learned)
        pairs.append(np.add(near_copies(found, tested.samples, learned.samples), [0, n]))
    learned_samples = [replace(sample, id=f"{learned.spec.id}:{sample.id}") for sample in learned.samples]
    return Kinship.of([*tested.samples, *learned_samples], [*kin.pixels, *other.pixels], np.concatenate(pairs))


def related(both: Kinship, test: NDArray[np.int64], tested: int) -> NDArray[np.bool_]:
    """Of each slice of the second set whether it is in the cluster of a test slice. tested: samples of the first set."""
    clusters = np.array(both.clusters)
    return np.isin(clusters[tested:], clusters[test])


def external_split(joined: Joined, both: Kinship, test: NDArray[np.int64], fold: int) -> Split:
    """Tested are the slices ``test`` of shared classes; learned from is what of the other set is in none of their clusters.

    Validation is carved out of that by clusters. Raises: BadInput where too little is left.
    """
    labels, n = np.array([sample.label for sample in joined.samples]), len(joined.tested.samples)
    kept = test[labels[test] != NO_CLASS]
    pool = n + np.flatnonzero((labels[n:] != NO_CLASS) & ~related(both, kept, n))
    if empty := [name for label, name in enumerate(joined.spec.classes) if label not in labels[pool]]:
        raise BadInput(
            f"without what matches the test slices of {joined.tested.spec.id}, {joined.learned.spec.id} has no slice "
            f"of class {', '.join(empty)} left; train on another set"
        )
    return Split("external", fold, *partition.without_clusters(pool, kept, labels, both.clusters, fold), both)


def without(split: Split, taken: NDArray[np.bool_], fold: int) -> Split:
    """The split without the slices that are ``taken``, as that of ``fold``. Raises: BadInput where nothing is left."""
    train, val, test = (part[~taken[part]] for part in (split.train, split.val, split.test))
    if not len(train) or not len(test):
        raise BadInput("without what matches the other set's test slices nothing is left; train on another set")
    return Split(split.protocol, fold, train, val, test, split.kin)
