"""Which slices are near-copies of one another: the same picture rescaled, compressed again, brighter, cropped, flipped or turned.

A slice becomes three thumbnails of 32 x 32 grey levels: of the whole, and of the crops to its brain as found at 256
pixels a side and at its own size (the two differ where the brain is dark). Two slices are as alike as the greatest
normalised correlation (Pearson's) of a thumbnail of one and a thumbnail of the other, over the eight flips and quarter
turns. Scale and compression leave thumbnails as they are, brightness and contrast leave correlations as they are, and a
picture that was cropped is as a whole what its original is as a crop.

The sums behind a correlation are of whole numbers and exact, so every machine finds the same pairs. What may be alike
is found first, by products of matrices and with a margin that holds their rounding. These products are of parts of the
thumbnails that flips and turns leave as they are, up to the sign (``_parts``), so that all eight orientations are
bounded at once: no pair is missed. For more slices than ``BRUTE_FORCE`` an index of faiss finds them, which may miss a
pair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tumorbench.data.crop import brain_box
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NEAR_IDENTICAL", "SIMILAR", "Matches", "correlation", "matches", "thumbnails"]

SIDE = 32  # pixels of a thumbnail's side
PIXELS = SIDE * SIDE
BOX_SIDE = 256  # pixels a side at which the brain is found, whatever a copy's size
NEAR_IDENTICAL = 0.99  # a greater correlation: a near-copy
SIMILAR = 0.97  # a greater correlation: looked at in an audit
BRUTE_FORCE = 40_000  # slices; of more, every pair is too many
MARGIN = 1e-3  # far above the rounding of a product of matrices in float32
BLOCK = 128  # slices that are compared with all others at once: what is computed of them stays in a CPU's cache
KINDS = ((0, 0), (1, 1), (0, 1), (1, 0), (0, 2), (2, 0))  # of thumbnails that are compared
ORIENTATIONS = tuple((turns, flipped) for flipped in (False, True) for turns in range(4))


class Matches(NamedTuple):
    """Pairs of slices that are alike.

    pairs: int64 ``(k, 2)``, in rising order; within one set the first number is the smaller. correlations: float64
    ``(k,)``, the greatest over kinds and orientations.
    """

    pairs: NDArray[np.int64]
    correlations: NDArray[np.float64]

    def above(self, threshold: float) -> Matches:
        """Those of a greater correlation."""
        chosen = self.correlations > threshold
        return Matches(self.pairs[chosen], self.correlations[chosen])


def thumbnails(images: Iterable[NDArray[np.uint8]], processes: int = 1) -> NDArray[np.uint8]:
    """uint8 ``(3, n, 32, 32)`` of slices, uint8 ``(height, width)``: as a whole, and cropped to the brain in two ways."""
    from joblib import Parallel, delayed

    found = Parallel(processes, batch_size=BLOCK)(delayed(_three)(np.asarray(image)) for image in images)
    return np.array(found, np.uint8).reshape(-1, 3, SIDE, SIDE).swapaxes(0, 1)


def _three(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    middle = _sized(image, BOX_SIDE)
    return _sized(image, SIDE), _sized(middle[brain_box(middle)], SIDE), _sized(image[brain_box(image)], SIDE)


def _sized(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR), np.uint8)


def matches(
    first: NDArray[np.uint8], second: NDArray[np.uint8] | None = None, threshold: float = NEAR_IDENTICAL
) -> Matches:
    """The pairs of a greater correlation than ``threshold``: of one set's thumbnails, or of a first and a second set's.

    Raises: BadInput for more slices than brute force can do where faiss is not installed.
    """
    other = first if second is None else second
    search = _by_bound if max(first.shape[1], other.shape[1]) <= BRUTE_FORCE else _by_index
    best: dict[tuple[int, int], float] = {}
    for one, two in KINDS:
        if second is None and one > two:  # the same pairs as the kinds the other way round
            continue
        for rows, columns in search(first[one], other[two], threshold - MARGIN, once=second is None and one == two):
            if second is None:
                kept = rows < columns if one == two else rows != columns
                rows, columns = rows[kept], columns[kept]  # noqa: PLW2901 - a pair within one set once
            found = _greatest_correlation(first[one][rows], other[two][columns])
            for row, column, value in zip(rows.tolist(), columns.tolist(), found.tolist(), strict=True):
                pair = (min(row, column), max(row, column)) if second is None else (row, column)
                if value > best.get(pair, threshold):
                    best[pair] = value
    pairs = sorted(best)
    return Matches(np.array(pairs, np.int64).reshape(-1, 2), np.array([best[pair] for pair in pairs], np.float64))


def correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Pearson's correlation of each thumbnail with the one at its place, uint8 ``(n, 32, 32)`` both; 0 where one is flat."""
    return _correlation(_Sums.of(first), _Sums.of(second), first)


class _Sums(NamedTuple):
    """Of thumbnails: int32 ``(n, 1024)``, their sums, and the roots of their spreads; all sums are of whole numbers."""

    levels: NDArray[np.int32]
    totals: NDArray[np.int64]
    roots: NDArray[np.float64]

    @classmethod
    def of(cls, small: NDArray[np.uint8]) -> _Sums:
        levels = small.reshape(len(small), PIXELS).astype(np.int32)
        totals = levels.sum(1, dtype=np.int64)
        spreads = PIXELS * np.einsum("ij,ij->i", levels, levels).astype(np.int64) - totals**2
        return cls(levels, totals, np.sqrt(spreads.astype(np.float64)))


