"""Where a call from Python works: what is installed, the data, the store. As the command line, without options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from tumorbench import hardware, registry
from tumorbench.data import locations
from tumorbench.errors import BadInput
from tumorbench.run.context import Context
from tumorbench.store import Store

if TYPE_CHECKING:
    from tumorbench.contracts.cards import DatasetSpec

__all__ = ["MOST_SEED", "Folder", "check_fold", "context_at", "listed", "one_of"]

MOST_SEED = 2**31 - 1
Folder = str | os.PathLike[str]


def context_at(
    store: Folder | None, data_root: Folder | None, device: str = "cpu", found: registry.Registry | None = None
) -> Context:
    """The context of one call.

    store: None where nothing is kept. data_root: None: ``TUMORBENCH_DATA``, else the user's cache.

    Raises: BadInput for a folder that cannot be used, or a device that is not here.
    """
    root = data_root or os.environ.get("TUMORBENCH_DATA") or None
    opened = Store(locations.cache_root() / "python") if store is None else Store(Path(store)).open()
    return Context(
        found or registry.find(),
        opened,
        locations.data_root(None if root is None else Path(root)),
        hardware.choose_device(device),
    )


def listed(given: Any) -> list[Any]:
    """``given`` as a list: one thing, or several."""
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]


def one_of(kind: str, given: str, words: Any) -> Any:
    """``given``, which is a word of the literal type ``words``. Raises: BadInput."""
    if given not in get_args(words):
        raise BadInput(f"{kind} {given!r} is unknown; give one of {', '.join(get_args(words))}")
    return given


def check_fold(spec: DatasetSpec, protocol: Any, fold: int) -> None:
    """True after the call: the protocol has that fold on the data set. Raises: BadInput."""
    if fold not in range(folds := spec.folds(protocol)):
        raise BadInput(f"fold {fold} is none of {spec.id} under {protocol}; it has 0 to {folds - 1}")
