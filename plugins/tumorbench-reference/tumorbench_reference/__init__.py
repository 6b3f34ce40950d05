"""The reference: a classifier and a segmenter on EfficientNet-Lite. Importing this module imports no torch."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb
from tumorbench_reference import cards

__all__ = ["tumorbench_models"]


@tb.hookimpl
def tumorbench_models() -> Iterable[tb.ModelSpec]:
    """Both on EfficientNet-Lite0, and the same on Lite1 and Lite2, which run where they are named."""
    return cards.ALL
