"""What a data set's card knows of its splits: by it a record is checked without the data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from tumorbench.contracts.card import Card
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.problem import TSTR_SPLITS, Protocol
from tumorbench.contracts.record import Leakage

__all__ = ["KnownCopy", "KnownSplit", "column_digest", "split_name"]


class KnownSplit(Card):
    """One split of one copy of a data set.

    fingerprint: as of the cells' identities. columns: what a table of predictions says of the test slices whatever the
    network says (``label``, ``group``, ...) -> the ``column_digest`` of its values, in the order of the split.
    """

    fingerprint: str
    leakage: Leakage
    columns: dict[str, str]


class KnownCopy(Card):
    """A copy of a data set by its fingerprint, and its splits by ``split_name``."""

    fingerprint: str
    splits: dict[str, KnownSplit]


def split_name(protocol: Protocol, fold: int, model: str) -> str:
    """The name of a cell's split: ``grouped/3``, ``official/0``, and of a source's own split ``paper/MODEL``.

    >>> split_name("tstr", 2, "edm"), split_name("paper", 0, "pose-cnn[dropout=0.4]")
    ('grouped/2', 'paper/pose-cnn')
    """
    own = TSTR_SPLITS.get(protocol, protocol)
    return f"{own}/{model.partition('[')[0] if own == 'paper' else fold}"


def column_digest(values: Iterable[str | int]) -> str:
    """SHA-256 of the values as a list in canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(list(values))).hexdigest()
