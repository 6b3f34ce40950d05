"""The identity of a cell: what was asked for. One function makes its key, for the planner and for the reader."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from tumorbench.contracts.budget import Budget
from tumorbench.contracts.card import Card
from tumorbench.contracts.problem import Protocol, Task
from tumorbench.contracts.recipe import Recipe

__all__ = [
    "KEY_VERSION",
    "OWN",
    "CellIdentity",
    "Judge",
    "Origin",
    "OtherSet",
    "canonical_json",
    "cell_key",
    "derive_seed",
]

KEY_VERSION = 3  # raised when the meaning of a field or one of the recipe's defaults changes
OWN = "own/"  # begins the id of a model that is a torch module of the process that ran it

Origin = Literal["trained", "evaluated"]
"""Who made the predictions: a model that the harness trained, or one trained elsewhere (``tumorbench.evaluate``)."""


class Judge(Card):
    """The classifier that learns from a generator's images under the protocols ``tstr`` and ``tstr-paper``."""

    model: str
    model_version: str
    recipe: Recipe  # as the budget runs it
    procedure: int = 1  # ``JUDGE_PROCEDURE`` when it was planned; 1 is what records of before it existed mean


class OtherSet(Card):
    """A data set that decides a cell's training part beside the one that it is tested on."""

    dataset: str
    fingerprint: str


class CellIdentity(Card):
    """Everything that was asked for and decides a cell's result. Never hardware, never the installed metrics."""

    dataset: str
    dataset_fingerprint: str
    protocol: Protocol
    split_fingerprint: str
    fold: int
    task: Task
    model: str
    model_version: str
    recipe: Recipe  # as the budget runs it, precision as it is declared
    seed: int
    budget: Budget
    starts_from: str | None = (
        None  # key of the cell whose weights it starts from, where the recipe names a model's cell
    )
    judge: Judge | None = None  # under the protocols that train a classifier on generated images
    trained_on: OtherSet | None = None  # under ``external``
    leaves_out: OtherSet | None = None  # what matches the test part of its ``grouped`` fold is in no part of the split
    origin: Origin = "trained"  # evaluated: its recipe says nothing, and its cell is never taken for a trained one
    key_version: int = KEY_VERSION


def canonical_json(content: Any) -> bytes:
    """``content`` as JSON with sorted keys and no spaces: equal content, equal bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def cell_key(identity: CellIdentity) -> str:
    """The cell's key: SHA-256 of the identity's canonical JSON, 64 hexadecimal digits.

    What is at its default is left out, so that a new field of the identity or of the recipe does not make every
    finished cell another one.
    """
    content = {**identity.model_dump(mode="json", exclude_defaults=True), "key_version": identity.key_version}
    return hashlib.sha256(canonical_json(content)).hexdigest()


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 63-bit seed for one purpose ("init", "order", epoch number...), independent of every other purpose's."""
    digest = hashlib.sha256(canonical_json([seed, *purpose])).digest()
    return int.from_bytes(digest[:8], "big") >> 1
