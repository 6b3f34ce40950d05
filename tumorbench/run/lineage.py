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
    """Of how many test slices the weights that it starts from have seen the same, a near-copy or the patient.

    They are of another cell, and of those before it, or of a card that names the data sets that they were trained on.
    None where there are none, or where what the other cell has seen is not here.
    """
    seen, key = np.zeros(len(cell.split.test), bool), cell.identity.starts_from
    if key is None:
        return _seen_by_weights(cell, context)
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


def _seen_by_weights(cell: Cell, context: Context) -> int | None:
    """Of how many test slices weights of a card have seen something; all of them, where their data set is not here."""
    name = cell.identity.recipe.pretrained
    card = context.registry.pretrained(name) if name else None
    if card is None or not card.trained_on:
        return None
    tested = cell.dataset.tested if isinstance(cell.dataset, Joined) else cell.dataset
    seen = np.zeros(len(tested.samples), bool)
    for dataset in card.trained_on:
        try:
            other = context.decode(context.registry.dataset(dataset))
        except TumorbenchError:
            return len(cell.split.test)
        if dataset == tested.spec.id:
            return len(cell.split.test)
        n, both = len(tested.samples), context.across(tested, other)
        seen |= np.isin(both.clusters[:n], both.clusters[n:])
    return int(seen[cell.split.test].sum())


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
