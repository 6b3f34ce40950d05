"""What was asked of this run of pytest: the models, and where the hooks and the checks keep what they share."""

from __future__ import annotations

import pytest

from tumorbench.errors import BadInput
from tumorbench.testing.bench_baseline import Baseline

__all__ = ["BASELINE", "NOTES", "name_and_pixels"]

BASELINE = pytest.StashKey[Baseline]()
NOTES = pytest.StashKey[list[str]]()
"""Lines of the summary."""
PIXELS = 64


def name_and_pixels(asked: str) -> tuple[str, int]:
    """``MODEL[@PIXELS]`` -> the model's name, pixels a side. Raises: BadInput."""
    name, at, pixels = asked.rpartition("@")
    if not at:
        return asked, PIXELS
    if not pixels.isascii() or not pixels.isdigit() or not 1 <= int(pixels) <= 4096:  # noqa: PLR2004 - images are no larger
        raise BadInput(f"--tumorbench-bench {asked}: {pixels!r} is no number of pixels a side; write MODEL@128")
    return name, int(pixels)
