"""Each way of training is a process of its own that trains when it has its turn, and waits while the others train."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from jobs import Job
    from paired_ratios import Turn

BUSY = ("user", "nice", "system", "irq", "softirq", "steal")  # the last one: what a hypervisor gave to others

__all__ = ["Failed", "Gate", "Loss", "Process", "Way", "started"]


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody trains. module: with ``first_loss(job, dtype)`` and ``train(job, gate)``.

    tuned: whether its process sets the allocator as tumorbench's workers do; what people write leaves it as it is.
    """

    name: str
    title: str
    module: str
    tuned: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """Of the first batch, in training mode without dropout, and the norm of its gradient over all weights."""

    loss: float
    gradient_norm: float


class Failed(Exception):
    """A way's process raised; the message ends with what it said last."""


class Gate:
    """What a way calls: ``opens`` before its turn and ``closes`` after it, or ``learned`` after every batch."""

    def __init__(self, words: Connection, device: str) -> None:
        from tumorbench.speed.rounds import Reference

        self._words, self._device = words, device
        self._reference = Reference(device, "fp32")
        self._cpus = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
        self._wanted = self._images = 0
        self._stopped_s = 0.0

    @property
    def open(self) -> bool:
        """Whether the way is to go on."""
        return self._wanted > 0

    def opens(self) -> int:
        """How many images are to be learned from in the turn that begins when this returns; 0 where it is over."""
        self._wanted, self._images = self._words.recv(), 0
        if self.open:
            self._reference()  # wakes the threads up
            self._before = self._reference()
        self._wall, self._taken = self._now(), self._taken_s()
        return self._wanted

    def learned(self, images: int) -> None:
        """So many images more were learned from. At the end of the turn this returns when the next one begins."""
        self._images += images
        if self._images >= self._wanted:
            self.closes(self._images)
            self.opens()

    def closes(self, images: int) -> None:
        """The turn is over."""
        from paired_ratios import Turn

        seconds = self._now() - self._wall
        taken = (self._taken_s() - self._taken) / (len(self._cpus) * seconds)
        self._words.send(Turn(self._before, seconds, max(taken, 0.0), images))

    def ended(self) -> None:
        """What has to be done at the end of an epoch is done. A way that does nothing then need not call this."""
        self._stopped_s = self._now() - self._wall

    @property
    def end_s(self) -> float:
        """Seconds from the end of the last turn until ``ended``."""
        return self._stopped_s

    def _now(self) -> float:
        if self._device == "cuda":
            import torch

            torch.cuda.synchronize()
        return time.perf_counter()

    def _taken_s(self) -> float:
        """CPU seconds that others have had on this process's CPUs: all that were busy, less its own and its workers'."""
        every = psutil.cpu_times(percpu=True)
        busy = sum(getattr(every[cpu], kind, 0.0) for cpu in self._cpus for kind in BUSY)
        return busy - sum(os.times()[:4])


class Process:
    """A way's process, as the one that gives the turns sees it."""

    def __init__(self, way: Way, device: str, log: Path) -> None:
        self.way, self._log = way, log
        context = multiprocessing.get_context("spawn")
        self._words, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, way, device, log))
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """What the way needs is loaded. Raises: Failed."""
        self._answer()

    def begin(self, job: Job) -> dict[str, Loss]:
        """The job's first loss in float32 and in float64; then the process trains it in turns. Raises: Failed."""
        self._words.send(job)
        found: dict[str, Loss] = self._answer()
        return found

    def turn(self, images: int) -> Turn:
        """The way has learned from ``images`` images. Raises: Failed."""
        self._words.send(images)
        found: Turn = self._answer()
        return found

    def stop(self) -> float:
        """Training is over. Returns the seconds of the end of an epoch. Raises: Failed."""
        self._words.send(0)
        found: float = self._answer()
        return found

    def close(self) -> None:
        """The process has ended."""
        self._words.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def _answer(self) -> Any:
        try:
            found = self._words.recv()
        except EOFError:
            self._process.join()
            found = Failed(f"it ended with code {self._process.exitcode}")
        if isinstance(found, Failed):
            said = self._log.read_text(errors="replace").strip().splitlines()[-20:]
            raise Failed("\n".join([f"{self.way.title}: {found}", *said]))
        return found


@contextmanager
def started(ways: tuple[Way, ...], device: str, folder: Path) -> Iterator[dict[str, Process]]:
    """The ways' processes by name; they end with the context."""
    found: dict[str, Process] = {}
    try:
        for way in ways:
            found[way.name] = Process(way, device, folder / f"{way.name}.log")
        for process in found.values():
            process.wait()
        yield found
    finally:
        for process in found.values():
            process.close()


def _serve(words: Connection, way: Way, device: str, log: Path) -> None:
    """Job after job until the other side goes. What the way's libraries print is in ``log``."""
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    multiprocessing.set_start_method(None, force=True)  # a DataLoader starts its workers as in a process of its own
    if way.tuned:
        from tumorbench.hardware import tune_allocator

        tune_allocator()
    try:
        import torch

        module = importlib.import_module(way.module)
        gate = None
        words.send(None)
        while True:
            try:
                job = words.recv()
            except EOFError:
                return
            gate = gate or Gate(words, device)
            words.send({name: module.first_loss(job, getattr(torch, name)) for name in ("float32", "float64")})
            module.train(job, gate)
            words.send(gate.end_s)
            del job
            gc.collect()
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side says it
        traceback.print_exc()
        words.send(Failed(f"{type(error).__name__}: {error}"))
