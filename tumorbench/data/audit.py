"""What a data set's splits leak, counted, and which of its pictures cannot be slices."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tumorbench.contracts.cards import SplitRule
from tumorbench.contracts.problem import Protocol
from tumorbench.data import split
from tumorbench.data.decode import Decoded
from tumorbench.data.quality import flaws
from tumorbench.errors import BadInput
from tumorbench.registry import Registry

__all__ = ["audit"]


def audit(decoded: Decoded, registry: Registry) -> dict[str, Any]:
    """Counts of duplicates and patients, pictures with a flaw by name, and for each split what stands on both of its sides.

    A split that this copy cannot be given, such as a paper's of a larger one, is under ``splits_not_possible`` with the reason.
    """
    pixels = [where.pixels for where in decoded.slices]
    copies = Counter(pixels)
    labels: dict[str, set[int]] = {}
    for own, sample in zip(pixels, decoded.samples, strict=True):
        labels.setdefault(own, set()).add(sample.label)
    rows, reasons = [], {}
    for each in _splits(decoded, registry):
        try:
            rows.append(_row(decoded, pixels, *each))
        except BadInput as reason:
            reasons[each[0]] = str(reason)
    return {
        "dataset": decoded.spec.id,
        "samples": len(pixels),
        "distinct_images": len(copies),
        "samples_with_an_identical_twin": sum(count for count in copies.values() if count > 1),
        "identical_images_with_different_labels": sum(len(each) > 1 for each in labels.values()),
        "independent_groups": len(set(split.clusters(decoded.samples, pixels))),
        **{f"{kind}_images": names for kind, names in _flaws(decoded).items()},
        "splits_not_possible": reasons,
        "splits": rows,
    }


def _flaws(decoded: Decoded) -> dict[str, list[str]]:
    return flaws((sample.id, decoded.image(index)) for index, sample in enumerate(decoded.samples))


def _splits(decoded: Decoded, registry: Registry) -> list[tuple[str, Protocol, int, SplitRule | None]]:
    """(name, protocol, fold, rule) of every split that fits the data set; of ``grouped``, which lets nothing through, one fold."""
    found: list[tuple[str, Protocol, int, SplitRule | None]] = [("grouped fold 0", "grouped", 0, None)]
    if decoded.spec.official_split:
        found.append(("official", "official", 0, None))
    if all(sample.fold is not None for sample in decoded.samples):
        found += [(f"official fold {fold}", "official", fold, None) for fold in range(decoded.spec.official_folds)]
    return found + [
        (f"paper of {model.id}", "paper", 0, model.paper.splits[decoded.spec.id])
        for model in registry.models.values()
        if decoded.spec.id in model.paper.splits
    ]


def _row(
    decoded: Decoded, pixels: list[str], name: str, protocol: Protocol, fold: int, rule: SplitRule | None
) -> dict[str, Any]:
    parts = split.make_split(decoded.samples, decoded.spec.classes, pixels, protocol, fold, rule)
    leakage = split.measure_leakage(parts, decoded.samples, pixels).model_dump()
    groups = (
        leakage
        if decoded.spec.patients_known
        else leakage | {"groups_on_both_sides": "patients unknown", "test_samples_of_shared_groups": "patients unknown"}
    )
    return {"split": name, "train": len(parts.train), "val": len(parts.val), **groups}
