"""Which slices of a data set belong together, so that no split may tear them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.dataset import Sample
from tumorbench.contracts.files.whole import written_whole
from tumorbench.data.decode import Decoded
from tumorbench.data.near import NEAR_IDENTICAL, SIMILAR, Matches, matches, thumbnails

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Kinship", "joined", "kinship", "near_copies", "similar", "similar_between", "thumbnails_of"]

MANY = 1000  # slices, for which other processes pay
VERSION = 4  # raised when the same pixels would give other thumbnails or other pairs


@dataclass(frozen=True)
class Kinship:
    """What is known of how the slices of a data set belong together; one entry a sample, in the samples' order.

    pixels: SHA-256 of the decoded slice, equal for identical ones. patients: whose it is, as the set says or as
    matching with another set has told; "" where that is not known. near: int64 ``(k, 2)``, pairs of near-copies.
    clusters: the name of what must not straddle a split: slices of one patient or group, identical ones and
    near-copies, joined.
    """

    pixels: tuple[str, ...]
    patients: tuple[str, ...]
    near: NDArray[np.int64]
    clusters: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the clusters."""
        return hashlib.sha256(canonical_json(self.clusters)).hexdigest()

    @classmethod
    def of(cls, samples: Sequence[Sample], pixels: Sequence[str], near: NDArray[np.int64] | None = None) -> Kinship:
        """The kinship of samples whose identical slices have equal ``pixels`` and whose near-copies are ``near``."""
        pairs = np.zeros((0, 2), np.int64) if near is None else near
        patients = tuple(map(_patient, samples))
        names = [
            f"patient:{patient}" if patient else f"sample:{sample.id}"
            for sample, patient in zip(samples, patients, strict=True)
        ]
        # a cluster is called by its least name, which is a sample's or a patient's
        links = [(name, f"~pixels:{own}") for name, own in zip(names, pixels, strict=True)]
        links += [(names[one], names[other]) for one, other in pairs.tolist()]
        return cls(tuple(pixels), patients, pairs, tuple(joined(names, links)))


def kinship(decoded: Decoded) -> Kinship:
    """The kinship of a decoded data set. Slices of synthetic patients, who share one anatomy, are not compared."""
    near = None if decoded.spec.synthetic else near_copies(similar(decoded), decoded.samples, decoded.samples)
    return Kinship.of(decoded.samples, [where.pixels for where in decoded.slices], near)


def near_copies(found: Matches, first: Sequence[Sample], second: Sequence[Sample]) -> NDArray[np.int64]:
    """Those of the pairs that are near-copies, int64 ``(k, 2)``: a correlation above .97, of two known patients above .99.

    On Figshare, where every patient is known, 14 of the 776 pairs above .97 are of two patients, and none above .99:
    what is so alike is one patient's, mostly the same slice or the next one.

    found: pairs of samples of ``first`` and of ``second`` (one set twice, where they are within it).
    """
    one, other = (
        np.array([_patient(side[index]) for index in found.pairs[:, column].tolist()], np.str_)
        for column, side in enumerate((first, second))
    )
    strangers = (one != "") & (other != "") & (one != other)
    needed = np.where(strangers, NEAR_IDENTICAL, SIMILAR)
    return found.pairs[found.correlations > needed]


def _patient(sample: Sample) -> str:
    return sample.group or sample.patient or sample.recovered or ""


def similar(decoded: Decoded) -> Matches:
    """Pairs of slices of a greater correlation than .97, computed once and kept beside the decoded slices."""
    path = decoded.cache / f"similar-v{VERSION}.npz"
    return _kept(path, lambda: matches(thumbnails_of(decoded), threshold=SIMILAR))


def similar_between(first: Decoded, second: Decoded) -> Matches:
    """As ``similar``, pairs of a slice of the first and one of the second data set; kept once for both orders."""
    if first.spec.id > second.spec.id:
        pairs, correlations = similar_between(second, first)
        order = np.lexsort((pairs[:, 0], pairs[:, 1]))
        return Matches(pairs[order, ::-1], correlations[order])
    path = first.cache / f"similar-v{VERSION}-{second.spec.id}-{second.fingerprint[:16]}.npz"
    return _kept(path, lambda: matches(thumbnails_of(first), thumbnails_of(second), SIMILAR))


def _kept(path: Path, find: Callable[[], Matches]) -> Matches:
    if not path.exists():
        found = find()
        with written_whole(path) as partial:
            np.savez(partial, **found._asdict())
    with np.load(path) as kept:
        return Matches(kept["pairs"], kept["correlations"])


def thumbnails_of(decoded: Decoded) -> NDArray[np.uint8]:
    """The thumbnails of every slice, uint8 ``(3, n, 32, 32)``, computed once and kept beside the decoded slices."""
    path = decoded.cache / f"thumbnails-v{VERSION}.npy"
    if not path.exists():
        from joblib import cpu_count

        n = len(decoded.slices)
        found = thumbnails((decoded.image(index) for index in range(n)), cpu_count() if n >= MANY else 1)
        with written_whole(path) as partial:
            np.save(partial, found)
    kept: NDArray[np.uint8] = np.load(path)
    return kept


def joined(names: Sequence[str], links: Iterable[tuple[str, str]]) -> list[str]:
    """For each name that of its cluster: names that a chain of links joins have one, the least of them."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in links:
        first, second = root(one), root(other)
        parent[max(first, second)] = min(first, second)
    return [root(name) for name in names]
