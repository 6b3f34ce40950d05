"""Every cell of a store as it stands now, also while runs are at work on it. Loads no torch, changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tumorbench.errors import BadInput
from tumorbench.run import lease
from tumorbench.run.supervise import LOG
from tumorbench.store import JOB, RECORD, read_record

__all__ = ["CellStatus", "cells", "describe"]

PROGRESS = "progress*.pt"


@dataclass(frozen=True, slots=True)
class CellStatus:
    """One cell. state: ``running``, ``waiting``, ``interrupted``, or the status of its record (``ok`` is ``done``).

    ``damaged``: its record cannot be read.

    progress: of a running cell, what its lease says: host, pid, started, epoch, epochs...
    """

    folder: Path
    state: str
    identity: dict[str, Any]  # {} where nothing in the folder tells it
    reason: str = ""
    progress: dict[str, Any] | None = None
    heartbeat_s: float | None = None  # since the last one, of a running cell


def cells(root: Path) -> Iterator[CellStatus]:
    """The cells of the store, in a fixed order; folders without a trace of work are left out."""
    for folder in sorted(root.glob("cells/*/*/*/")):
        found = _status(folder)
        if found is not None:
            yield found


def _status(folder: Path) -> CellStatus | None:
    record, job = _content(folder / RECORD), _content(folder / JOB)
    identity: dict[str, Any] = job.get("identity") or record.get("identity") or {}
    holder = lease.held(folder)
    if holder:
        return CellStatus(folder, "running", identity, progress=holder, heartbeat_s=_heartbeat_s(folder))
    if damage := _damage(folder / RECORD):
        return CellStatus(folder, "damaged", identity, damage)
    begun = (folder / LOG).exists() or any(folder.glob(PROGRESS))
    if record and not (job and _newer(folder / JOB, folder / RECORD)):
        state = "done" if record.get("status") == "ok" else str(record.get("status", "unreadable"))
        return CellStatus(folder, state, identity, str(record.get("reason", "")))
    if job and (record or not begun):
        return CellStatus(folder, "waiting", identity)
    if job or begun:
        return CellStatus(folder, "interrupted", identity, "the same command continues it")
    return None


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _damage(record: Path) -> str:
    """Why the record that lies there cannot be read; empty where it can, or where there is none."""
    try:
        read_record(record)
    except BadInput as error:
        return str(error) if record.exists() else ""
    return ""


def _newer(path: Path, other: Path) -> bool:
    try:
        return path.stat().st_mtime_ns > other.stat().st_mtime_ns
    except OSError:
        return False


def _heartbeat_s(folder: Path) -> float | None:
    try:
        return round(max(0.0, lease.age_s(folder / lease.FILE)), 1)
    except OSError:
        return None


def describe(cell: CellStatus) -> str:
    """What there is to say of the cell's state, in one line."""
    if cell.progress is None:
        return cell.reason
    at, parts = cell.progress, []
    if at.get("epoch") is not None:
        parts.append(f"epoch {at['epoch']} of {at.get('epochs', '?')}")
    elif at.get("training_epoch") is not None:
        parts.append(f"epoch {at['training_epoch']}, step {at.get('step', 0)}")
    parts.append(f"on {at.get('host')}, process {at.get('pid')}")
    parts.append(f"for {_since(str(at.get('started', '')))}")
    if cell.heartbeat_s is not None:
        parts.append(f"heartbeat {cell.heartbeat_s:.0f} s ago")
    return ", ".join(parts)


def _since(started: str) -> str:
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds())
    except (ValueError, TypeError):
        return "an unknown time"
    return f"{max(0, seconds) // 60} min {max(0, seconds) % 60} s"
