"""One job from outside its process: it starts, is watched, and leaves a record even where its process cannot write one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tumorbench.contracts.job import Job
from tumorbench.contracts.record import Record, Status
from tumorbench.errors import BadInput
from tumorbench.run import lease, processes
from tumorbench.run.lost import lost_record
from tumorbench.store import RECORD, Store, read_json, read_record

__all__ = ["GRACE_S", "HELD", "LOG", "READY", "Outcome", "Process", "Starter", "read_job", "start_process", "supervise"]

GRACE_S = 10.0  # between asking a process to stop and ending it
START_S = 120.0  # that a process may take until it has imported what it needs; it is not part of a cell's time
READY = "ready"  # in the lease of a worker that has
POLL_S = 0.1
HELD = 3  # the exit code of a worker whose cell another process holds
STOPPED = (128 + signal.SIGTERM, 128 + signal.SIGINT)  # exit codes of a worker that was asked to end by others
LOG = "worker.log"  # in the cell's folder: what the process and all that it called printed
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "MemoryError", "bad_alloc")


class Process(Protocol):
    """A worker that was started. It leads a process group of its own."""

    pid: int

    def wait(self, timeout_s: float) -> int | None:
        """Its exit code, or the signal that ended it as a negative number; None where it still runs by then."""


Starter = Callable[[Path, Mapping[str, str]], Process]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. ``held``: another process computes its cell. ``stopped``: it was asked to end, and has no record."""

    status: Status | Literal["held", "stopped"]
    reason: str = ""


def read_job(path: Path) -> Job:
    """The job in the file. Raises: BadInput, naming the file."""
    try:
        return Job.model_validate(read_json(path))
    except ValueError as error:
        raise BadInput(f"{path} is no job ({' '.join(str(error).split())[:200]})") from None


def supervise(
    path: Path,
    environment: Mapping[str, str] | None = None,
    start: Starter | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """The job's process has ended, and the cell's folder holds the record of how, if it did not stop on request.

    environment: what is added to this process's own. stop: asked again and again whether the job is to stop.
    """
    watched = _Watched(read_job(path), path)
    process = (start or start_process)(path, os.environ | dict(environment or {}))
    try:
        watched.follow(process, stop)
    except BaseException:  # Ctrl-C, or a scheduler's signal
        watched.ask(process, "stop")
        watched.outcome(process.pid, _ended(process))
        raise
    return watched.outcome(process.pid, _ended(process))


class _Watched:
    """What is known of a job while its process runs."""

    def __init__(self, job: Job, path: Path) -> None:
        self.job, self.folder = job, path.parent
        self.asked: Literal["", "timeout", "stop"] = ""
        self.killed = False  # it had to be, for it did not end when asked
        self.record_before, self.log_before = _stamp(self.folder / RECORD), _stamp(self.folder / LOG)
        self.oom_kills = processes.oom_kills()

    def follow(self, process: Process, stop: Callable[[], bool]) -> None:
        """The process has ended, or was asked to and had ``GRACE_S`` for it."""
        started, ready = time.monotonic(), False
        limit = None if self.job.timeout_s is None else self.job.timeout_s + START_S
        while process.wait(POLL_S) is None:
            if limit is not None and not ready and self._is_ready(process.pid):
                ready, started, limit = True, time.monotonic(), self.job.timeout_s  # its own clock began before
            if limit is not None and time.monotonic() - started >= limit:
                return self.ask(process, "timeout")
            if stop():
                return self.ask(process, "stop")
        return None

    def _is_ready(self, pid: int) -> bool:
        holder = lease.read_holder(self.folder / lease.FILE)
        return holder is not None and holder.pid == pid and READY in holder.progress

    def ask(self, process: Process, why: Literal["timeout", "stop"]) -> None:
        """The process was asked to end and had ``GRACE_S`` for it."""
        self.asked = why
        if process.wait(0) is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
            self.killed = process.wait(GRACE_S) is None

    def outcome(self, pid: int, code: int | None) -> Outcome:
        """What the job came to. A process that ended without a record of this job gets one here."""
        holder = lease.read_holder(self.folder / lease.FILE)
        fell = holder is not None and (holder.pid, holder.machine) == (pid, processes.machine())  # it did not let go
        if code == HELD and not fell:
            return Outcome("held", f"another process computes the cell in {self.folder}")
        mine = lease.Lease.acquire(self.folder)  # at once: the process has ended
        if mine is None:
            return Outcome("held", f"another process took over the cell in {self.folder}")
        try:
            record = self._record()
            changed = _stamp(self.folder / RECORD) != self.record_before
            if record is not None and (changed or (code == 0 and not fell)):
                return Outcome(record.status, record.reason)
            if self.asked == "stop" or (code in STOPPED and not self.asked and not fell):
                return Outcome("stopped", "it was asked to stop; the cell continues from its last epoch")
            status, reason = self._loss(code)
            self._write_lost(lost_record(self.job, status, reason), record)
            return Outcome(status, reason)
        finally:
            mine.release()

    def _loss(self, code: int | None) -> tuple[Status, str]:
        log = self.folder / LOG
        said = _last_line(log) if _stamp(log) != self.log_before else ""
        status: Status = "oom" if any(each in said for each in OUT_OF_MEMORY) else "failed"
        if self.asked == "timeout":
            how = "; it did not end when asked and was killed" if self.killed else ""
            reason = f"out of time after {self.job.timeout_s:g} s{how}; give more with --timeout"
            return "timeout", f"{reason}, the cell continues from its last epoch"
        if code == -signal.SIGKILL and processes.oom_kills() > self.oom_kills:
            return "oom", "the kernel killed its process because memory ran out; run fewer --jobs at once"
        if code is None or code < 0:
            return status, f"its process was killed by {_name_of(-(code or -9))}; its output is in {log}"
        if code == 0:
            reason = "its process ended with exit code 0 before it wrote a record"
            return "failed", f"{reason}; a model or plugin may have called os._exit; its output is in {log}"
        reason = f"its process ended with exit code {code} before it wrote a record"
        return status, f"{reason}{': ' + said if said else ''}; its output is in {log}"

    def _write_lost(self, record: Record, earlier: Record | None) -> None:
        """The record lies in the store, unless an earlier one stands for the job."""
        job, store = self.job, Store(Path(self.job.store))
        if earlier is not None and earlier.status == "ok":
            deterministic = not job.deterministic or earlier.determinism.get("mode") == "deterministic"
            if job.what == "rescore" or (deterministic and not job.force):
                return
        store.replace(record, Path(tempfile.mkdtemp(dir=self.folder)))

    def _record(self) -> Record | None:
        try:
            record = read_record(self.folder / RECORD)
        except BadInput:
            return None
        return record if record.cell_key == self.job.cell_key else None


class _Subprocess:
    """A worker of its own, from an interpreter that has just started."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "tumorbench", "worker", str(path), "--parent", str(os.getpid())]
        with (path.parent / LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pid = self._process.pid

    def wait(self, timeout_s: float) -> int | None:
        """As ``Process.wait``."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None


def start_process(path: Path, environment: Mapping[str, str]) -> Process:
    """A worker runs the job in a process of its own. The thread that calls this has to live as long."""
    return _Subprocess(path, environment)


def _ended(process: Process) -> int | None:
    """The exit code of the process, which has ended, and with it all that it started."""
    processes.end_group(process.pid)
    return process.wait(GRACE_S)


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when the file is written."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def _last_line(log: Path) -> str:
    """The last line of a log that says something, at most 200 characters of it."""
    try:
        lines = log.read_bytes()[-4096:].decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
