"""The four public data sets. Importing this module never imports NumPy, h5py or Pillow."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb
from tumorbench_datasets import cards

__all__ = ["tumorbench_datasets"]


@tb.hookimpl
def tumorbench_datasets() -> Iterable[tb.DatasetSpec]:
    """Every card of ``cards``."""
    return cards.ALL