def _correlation(first: _Sums, second: _Sums, oriented: NDArray[np.uint8]) -> NDArray[np.float64]:
    """As ``correlation``, of the first's thumbnails in an orientation, in which their sums are the same."""
    levels = oriented.reshape(len(oriented), PIXELS).astype(np.int32)
    products = np.einsum("ij,ij->i", levels, second.levels).astype(np.int64)  # at most 2**26: int32 holds it
    shared = (PIXELS * products - first.totals * second.totals).astype(np.float64)
    both = first.roots * second.roots
    found: NDArray[np.float64] = np.divide(shared, both, out=np.zeros(len(levels)), where=both > 0)
    return found


def _greatest_correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The greatest correlation of each thumbnail with the one at its place, over the orientations; float64 ``(n,)``."""
    found = np.full(len(first), -1.0)
    for start in range(0, len(first), BLOCK):
        part = slice(start, start + BLOCK)
        own, other = _Sums.of(first[part]), _Sums.of(second[part])
        for turns, flipped in ORIENTATIONS:
            oriented = _oriented(first[part], turns, flipped)
            np.maximum(found[part], _correlation(own, other, oriented), out=found[part])
    return found


def _oriented(small: NDArray[np.generic], turns: int, flipped: bool) -> NDArray[Any]:
    turned = np.rot90(small, turns, axes=(1, 2))
    return np.ascontiguousarray(turned[:, :, ::-1] if flipped else turned)


def _normalised(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Thumbnails of mean 0 and length 1, ``(n, 32, 32)``: the product of two is their correlation. A flat one is all 0."""
    rows = small.astype(np.float32)
    rows -= rows.mean((1, 2), keepdims=True)
    lengths = np.sqrt((rows * rows).sum((1, 2), keepdims=True))
    found: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return found


def _parts(small: NDArray[np.uint8]) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
    """(four parts ``(n, 256)`` of each thumbnail, the length ``(n,)`` of the rest): what turns and flips do to it is known.

    A quarter turn multiplies a part by 1 or -1, and so does a flip; the four parts are the four ways to choose the
    signs (the one-dimensional representations of the square's group). They are at right angles to each other and to the
    rest, so the correlation of two thumbnails in any orientation is at most the sum of the absolute products of their
    parts and the product of the lengths of the rests.
    """
    rows = _normalised(small)
    half = SIDE // 2
    turned = [np.rot90(rows, turns, axes=(1, 2)) for turns in range(4)]
    parts = []
    for turn, flip in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        part = sum(turn**turns * (each + flip * each[:, :, ::-1]) for turns, each in enumerate(turned))
        quadrant = np.asarray(part)[:, :half, :half] / 4  # a quarter of it is all of it: /8 for the mean, x2 for length
        parts.append(np.ascontiguousarray(quadrant.reshape(len(rows), -1), np.float32))
    rest = (rows * rows).sum((1, 2)) - sum((part * part).sum(1) for part in parts)
    return parts, np.sqrt(np.maximum(rest, 0)).astype(np.float32)


Candidates = Iterator[tuple["NDArray[np.int64]", "NDArray[np.int64]"]]


def _by_bound(first: NDArray[np.uint8], second: NDArray[np.uint8], threshold: float, *, once: bool) -> Candidates:
    """Every pair that may be above the threshold in some orientation, as positions in both.

    once: of both orders of a pair one is enough.
    """
    (parts, rest), (other_parts, other_rest) = _parts(first), _parts(second)
    for start in range(0, len(first), BLOCK):
        block, skipped = slice(start, start + BLOCK), start if once else 0
        bound = np.outer(rest[block], other_rest[skipped:])
        product = np.empty_like(bound)
        for part, other in zip(parts, other_parts, strict=True):
            np.matmul(part[block], other[skipped:].T, out=product)
            bound += np.abs(product, out=product)
        rows, columns = np.nonzero(bound > threshold)
        yield rows + start, columns + skipped


def _by_index(first: NDArray[np.uint8], second: NDArray[np.uint8], threshold: float, *, once: bool) -> Candidates:  # noqa: ARG001
    """As ``_by_bound``, of an inverted index with sixteen probes of some four times the root of n lists."""
    try:
        import faiss
    except ImportError as error:
        raise BadInput(
            f"{max(len(first), len(second)):,} slices are too many to compare each with each; pip install faiss-cpu"
        ) from error
    others = _normalised(second).reshape(len(second), -1)
    lists = min(len(others), round(4 * len(others) ** 0.5))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(others.shape[1]), others.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.max_points_per_centroid = index.cp.min_points_per_centroid = 39  # what faiss asks for, as fixed sizes
    index.train(others)
    index.add(others)
    index.nprobe = 16
    for turns, flipped in ORIENTATIONS:
        rows = _normalised(_oriented(first, turns, flipped)).reshape(len(first), -1)
        ends, _, columns = index.range_search(rows, threshold)
        found = ends.astype(np.int64)
        yield np.repeat(np.arange(len(rows)), found[1:] - found[:-1]), columns
