"""What the weights that a cell starts from have seen of its test part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.contracts.cell import CellIdentity
from tumorbench.data.external import Joined
from tumorbench.data.split import Split, leaked
from tumorbench.errors import TumorbenchError
from tumorbench.run.context import Context
from tumorbench.tasks.cell import Cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pretraining_seen"]


def pretraining_seen(cell: Cell, context: Context) -> int | None:
    """Of how many test slices the cell that it starts from, and those before it, saw the same, a near-copy or the patient.

    None where it starts from no cell, or where what that cell has seen is not here.
    """
    seen, key = np.zeros(len(cell.split.test), bool), cell.identity.starts_from
    if key is None:
        return None
    while key is not None:
        found = context.store.by_key(key)
        if found is None:
            return None
        identity = found[1].identity
        try:
            seen |= _seen(cell, identity, context)
        except TumorbenchError:  # another version of the model or of the data
            return None
        key = identity.starts_from
    return int(seen.sum())


def _seen(cell: Cell, origin: CellIdentity, context: Context) -> NDArray[np.bool_]:
    """Of each test slice whether training or validation of the other cell has seen it."""
    other = context.cell(origin)
    if other.dataset.fingerprint == cell.dataset.fingerprint:
        split = replace(cell.split, train=other.split.train, val=other.split.val)
    else:
        tested = cell.dataset.tested if isinstance(cell.dataset, Joined) else cell.dataset
        n, both = len(tested.samples), context.across(tested, other.dataset)
        split = Split(cell.split.protocol, 0, n + other.split.train, n + other.split.val, cell.split.test, both)
    return np.array([bool(way) for way in leaked(split)])
