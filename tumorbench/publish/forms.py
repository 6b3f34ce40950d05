"""The forms in which a record and its table of predictions are published: small, and with nothing lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.contracts.record import Record
from tumorbench.tables.compact import compacted
from tumorbench.tables.stored import MASK, facts_file, facts_sha256, read_stored
from tumorbench.tasks.predictions import pixels_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["record_text", "stage_table"]

LISTS = (
    "metrics",
    "instruments",
    "history",
    "artifacts",
)  # of a record: an entry a line, without what is at its default


def record_text(record: Record) -> str:
    """The record as JSON, a field a line: it is read as the same record."""
    content = record.model_dump(mode="json")
    short = record.model_dump(mode="json", include=set(LISTS), exclude_defaults=True)
    lines = [
        f"{_json(name)}:{_entries(short.get(name, [])) if name in LISTS else _json(content[name])}" for name in content
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _entries(entries: list[Any]) -> str:
    return "[\n" + ",\n".join(map(_json, entries)) + "\n]" if entries else "[]"


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def stage_table(source: Path, target: Path) -> None:
    """``target``, in a store, is the table of ``source`` in its compact form, beside the facts that it names.

    It is a copy where the table has no such form. Raises: BadInput where the table cannot be read.
    """
    sha256 = facts_sha256(source)
    if sha256:
        _write_both(target, source.read_bytes(), facts_file(source, sha256).read_bytes(), sha256)
        return
    table = read_stored(source)
    found = compacted(table)
    if found is not None:
        _write_both(target, found.table, found.facts, found.facts_sha256)
        if _same(read_stored(target), table):
            return
        facts_file(target, found.facts_sha256).unlink()
    target.write_bytes(source.read_bytes())


def _write_both(target: Path, table: bytes, facts: bytes, sha256: str) -> None:
    place = facts_file(target, sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(facts)
    target.write_bytes(table)


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether the two tables say the same, to the last bit."""
    if list(one) != list(other) or len(one) != len(other):
        return False
    return all(_same_column(str(name), one[name], other[name]) for name in one)


def _same_column(name: str, one: pd.Series, other: pd.Series) -> bool:
    if name == MASK:
        return all(np.array_equal(pixels_of(a), pixels_of(b)) for a, b in zip(one, other, strict=True))
    if one.dtype != other.dtype:
        return False
    if one.dtype.kind == "f":
        return bool(np.array_equal(one.to_numpy(), other.to_numpy(), equal_nan=True))
    return all(_same_value(a, b) for a, b in zip(one, other, strict=True))


def _same_value(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        floats = one.dtype.kind == "f"
        return one.dtype == getattr(other, "dtype", None) and bool(np.array_equal(one, other, equal_nan=floats))
    return bool(one == other) or (one is None and other is None)
