"""What a run tells its observers.

It never waits for one: a thread writes to each observer's process, another listens.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.run import processes
from tumorbench.run.campaign import Watch
from tumorbench.run.lost import command_of
from tumorbench.run.plan import PlannedCell
from tumorbench.store import Store

__all__ = ["Feed", "close_feeds", "observed", "start_feeds"]

CLOSE_S = 20.0  # that observers may take when the run has ended, all of them together
LOGS = "observers"  # below the store
OnFault = Callable[[str, str], None]
"""Called once with an observer's id and a reason, by another thread."""


class Feed:
    """One observer, in a process of its own. on_fault: called at most once."""

    def __init__(self, name: str, store: Path, where: str | None, on_fault: OnFault) -> None:
        self.name, self._on_fault = name, on_fault
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._told, self._telling = False, threading.Lock()
        self._closing = False
        (store / LOGS).mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tumorbench.run.observing.host", name, str(store.resolve())]
        with (store / LOGS / f"{name}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                [*command, where] if where is not None else command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._write, self._listen)]
        for thread in self._threads:
            thread.start()

    def send(self, **event: Any) -> None:
        """The observer will be told. Never waits, never raises."""
        self._events.put(event)

    def close(self) -> None:
        """Nothing more comes."""
        self._closing = True
        self._events.put(None)

    def wait(self, until: float) -> None:
        """Its process has ended, by then (``time.monotonic`` seconds) or because it was killed, which is told."""
        listener = self._threads[1]
        listener.join(max(0.0, until - time.monotonic()))
        if listener.is_alive():
            self._fault(f"it did not end within {CLOSE_S:g} s of the run, and was killed")
            processes.end_group(self._process.pid)
            listener.join()
        processes.end_group(self._process.pid)  # and what it has left behind

    def _write(self) -> None:
        """The thread that writes: what the process does not take waits here, not in the run."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError), self._process.stdin as stdin:
            while (event := self._events.get()) is not None:
                stdin.write(json.dumps(event).encode() + b"\n")
                stdin.flush()

    def _listen(self) -> None:
        """The thread that hears of a fault, and of the end of the process."""
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, KeyError), self._process.stdout as stdout:
            for line in stdout:
                self._fault(str(json.loads(line)["fault"]))
        code = self._process.wait()
        if code or not self._closing:
            self._fault(f"its process ended with exit code {code}")

    def _fault(self, reason: str) -> None:
        with self._telling:
            told, self._told = self._told, True
        if not told:
            self._on_fault(self.name, reason)


def start_feeds(asked: Sequence[str], registry: Registry, store: Store, on_fault: OnFault) -> list[Feed]:
    """A feed for each ``ID`` or ``ID=WHERE``. Raises: BadInput for an id that is not installed, or is given twice."""
    named = [(name, where if equals else None) for name, equals, where in (each.partition("=") for each in asked)]
    for place, (name, where) in enumerate(named):
        registry.observer(name)
        if name in [other for other, _ in named[:place]]:
            raise BadInput(f"--observe {name} is given twice; give it once")
        if where == "":
            raise BadInput(f"--observe {name}= says no place; write {name}=WHERE, or {name} alone for its own default")
    return [Feed(name, store.root, where, on_fault) for name, where in named]


def observed(watch: Watch, feeds: Sequence[Feed], store: Store) -> Watch:
    """The watch, which also tells the feeds: that a cell begins, each epoch, and its record."""
    if not feeds:
        return watch
    begun: set[str] = set()

    def start(cell: PlannedCell, number: int, of: int) -> None:
        if cell.key not in begun:
            begun.add(cell.key)
            _to_all(feeds, event="begin", key=cell.key, **_described(cell, store))
        watch.on_start(cell, number, of)

    def progress(cell: PlannedCell, lease: dict[str, Any]) -> None:
        _to_all(feeds, event="epoch", key=cell.key, entry=lease["entry"])
        watch.on_progress(cell, lease)

    def done(cell: PlannedCell, record: Record, cached: bool) -> None:
        if cell.key in begun:
            _to_all(feeds, event="end", key=cell.key, record=record.model_dump(mode="json"))
        watch.on_done(cell, record, cached)

    return replace(watch, on_start=start, on_progress=progress, on_done=done)


def close_feeds(feeds: Sequence[Feed]) -> None:
    """The observers have ended, or were killed."""
    for feed in feeds:
        feed.close()
    until = time.monotonic() + CLOSE_S
    for feed in feeds:
        feed.wait(until)


def _to_all(feeds: Sequence[Feed], **event: Any) -> None:
    for feed in feeds:
        feed.send(**event)


def _described(cell: PlannedCell, store: Store) -> dict[str, Any]:
    return {
        "identity": cell.identity.model_dump(mode="json"),
        "model_title": cell.cell.model.title,
        "dataset_title": cell.cell.dataset.spec.title,
        "folder": str(store.cell_folder(cell.identity, cell.key).resolve()),
        "command": command_of(cell.identity),
    }
