"""What a table of masks says of outlines and lesions beside its pixel confusions, and what metrics are called with.

The true masks are not in the table, so that what needs both masks whole is measured where they are at hand, slice by
slice, and stored. A table of before these columns gives no such metric; its records lack nothing for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cards import PixelSpacing
from tumorbench.metrics.lesions import lesion_counts
from tumorbench.metrics.surfaces import SurfaceDistances, surface_distances

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CEILING",
    "NEEDED",
    "Outlines",
    "arguments_of",
    "columns_of_outlines",
    "differing",
    "lacking_of",
    "spacing_of",
]

NEAR = 1e-9
CEILING = "ceiling_"  # before a column's name: of a network that is right in every pixel that it sees
NEEDED = {"surfaces": ("surfaces", "spacing_mm"), "lesions": ("lesions",)}
"""What a metric's card ``needs`` -> the columns that it is called with."""


class Outlines(NamedTuple):
    """Of a true and a predicted mask of one slice: how far they are apart.

    Lesions that are true, predicted, matched.
    """

    surfaces: SurfaceDistances
    lesions: tuple[int, int, int]

    @classmethod
    def of(cls, true: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> Outlines:
        """Both masks are uint8 ``(height, width)``; all foreground values are one."""
        return cls(surface_distances(true, predicted), lesion_counts(true, predicted))


def spacing_of(spacing: PixelSpacing | None, shape: tuple[int, ...]) -> float:
    """The side of a pixel in mm of a slice of that ``(height, width)``.

    NaN where the data set's card does not say it.
    """
    known = spacing is not None and shape == (spacing.height, spacing.width)
    return spacing.mm if known and spacing is not None else np.nan


def columns_of_outlines(
    found: Iterable[Outlines], highest: Iterable[Outlines], spacing_mm: Iterable[float]
) -> dict[str, Sequence[object]]:
    """The columns: distances ``surfaces`` in pixels, counts ``lesions``, both once more as ceilings, ``spacing_mm``."""
    columns: dict[str, Sequence[object]] = {}
    for prefix, each in (("", list(found)), (CEILING, list(highest))):
        columns[f"{prefix}surfaces"] = [list(one.surfaces) for one in each]
        columns[f"{prefix}lesions"] = [list(one.lesions) for one in each]
    return columns | {"spacing_mm": list(spacing_mm)}


def lacking_of(table: pd.DataFrame, needs: str) -> str:
    """Why the table does not give a metric that ``needs`` this; "" where it does."""
    if needs not in NEEDED:
        return f"it needs {needs}, which a segmenter does not have"
    missing = [name for name in (*NEEDED[needs], f"{CEILING}{needs}") if name not in table]
    stored = f"its predictions were stored without {', '.join(missing)}, which it needs; run the cell again"
    return stored if missing else ""


def arguments_of(table: pd.DataFrame, needs: str, prefix: str = "") -> tuple[NDArray[Any], ...]:
    """What a metric that ``needs`` this is called with. prefix: ``CEILING`` for its highest value."""
    if needs == "lesions":
        return (np.array(table[f"{prefix}lesions"].tolist(), np.int64).reshape(-1, 3),)
    surfaces = np.array(table[f"{prefix}surfaces"].tolist(), np.float64).reshape(-1, 2)
    return surfaces, table["spacing_mm"].to_numpy(np.float64)


def differing(surfaces: Sequence[float], lesions: Sequence[int], found: Outlines) -> bool:
    """Whether a row of a table says something else of its slice than was measured."""
    stored = np.array([*surfaces, *lesions], np.float64)
    measured = np.array([*found.surfaces, *found.lesions], np.float64)
    return stored.shape != measured.shape or not np.allclose(stored, measured, rtol=0, atol=NEAR, equal_nan=True)
