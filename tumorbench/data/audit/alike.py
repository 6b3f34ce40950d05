"""Pairs of pictures that are alike, within one data set or between two, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import Kinship, similar, similar_between
from tumorbench.data.near import NEAR_IDENTICAL, Matches

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Alike", "between", "within"]


@dataclass(frozen=True)
class Alike:
    """Pairs of pictures of two data sets, or of one (``first`` is ``second``).

    pairs: int64 ``(k, 2)``, positions in the first and in the second. correlations: float64 ``(k,)``, all above .97.
    identical: bool ``(k,)``, whether the two have the same pixels.
    """

    first: Decoded
    second: Decoded
    pairs: NDArray[np.int64]
    correlations: NDArray[np.float64]
    identical: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pairs)

    def where(self, chosen: NDArray[Any]) -> Alike:
        """The chosen pairs: a mask, or their positions."""
        return replace(
            self,
            pairs=self.pairs[chosen],
            correlations=self.correlations[chosen],
            identical=self.identical[chosen],
        )

    @property
    def near(self) -> Alike:
        """Those that are near-identical or identical."""
        return self.where(self.identical | (self.correlations > NEAR_IDENTICAL))

    def images(self, side: int) -> int:
        """How many pictures of the first (0) or second (1) set have such a twin; within one set, of the set."""
        own = self.pairs if self.first is self.second else self.pairs[:, side]
        return len(np.unique(own))

    @property
    def same_classes(self) -> NDArray[np.bool_]:
        """Which class of the first set means which of the second: of one name, or equivalents by a card; bool, by labels."""
        first, second = self.first.spec, self.second.spec

        def same(one: str, other: str) -> bool:
            return one == other or other in first.equivalents.get(one, ()) or one in second.equivalents.get(other, ())

        return np.array([[same(one, other) for other in second.classes] for one in first.classes])

    @property
    def comparable(self) -> bool:
        """Whether the labels of the two sets speak of the same: they have a class in common."""
        return bool(self.same_classes.any())

    @property
    def conflicts(self) -> Alike:
        """Those whose two pictures are labelled differently; none where the labels do not compare."""
        first, second = (np.array([sample.label for sample in side.samples]) for side in (self.first, self.second))
        same = self.same_classes[first[self.pairs[:, 0]], second[self.pairs[:, 1]]]
        return self.where(self.comparable & ~same)

    def of_other_patients(self, kin: Kinship) -> tuple[Alike, Alike]:
        """(pairs of which both patients are known, those of them that are of different patients), of one set."""
        patients = np.array(kin.patients, object)[self.pairs]
        known = self.where((patients != "").all(1))
        return known, self.where((patients != "").all(1) & (patients[:, 0] != patients[:, 1]))

    def _names(self) -> NDArray[np.object_]:
        """The names of the two classes of each pair, ``(k, 2)``."""
        columns = [
            np.array([side.spec.classes[sample.label] for sample in side.samples], object)[self.pairs[:, column]]
            for column, side in enumerate((self.first, self.second))
        ]
        return np.stack(columns, 1)

    def rows(self) -> list[dict[str, Any]]:
        """Each pair as JSON has it: the two samples, their classes, the correlation, and whether they are identical."""
        sides = (self.first.samples, self.second.samples)
        found = zip(self.pairs.tolist(), self._names().tolist(), self.correlations, self.identical, strict=True)
        return [
            {
                "samples": [samples[index].id for samples, index in zip(sides, pair, strict=True)],
                "classes": classes,
                "correlation": round(float(correlation), 4),
                "identical": bool(identical),
            }
            for pair, classes, correlation, identical in found
        ]


def within(decoded: Decoded) -> Alike:
    """The pairs of one data set; of a synthetic one, whose patients share one anatomy, only the identical."""
    empty = Matches(np.zeros((0, 2), np.int64), np.zeros(0))
    return _alike(decoded, decoded, empty if decoded.spec.synthetic else similar(decoded))


def between(first: Decoded, second: Decoded) -> Alike:
    """The pairs of a picture of the first and one of the second data set."""
    return _alike(first, second, similar_between(first, second))


def _alike(first: Decoded, second: Decoded, found: Matches) -> Alike:
    """The pairs found, with those identical ones that have no correlation, being flat or not compared."""
    codes: dict[str, int] = {}
    own, other = (
        np.array([codes.setdefault(where.pixels, len(codes)) for where in each.slices], np.int64)
        for each in (first, second)
    )
    known = set(map(tuple, found.pairs.tolist()))
    missing = [pair for pair in _identical_pairs(own, other, first is second) if pair not in known]
    pairs = np.concatenate([found.pairs, np.array(missing, np.int64).reshape(-1, 2)])
    correlations = np.concatenate([found.correlations, np.ones(len(missing))])
    return Alike(first, second, pairs, correlations, own[pairs[:, 0]] == other[pairs[:, 1]])


def _identical_pairs(own: NDArray[np.int64], other: NDArray[np.int64], same: bool) -> list[tuple[int, int]]:
    """The pairs of positions with equal codes; within one set the smaller position comes first."""
    places: dict[int, list[int]] = {}
    for position, code in enumerate(other.tolist()):
        places.setdefault(code, []).append(position)
    return [
        (position, place)
        for position, code in enumerate(own.tolist())
        for place in places.get(code, ())
        if not same or position < place
    ]
