"""The audit of one or several data sets: counts for a machine, and the pairs of pictures for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from tumorbench.data.audit.alike import Alike, between, within
from tumorbench.data.audit.descriptors import describe, given_away
from tumorbench.data.audit.splits import split_rows
from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import Kinship, kinship
from tumorbench.data.quality import FLAWS, flaw
from tumorbench.registry import Registry

__all__ = ["Audit", "audit"]

Progress = Callable[[str, int, int], None]


@dataclass
class Audit:
    """What was found.

    datasets: a report for each data set. between: one for each two of them. within, across: their pairs, in the same
    order. kin: by data set. flawed: (data set, position, what is wrong with the picture, in words). unread: a data set
    that was not audited -> its pictures that cannot be read, with the reason.
    """

    datasets: list[dict[str, Any]] = field(default_factory=list)
    between: list[dict[str, Any]] = field(default_factory=list)
    within: list[Alike] = field(default_factory=list)
    across: list[Alike] = field(default_factory=list)
    kin: dict[str, Kinship] = field(default_factory=dict)
    flawed: list[tuple[Decoded, int, str]] = field(default_factory=list)
    unread: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def report(self) -> dict[str, Any]:
        """All of it as JSON."""
        unread = [{"dataset": name, "unreadable_images": images} for name, images in self.unread.items()]
        return {"datasets": self.datasets + unread, "between": self.between}


def audit(found: Sequence[Decoded], registry: Registry, progress: Progress | None = None) -> Audit:
    """Each data set is audited, and each two of them are compared; synthetic ones are not compared with others."""
    result = Audit()
    told = progress or (lambda _what, _done, _of: None)
    for decoded in found:
        told(f"auditing {decoded.spec.id}", 0, 1)
        _add(result, decoded, registry)
        told(f"auditing {decoded.spec.id}", 1, 1)
    real = [decoded for decoded in found if not decoded.spec.synthetic]
    for first, second in combinations(real, 2):
        alike = between(first, second)
        result.across.append(alike)
        result.between.append(_between(alike))
        told(f"comparing {first.spec.id} with {second.spec.id}", 1, 1)
    return result


def _add(result: Audit, decoded: Decoded, registry: Registry) -> None:
    """The data set's report, pairs, kinship and flaws stand in ``result``."""
    kin, alike = kinship(decoded), within(decoded)
    table: list[tuple[float, ...]] = []
    flaws: dict[str, list[str]] = {kind: [] for kind in FLAWS}
    for index, sample in enumerate(decoded.samples):
        image = np.asarray(decoded.image(index))
        table.append(describe(image))
        if has := flaw(image):
            flaws[has[0]].append(sample.id)
            result.flawed.append((decoded, index, f"{has[0]}: {has[1]}"))
    rows, reasons = split_rows(decoded, kin, alike, registry)
    result.datasets.append(
        {
            "dataset": decoded.spec.id,
            "images": len(decoded.samples),
            **_copies(kin, alike),
            **{f"{kind}_images": names for kind, names in flaws.items()},
            "unreadable_images": {},
            "trivial_descriptors": given_away(decoded, kin, table),
            "splits_not_possible": reasons,
            "splits": rows,
        }
    )
    result.kin[decoded.spec.id] = kin
    result.within.append(alike)


def _copies(kin: Kinship, alike: Alike) -> dict[str, Any]:
    """How many pictures have a copy in the set, of whom they are, and which copies are labelled differently.

    ``near_identical`` pairs have a correlation above .99, ``similar`` ones above .97; each kind counts those before it
    too. Pairs of different patients are what the index takes for a copy and is none, as far as patients are known.
    """
    pixels, near = Counter(kin.pixels), alike.near
    conflicts = near.conflicts
    found = {
        "distinct_images": len(pixels),
        "images_with_an_identical_twin": sum(count for count in pixels.values() if count > 1),
        "images_with_a_near_identical_twin": near.images(0),
        "images_with_a_similar_twin": alike.images(0),
        "clusters": len(set(kin.clusters)),
        "patients": len(set(kin.patients) - {""}),
        "images_of_unknown_patients": kin.patients.count(""),
    }
    for kind, pairs in (("near_identical", near), ("similar", alike)):
        known, strangers = pairs.of_other_patients(kin)
        found[f"{kind}_pairs"] = len(pairs)
        found[f"{kind}_pairs_of_known_patients"] = len(known)
        found[f"{kind}_pairs_of_different_patients"] = len(strangers)
    return found | {"images_in_label_conflicts": conflicts.images(0), "label_conflicts": conflicts.rows()}


def _between(alike: Alike) -> dict[str, Any]:
    """What two sets have in common, and which copies are labelled differently."""
    near, names = alike.near, [side.spec.id for side in (alike.first, alike.second)]
    identical, conflicts = alike.where(alike.identical), near.conflicts
    return {
        "datasets": names,
        "images_with_an_identical_twin": [identical.images(side) for side in (0, 1)],
        "images_with_a_near_identical_twin": [near.images(side) for side in (0, 1)],
        "images_with_a_similar_twin": [alike.images(side) for side in (0, 1)],
        "labels_compared": alike.comparable,
        "images_in_label_conflicts": [conflicts.images(side) for side in (0, 1)] if alike.comparable else None,
        "label_conflicts": conflicts.rows(),
    }
