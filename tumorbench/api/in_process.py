"""The executor of ``tumorbench.run`` for models that only the calling process has: each cell is computed in it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tumorbench.errors import Stopped
from tumorbench.registry import Registry
from tumorbench.run.job import run_job
from tumorbench.run.lease import Lease
from tumorbench.run.supervise import read_job
from tumorbench.run.work import CellOptions

__all__ = ["InProcess"]

OnEpoch = Callable[[dict[str, float], int], None]


@dataclass(frozen=True, slots=True)
class _Done:
    """A job that is over."""

    job: Path

    def done(self) -> bool:
        """It is."""
        return True

    def reason(self) -> str:
        """Nothing is known beside the record."""
        return ""


class InProcess:
    """One job after another in this process, with the plugins and the models of ``registry``.

    A model that ends the process ends the caller's, and nothing stops one that hangs within a step.
    """

    slots = 1

    def __init__(self, registry: Registry, on_epoch: OnEpoch = lambda _entry, _epochs: None) -> None:
        self._registry, self._on_epoch = registry, on_epoch

    def submit(self, jobs: Sequence[Path]) -> list[_Done]:
        """Each job is over when this returns. Raises: KeyboardInterrupt at Ctrl-C; the same call continues the cell."""
        return [self._run(path) for path in jobs]

    def close(self, *, now: bool) -> None:
        """Nothing runs any more."""

    def _run(self, path: Path) -> _Done:
        job, lease = read_job(path), Lease.acquire(path.parent)
        if lease is None:
            return _Done(path)
        with _interrupts_stop() as interrupted:
            try:
                lease.keep(on_lost=lambda: None)  # the next epoch's beat raises Stopped
                run_job(job, self._registry, CellOptions(on_epoch=self._told(lease)))
            except Stopped:
                if interrupted.is_set():
                    raise KeyboardInterrupt from None
            finally:
                lease.release()
                _empty_cache(job.device)
        return _Done(path)

    def _told(self, lease: Lease) -> OnEpoch:
        def on_epoch(entry: dict[str, float], epochs: int) -> None:
            lease.beat(epoch=int(entry["epoch"]), epochs=epochs, entry=dict(entry))
            lease.check()
            self._on_epoch(entry, epochs)

        return on_epoch


def _empty_cache(device: str) -> None:
    """What the cell's tensors held of a GPU is free for the next one and for the caller."""
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()


@contextmanager
def _interrupts_stop() -> Iterator[threading.Event]:
    """Ctrl-C ends a cell as one that continues, not as one that failed. The event says whether it was pressed."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def stop(_number: int, _frame: object) -> None:
        pressed.set()
        raise Stopped("interrupted")

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
