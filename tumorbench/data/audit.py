"""What a data set's splits leak, counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tumorbench.contracts.problem import Protocol
from tumorbench.data import split
from tumorbench.data.decode import Decoded
from tumorbench.registry import Registry

__all__ = ["audit"]


def audit(decoded: Decoded, registry: Registry) -> dict[str, Any]:
    """Counts of duplicates and patients, and for each split that a run would use what stands on both of its sides."""
    pixels = [where.pixels for where in decoded.slices]
    copies = Counter(pixels)
    labels: dict[str, set[int]] = {}
    for own, sample in zip(pixels, decoded.samples, strict=True):
        labels.setdefault(own, set()).add(sample.label)
    return {
        "dataset": decoded.spec.id,
        "samples": len(pixels),
        "distinct_images": len(copies),
        "samples_with_an_identical_twin": sum(count for count in copies.values() if count > 1),
        "identical_images_with_different_labels": sum(len(each) > 1 for each in labels.values()),
        "independent_groups": len(set(split.clusters(decoded.samples, pixels))),
        "splits": [_row(decoded, pixels, *each) for each in _splits(decoded, registry)],
    }


def _splits(decoded: Decoded, registry: Registry) -> list[tuple[str, Protocol, Any]]:
    """(name, protocol, rule) of every split that fits the data set; each paper rule once."""
    found: list[tuple[str, Protocol, Any]] = [("grouped fold 0", "grouped", None)]
    if decoded.spec.official_split:
        found.append(("official", "official", None))
    return found + [
        (f"paper of {model.id}", "paper", model.paper.splits[decoded.spec.id])
        for model in registry.models.values()
        if decoded.spec.id in model.paper.splits
    ]


def _row(decoded: Decoded, pixels: list[str], name: str, protocol: Protocol, rule: Any) -> dict[str, Any]:
    parts = split.make_split(decoded.samples, decoded.spec.classes, pixels, protocol, 0, rule)
    leakage = split.measure_leakage(parts, decoded.samples, pixels).model_dump()
    groups = (
        leakage
        if decoded.spec.patients_known
        else leakage | {"groups_on_both_sides": "patients unknown", "test_samples_of_shared_groups": "patients unknown"}
    )
    return {"split": name, "train": len(parts.train), "val": len(parts.val), **groups}
