"""The right to compute one cell: the file ``lease.json`` in the cell's folder, which one process at a time holds.

Nothing waits for a lock. A process that ended on this machine loses its leases at once; one on another machine when its
heartbeat, the file's time of change, is older than ``LEASE_S``, by the clock of the file system that they share.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import count
from math import inf
from pathlib import Path
from typing import Any

from tumorbench.contracts.files.whole import written_whole
from tumorbench.errors import Stopped
from tumorbench.run import processes

__all__ = ["BEAT_S", "FILE", "LEASE_S", "Holder", "Lease", "age_s", "held", "is_live", "read", "read_holder"]

FILE = "lease.json"
LEASE_S = 120.0  # without a heartbeat a lease holds so long
BEAT_S = 5.0
WRITE_S = 1.0  # progress is written no more often


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, since when, and how far the cell is."""

    token: str
    host: str = ""
    machine: str = ""
    pid: int = 0
    pid_begun: float | None = None
    started: str = ""  # ISO 8601, UTC
    progress: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def here(cls) -> Holder:
        """The process that calls this, with a token of its own."""
        pid = os.getpid()
        started = datetime.now(UTC).isoformat(timespec="seconds")
        begun = processes.begun(pid)
        return cls(uuid.uuid4().hex, socket.gethostname(), processes.machine(), pid, begun, started)

    def has_ended(self) -> bool:
        """Whether its process ran on this machine and is no more."""
        return self.machine == processes.machine() and processes.begun(self.pid) != self.pid_begun


def read_holder(path: Path) -> Holder | None:
    """Who holds the lease in ``path``; None where there is none. One that is being written has no name yet."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {each.name for each in fields(Holder)}
        return Holder(**{name: value for name, value in content.items() if name in known})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, AttributeError):
        with contextlib.suppress(FileNotFoundError):
            return Holder(f"unnamed-{path.stat().st_mtime_ns}")
        return None


def read(folder: Path) -> dict[str, Any] | None:
    """What the lease of the folder's cell says: host, pid, started and how far the cell is; None where there is none."""
    holder = read_holder(folder / FILE)
    if holder is None:
        return None
    content = asdict(holder)
    progress: dict[str, Any] = content.pop("progress")
    return progress | content


def held(folder: Path) -> dict[str, Any] | None:
    """As ``read``; None also where the holder is no longer at work."""
    holder = read_holder(folder / FILE)
    return read(folder) if holder is not None and is_live(folder / FILE, holder) else None


def age_s(path: Path) -> float:
    """Seconds since the last heartbeat, by the clock of the file system: a new file beside it says what time it is."""
    probe = path.with_name(f"{uuid.uuid4().hex}.probe")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def is_live(path: Path, holder: Holder) -> bool:
    """Whether the holder still computes the cell: its process has not ended, and its heartbeat is young."""
    if holder.has_ended():
        return False
    try:
        return age_s(path) <= LEASE_S
    except FileNotFoundError:
        return False


class Lease:
    """The right to compute the cell of a folder, held by this process until ``release``."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path, self.holder = path, holder
        self.lost = False
        self._written = -inf
        self._writing, self._over = threading.Lock(), threading.Event()

    @classmethod
    def acquire(cls, folder: Path) -> Lease | None:
        """The lease of the folder's cell; None where a live process holds it. Never waits."""
        folder.mkdir(parents=True, exist_ok=True)
        path, mine = folder / FILE, Holder.here()
        for _ in range(2):  # it may be released between the two looks
            if _create(path, mine):
                return cls(path, mine)
            other = read_holder(path)
            if other is not None:
                taken = not is_live(path, other) and _take_over(path, other, mine)
                return cls(path, mine) if taken else None
        return None

    def keep(self, on_lost: Callable[[], None], watch: Callable[[], None] = lambda: None) -> None:
        """A thread of this process keeps the lease young; it calls ``watch`` each time, and ``on_lost`` when it is lost."""
        threading.Thread(target=self._beat_on, args=(on_lost, watch), name="heartbeat", daemon=True).start()

    def beat(self, **progress: Any) -> None:
        """The lease says how far the cell is, within ``BEAT_S``. Raises: Stopped where it is lost."""
        self.holder.progress.update(progress)
        if time.monotonic() - self._written >= WRITE_S:
            self.check()
        elif self.lost:
            raise Stopped(f"another process took over the cell in {self.path.parent}")

    def check(self) -> None:
        """The lease says now how far the cell is. Raises: Stopped where the file says that another process holds it."""
        with contextlib.suppress(OSError):  # a file system that fails for a while takes nothing away
            self._write()
        if self.lost:
            raise Stopped(f"another process took over the cell in {self.path.parent}")

    def release(self) -> None:
        """Others may compute the cell. Where the lease was lost, the other's stays."""
        self._over.set()
        with self._writing:
            if self._is_mine():
                self.path.unlink(missing_ok=True)

    def _beat_on(self, on_lost: Callable[[], None], watch: Callable[[], None]) -> None:
        due = 0.0
        while not self._over.wait(WRITE_S):
            watch()
            if time.monotonic() < due:
                continue
            due = time.monotonic() + BEAT_S
            try:
                self.check()
            except Stopped:
                if not self._over.is_set():
                    on_lost()
                return

    def _write(self) -> None:
        with self._writing:
            if self._over.is_set() or self.lost:
                return
            if not self._is_mine():
                self.lost = True
                return
            with written_whole(self.path, "w") as file:
                file.write(_text(self.holder))
            self._written = time.monotonic()

    def _is_mine(self) -> bool:
        now = read_holder(self.path)
        return now is not None and now.token == self.holder.token


def _text(holder: Holder) -> str:
    return json.dumps(asdict(replace(holder, progress=dict(holder.progress)))) + "\n"


def _create(path: Path, holder: Holder) -> bool:
    """Whether the file was made now, for the holder; of any number of processes one makes it, on a shared disk too."""
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        os.write(file, _text(holder).encode())
    finally:
        os.close(file)
    return True


def _take_over(path: Path, other: Holder, mine: Holder) -> bool:
    """Whether the lease of ``other`` is mine now. Only who holds the claim to it may replace it, so no two do."""
    with _claim(path, other, mine) as claimed:
        now = read_holder(path)
        if not claimed or now is None or now.token != other.token:
            return False
        with written_whole(path, "w") as file:
            file.write(_text(mine))
        for claim in path.parent.glob(_claim_name(other, "*")):
            claim.unlink(missing_ok=True)
        now = read_holder(path)
        return now is not None and now.token == mine.token


@contextlib.contextmanager
def _claim(path: Path, other: Holder, mine: Holder) -> Iterator[bool]:
    """Whether this process alone may take over the lease of ``other``. The claim of a process that ended is passed by."""
    for number in count():
        claim = path.with_name(_claim_name(other, number))
        if _create(claim, mine):
            try:
                yield True
            finally:
                claim.unlink(missing_ok=True)
            return
        before = read_holder(claim)
        if before is None or is_live(claim, before):
            yield False
            return


def _claim_name(other: Holder, number: int | str) -> str:
    return f"lease-{other.token}-{number}.claim"
