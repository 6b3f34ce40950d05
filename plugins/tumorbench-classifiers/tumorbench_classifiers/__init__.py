"""The classifiers of the source reports. Importing this module never imports torch."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb
from tumorbench_classifiers import cards

__all__ = ["tumorbench_models"]


@tb.hookimpl
def tumorbench_models() -> Iterable[tb.ModelSpec]:
    """Every card of ``cards``."""
    return cards.ALL
