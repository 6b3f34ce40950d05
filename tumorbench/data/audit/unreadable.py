"""Which pictures of a data set cannot be read."""

from __future__ import annotations

from pathlib import Path

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.data.reading import list_samples, open_dataset, read_slice
from tumorbench.errors import TumorbenchError

__all__ = ["unreadable"]


def unreadable(spec: DatasetSpec, root: Path) -> dict[str, str]:
    """Sample id -> why its picture or mask cannot be read; {} where every one can be.

    Raises: Unavailable where the data set is not there; BadInput where it cannot be listed.
    """
    reader, found = open_dataset(spec, root), {}
    for sample in list_samples(spec, reader):
        try:
            read_slice(spec, reader, sample)
        except TumorbenchError as error:
            found[sample.id] = str(error)
    return found
