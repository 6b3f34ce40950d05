"""The splits of a store: by sample ids as a run writes them, or by the lines of one list of samples, as published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from tumorbench.contracts.cell import CellIdentity, canonical_json
from tumorbench.contracts.files.regular import is_sha256
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.data.split import PARTS
from tumorbench.errors import BadInput
from tumorbench.store import PREDICTIONS, Store, read_json
from tumorbench.tables.stored import facts_file, facts_sha256

__all__ = ["drop_unused", "split_ids", "write_split"]

Ids = dict[str, list[str]]
"""Part of the split -> sample ids."""


def split_ids(store: Store, identity: CellIdentity) -> Ids | None:
    """The sample ids of each part of the identity's split, as the store has it; None where it has none."""
    return next((ids for _, ids in _splits(store, identity)), None)


def write_split(store: Store, identity: CellIdentity, ids: Ids) -> None:
    """The store has the identity's split, by the lines of a list of samples that its other splits may share."""
    folder = store.split_path(identity.dataset, "").parent
    folder.mkdir(parents=True, exist_ok=True)
    sha256, samples = _list_with(folder, set(chain.from_iterable(ids.values())))
    line = {sample: number for number, sample in enumerate(samples)}
    content = {"fingerprint": identity.split_fingerprint, "samples": sha256}
    rows = {part: [line[each] for each in ids[part]] for part in PARTS}
    name = f"{_protocol(identity)}-fold{identity.fold}-{identity.split_fingerprint[:12]}"
    _write(store.split_path(identity.dataset, name), content | rows)


def drop_unused(store: Store) -> None:
    """The store has no split, list of samples or file of facts that no record of it needs; all where one is damaged."""
    records = list(store.records())
    if store.damaged:
        return
    needed = set()
    for path, record in records:
        needed |= {place for place, _ in _splits(store, record.identity)}
        needed |= set(_facts_of(path.parent / PREDICTIONS))
    needed |= {place for each in list(needed) if each.suffix == ".json" and (place := _samples_of(each))}
    for place in store.root.glob("splits/*/*"):
        if place.absolute() not in {each.absolute() for each in needed}:
            place.unlink()


def _facts_of(table: Path) -> Iterator[Path]:
    try:
        sha256 = facts_sha256(table) if table.is_file() else None
    except BadInput:
        return
    if sha256:
        yield facts_file(table, sha256)


def _protocol(identity: CellIdentity) -> str:
    return TSTR_SPLITS.get(identity.protocol, identity.protocol)


def _splits(store: Store, identity: CellIdentity) -> Iterator[tuple[Path, Ids]]:
    """The files that hold the split of the identity's fingerprint, by the ids in them."""
    found = store.split_path(identity.dataset, "").parent.glob(f"{_protocol(identity)}-fold{identity.fold}-*.json")
    for path in sorted(found):
        fingerprint, ids = _content(path, _state(path), _state(_samples_of(path)))
        if fingerprint == identity.split_fingerprint:
            yield path, ids


def _state(path: Path | None) -> tuple[int, int]:
    """By which a file that is written anew is told."""
    try:
        status = path.stat() if path else None
    except OSError:
        status = None
    return (status.st_mtime_ns, status.st_size) if status else (0, 0)


def _samples_of(path: Path) -> Path | None:
    """The list of samples that a split names; None for one by ids."""
    sha256 = _json(path, _state(path)).get("samples")
    return path.with_name(_list_name(sha256)) if is_sha256(sha256) else None


def _list_name(sha256: str) -> str:
    return f"samples-{sha256[:12]}.json"


@lru_cache(maxsize=256)
def _json(path: Path, _as_of: tuple[int, int]) -> dict[str, Any]:
    """The JSON object in the file; an empty one where it holds none."""
    try:
        return read_json(path)
    except BadInput:
        return {}


@lru_cache(maxsize=256)
def _content(path: Path, as_of: tuple[int, int], _samples_as_of: tuple[int, int]) -> tuple[str, Ids]:
    """(as ``Split.fingerprint``, the ids) of a stored split; ("", {}) of a file that holds none."""
    stored = _json(path, as_of)
    parts: dict[str, Any] = {part: stored.get(part) for part in PARTS}
    if "samples" in stored:
        samples = _samples_of(path)
        names = _samples(samples)[1] if samples else []
        if not all(isinstance(rows, list) and _are_lines(rows, names) for rows in parts.values()):
            return "", {}
        parts = {part: [names[row] for row in rows] for part, rows in parts.items()}
    fingerprint = hashlib.sha256(canonical_json(parts)).hexdigest()
    return fingerprint, {part: list(map(str, ids or ())) for part, ids in parts.items()}


def _are_lines(rows: Sequence[object], names: Sequence[str]) -> bool:
    return all(type(row) is int and 0 <= row < len(names) for row in rows)


def _samples(path: Path) -> tuple[str, list[str]]:
    """(SHA-256 of what the list says, its ids); ("", []) of a file that is no list."""
    ids = _json(path, _state(path)).get("ids")
    if not (isinstance(ids, list) and all(isinstance(each, str) for each in ids)):
        return "", []
    return hashlib.sha256(canonical_json(ids)).hexdigest(), ids


def _list_with(folder: Path, wanted: set[str]) -> tuple[str, list[str]]:
    """(SHA-256, ids) of a list of samples in the folder that has all these; written where there is none."""
    for path in sorted(folder.glob(_list_name("*"))):
        sha256, ids = _samples(path)
        if wanted <= set(ids) and path.name == _list_name(sha256):
            return sha256, ids
    ids = sorted(wanted)
    sha256 = hashlib.sha256(canonical_json(ids)).hexdigest()
    _write(folder / _list_name(sha256), {"ids": ids})
    return sha256, ids


def _write(path: Path, content: dict[str, Any]) -> None:
    with written_whole(path, "w") as file:
        file.write(json.dumps(content, separators=(",", ":"), ensure_ascii=False) + "\n")
