"""Workers on this machine: each slot runs one job at a time, on its own GPU or its share of the cores."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Sequence
from pathlib import Path

from tumorbench import hardware
from tumorbench.contracts.executor import ExecutorSettings
from tumorbench.run.executors.resources import cores, supervised, thread_variables
from tumorbench.run.warm import WarmWorker

__all__ = ["LocalExecutor"]


class LocalHandle:
    """A job of this machine."""

    def __init__(self, job: Path) -> None:
        self.job = job
        self._reason = ""
        self._ended = threading.Event()

    def end(self, reason: str) -> None:
        """The job has ended."""
        self._reason = reason
        self._ended.set()

    def done(self) -> bool:
        """Whether it has ended."""
        return self._ended.is_set()

    def reason(self) -> str:
        """Why it left no record."""
        return self._reason


class LocalExecutor:
    """``jobs`` slots, by default one for each GPU, on a CPU one. Each keeps a warm process for its jobs."""

    def __init__(self, settings: ExecutorSettings) -> None:
        gpus = _gpus() if settings.device == "cuda" else []
        self.slots = settings.jobs or max(1, len(gpus))
        self._waiting: queue.SimpleQueue[LocalHandle | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        shared = self.slots > 1 and "OMP_NUM_THREADS" not in os.environ
        threads = settings.threads or (max(1, cores() // self.slots) if shared else None)
        self._threads = []
        for slot in range(self.slots):
            environment = thread_variables(threads)
            if gpus:
                environment["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
            thread = threading.Thread(target=self._work, args=(environment,), name=f"slot-{slot}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def submit(self, jobs: Sequence[Path]) -> list[LocalHandle]:
        """Each job begins when a slot is free."""
        handles = [LocalHandle(job) for job in jobs]
        for handle in handles:
            self._waiting.put(handle)
        return handles

    def close(self, *, now: bool) -> None:
        """No worker is left. now: what runs is asked to stop, and killed where it does not; what waits never begins."""
        if now:
            self._stopping.set()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, environment: dict[str, str]) -> None:
        """One slot. Its thread starts the warm process, which ends with it."""
        warm = WarmWorker()
        try:
            while (handle := self._waiting.get()) is not None:
                if self._stopping.is_set():
                    handle.end("the run was stopped before it began")
                    continue
                handle.end(supervised(str(handle.job), environment, start=warm.start, stop=self._stopping.is_set))
        finally:
            warm.close()


def _gpus() -> list[str]:
    """What ``CUDA_VISIBLE_DEVICES`` calls each GPU that this process may use."""
    shown = [each.strip() for each in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if each.strip()]
    return shown or [str(number) for number in range(hardware.visible_gpus())]
