"""What each part of each split has in common with the parts that were seen before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.contracts.cards import SplitRule
from tumorbench.contracts.problem import FOLDS, Protocol
from tumorbench.data.audit.alike import Alike
from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import Kinship
from tumorbench.data.partition import grouped_folds
from tumorbench.data.split import make_split
from tumorbench.errors import BadInput
from tumorbench.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["split_rows"]

SIDES = {  # the name of a comparison -> the parts seen, the part that is compared with them
    "train-val": (("train",), "val"),
    "train-test": (("train",), "test"),
    "val-test": (("val",), "test"),
    "train+val-test": (("train", "val"), "test"),
}
STATED = "grouped by what the set itself says"


Asked = tuple[str, Protocol, int, SplitRule | None]


def split_rows(
    decoded: Decoded, kin: Kinship, alike: Alike, registry: Registry
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """(a row for each split, fold and comparison of two parts; splits that this copy cannot be given, with the reason).

    Splits are those of every protocol that fits and of every publication that split this set. ``alike``: the pairs
    within the set.
    """
    rows, reasons = [], {}
    for name, protocol, fold, rule in _asked(decoded, registry):
        try:
            split = make_split(decoded.samples, decoded.spec.classes, kin, protocol, fold, rule)
        except BadInput as reason:
            reasons[name] = str(reason)
            continue
        for parts, (seen, tested) in SIDES.items():
            found = _overlap(kin, alike, [getattr(split, part) for part in seen], getattr(split, tested))
            rows.append({"split": name, "fold": fold, "parts": parts, **found})
    return rows + _as_stated(decoded, kin, alike), reasons


def _as_stated(decoded: Decoded, kin: Kinship, alike: Alike) -> list[dict[str, Any]]:
    """What would leak if ``grouped`` knew only what the set itself says: its patients, and which images are identical.

    Nothing where that makes no difference.
    """
    stated = Kinship.of([replace(sample, recovered=None) for sample in decoded.samples], kin.pixels)
    if stated.clusters == kin.clusters:
        return []
    labels = np.array([sample.label for sample in decoded.samples])
    try:
        folds = grouped_folds(labels, stated.clusters, decoded.spec.classes)
    except BadInput:  # of the split by all that is known, which has fewer clusters, it was told
        return []
    return [
        {"split": STATED, "fold": fold, "parts": "train+val-test", **_overlap(kin, alike, [rest], test)}
        for fold, (rest, test) in enumerate(folds)
    ]


def _asked(decoded: Decoded, registry: Registry) -> Iterator[Asked]:
    for fold in range(FOLDS):
        yield "grouped", "grouped", fold, None
    if decoded.spec.official_split:
        yield "official", "official", 0, None
    if all(sample.fold is not None for sample in decoded.samples):
        for fold in range(decoded.spec.official_folds):
            yield "official", "official", fold, None
    for rule, models in _rules(decoded, registry).items():
        yield f"paper of {', '.join(models)}", "paper", 0, SplitRule.model_validate_json(rule)


def _rules(decoded: Decoded, registry: Registry) -> dict[str, list[str]]:
    """The rules by which publications split the set, as JSON -> the models of those publications."""
    found: dict[str, list[str]] = {}
    for model in registry.models.values():
        if rule := model.paper.splits.get(decoded.spec.id):
            found.setdefault(rule.model_dump_json(), []).append(model.id)
    return found


def _overlap(kin: Kinship, alike: Alike, seen: list[NDArray[np.int64]], tested: NDArray[np.int64]) -> dict[str, int]:
    """How many of the tested pictures have what in the seen ones; near-copies are those that are not identical, as in records.

    The best correlation with a seen picture is above .99, or above .97, for so many, identical ones among them.
    """
    is_seen = np.zeros(len(kin.pixels), bool)
    is_seen[np.concatenate(seen)] = True
    pixels = {own for own, chosen in zip(kin.pixels, is_seen, strict=True) if chosen}
    patients = {own for own, chosen in zip(kin.patients, is_seen, strict=True) if chosen} - {""}
    identical = {index for index in tested.tolist() if kin.pixels[index] in pixels}
    own = [kin.patients[index] for index in tested]
    return {
        "images": len(tested),
        "identical_images": len(identical),
        "near_copies": len(_with_twin(kin.near, is_seen, tested) - identical),
        "alike_above_0.99": len(_with_twin(alike.near.pairs, is_seen, tested) | identical),
        "alike_above_0.97": len(_with_twin(alike.pairs, is_seen, tested) | identical),
        "patients_on_both_sides": len(set(own) & patients),
        "images_of_shared_patients": sum(patient in patients for patient in own),
        "images_of_unknown_patients": own.count(""),
    }


def _with_twin(pairs: NDArray[np.int64], is_seen: NDArray[np.bool_], tested: NDArray[np.int64]) -> set[int]:
    """The tested positions that form a pair with a seen one."""
    one, other = pairs.T
    found = np.concatenate([one[is_seen[other]], other[is_seen[one]]])
    return set(np.intersect1d(found, tested).tolist())
