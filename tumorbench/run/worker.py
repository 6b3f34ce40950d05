"""One job in this process. Whatever it does to the process, it does to no other cell."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from tumorbench import registry
from tumorbench.contracts.job import Job
from tumorbench.contracts.record import Record
from tumorbench.errors import CellTimeout, Stopped
from tumorbench.run import processes
from tumorbench.run.lease import Lease
from tumorbench.run.supervise import GRACE_S, HELD, LOG, READY, read_job

__all__ = ["FELL", "work"]

RECENT = 50  # epochs that the lease tells: it is written once a second, and read more often
FELL = 4  # the exit code where no record could be written


def work(path: Path, parent: int | None = None, found: registry.Registry | None = None) -> int:
    """The job's cell has its record. Returns the exit code of the process, which is not to be used for anything else.

    0: done, or skipped; 1: the record says failed, oom or timeout; 3: another process holds the cell; 4: no record could
    be written; 130 and 143: it was asked to stop. parent: the process that waits for this one; without it this one stops.

    Raises: BadInput where ``path`` is no job.
    """
    job = read_job(path)
    lease = Lease.acquire(path.parent)
    if lease is None:
        return HELD
    ending = _Ending(lease, job.timeout_s, parent)
    try:
        _print_to(path.parent / LOG)
        ending.watch()
        record = _run(job, lease, found, ending.start_clock)
    except Stopped as stopped:
        print(f"stopped: {stopped}", flush=True)  # noqa: T201 - into the worker's own log
        return 128 + ending.signal
    except BaseException:  # noqa: BLE001 - a full disk, say: whoever started this process sees it by the exit code
        traceback.print_exc()
        return FELL
    else:
        return 0 if record.status in ("ok", "skipped") else 1
    finally:
        ending.over = True
        lease.release()


def _run(job: Job, lease: Lease, found: registry.Registry | None, on_ready: Callable[[], None]) -> Record:
    """The job's record; the lease tells how far it is. on_ready: called when everything is imported."""
    from tumorbench import hardware
    from tumorbench.run.job import run_job
    from tumorbench.run.work import CellOptions

    processes.prefer_to_lose()
    hardware.tune_allocator()
    if job.threads:
        import torch

        torch.set_num_threads(job.threads)

    recent: deque[dict[str, float]] = deque(maxlen=RECENT)

    def on_epoch(entry: dict[str, float], epochs: int) -> None:
        recent.append(dict(entry))
        lease.beat(epoch=int(entry["epoch"]), epochs=epochs, entry=dict(entry), recent=list(recent))
        lease.check()
        print(_line(entry, epochs), flush=True)  # noqa: T201 - into the worker's own log

    def on_step(epoch: int, step: int) -> None:
        lease.beat(training_epoch=epoch, step=step)

    plugins = found or registry.find()
    on_ready()
    return run_job(job, plugins, CellOptions(on_epoch=on_epoch, on_step=on_step))


def _line(entry: Mapping[str, float], epochs: int) -> str:
    shown = ", ".join(f"{name} {value:.4g}" for name, value in entry.items() if name != "epoch")
    return f"epoch {int(entry['epoch'])}/{epochs}: {shown}"


def _print_to(log: Path) -> None:
    """All that this process and its libraries print goes to the file, a fatal signal's traceback too."""
    sys.stdout.flush()
    sys.stderr.flush()
    file = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_APPEND, 0o666)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
    sys.stdout = os.fdopen(1, "w", buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    faulthandler.enable(sys.stderr)


class _Ending:
    """What ends this process before its time: a signal, the end of its parent, the loss of its lease."""

    def __init__(self, lease: Lease, timeout_s: float | None, parent: int | None) -> None:
        self.lease, self.timeout_s, self.parent = lease, timeout_s, parent
        self._began: float | None = None
        self.signal = int(signal.SIGTERM)
        self.over = False
        self._orphaned_at: float | None = None

    def watch(self) -> None:
        """From now on each of them ends the work of the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        if self.parent is not None and not processes.end_with_parent(self.parent):
            raise Stopped("the process that waited for it has ended")
        self.lease.keep(on_lost=_interrupt, watch=self._look_for_parent)

    def start_clock(self) -> None:
        """The time that the cell may take runs from now on. Whoever supervises this process sees it a little later."""
        self._began = time.monotonic()
        self.lease.beat(**{READY: True})

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.over:
            return
        self.signal = number
        if self.lease.lost:
            raise Stopped("another process took over the cell")
        if self.timeout_s is not None and self._began and time.monotonic() - self._began >= self.timeout_s:
            raise CellTimeout(f"out of time after {self.timeout_s:g} s")
        raise Stopped(signal.Signals(number).name)

    def _look_for_parent(self) -> None:
        """Where the system does not tell of a parent's end: this process is asked to end, and ends."""
        if self.parent is None or os.getppid() == self.parent:
            return
        if self._orphaned_at is None:
            self._orphaned_at = time.monotonic()
            _interrupt()
        elif time.monotonic() - self._orphaned_at > GRACE_S:
            os.kill(os.getpid(), signal.SIGKILL)


def _interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
