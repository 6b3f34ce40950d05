"""Pictures that decode and yet cannot be slices: nothing in them, or nothing left of what was in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FLAWS", "flaw", "flaws"]

FLAWS = ("empty", "constant", "saturated")
NARROW = 16  # grey levels: of the public sets' pictures the flattest spans 127
WHITE_SHARE = 0.5  # of a picture may be 255: 46 % is the most in the public sets, a scan on white paper
TWO_LEVEL_SHARE = 0.95  # of a picture may be 0 or 255: 75 % is the most in the public sets


def flaw(image: NDArray[np.uint8]) -> tuple[str, str] | None:
    """(one of ``FLAWS``, what it is in words) of a picture, uint8 ``(height, width)``; None for one that may be a slice.

    empty: every pixel is 0. constant: all pixels lie within 16 grey levels. saturated: more than half of the pixels are 255,
    or at least 95 % are 0 or 255, as in a mask, or where a wider range was clipped. A dark background is no flaw.
    """
    lowest, highest = int(image.min()), int(image.max())
    if highest == 0:
        return "empty", "every pixel is 0"
    if highest - lowest < NARROW:
        value = f"is {lowest}" if lowest == highest else f"lies between {lowest} and {highest}"
        return "constant", f"every pixel {value}"
    white = np.count_nonzero(image == 255) / image.size  # noqa: PLR2004 - the brightest
    if white > WHITE_SHARE:
        return "saturated", f"{white:.0%} of its pixels are 255"
    two_level = white + np.count_nonzero(image == 0) / image.size
    if two_level >= TWO_LEVEL_SHARE:
        return "saturated", f"{two_level:.0%} of its pixels are 0 or 255"
    return None


def flaws(images: Iterable[tuple[str, NDArray[Any]]]) -> dict[str, list[str]]:
    """Each of ``FLAWS`` -> the names of the pictures that have it."""
    found: dict[str, list[str]] = {kind: [] for kind in FLAWS}
    for name, image in images:
        if has := flaw(image):
            found[has[0]].append(name)
    return found
