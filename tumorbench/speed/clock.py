"""How long an action takes, and how much of the machine it got meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

__all__ = ["Timed", "clock", "least"]

CALLS = 3
THREADS = Path("/proc/self/task")  # Linux


@dataclass(frozen=True, slots=True)
class Timed:
    """One timed stretch of calls.

    seconds: of one call. use: CPU time of the process over (threads x wall), which serial parts lower too. ran: of the
    time in which its threads could have run, the share in which they had a CPU, by the kernel's run queue; None where
    the system does not tell. On CUDA, whose own events measure, both are 1.0.
    """

    seconds: float
    use: float
    ran: float | None


def clock(action: Callable[[], object], device: str, repeats: int = 1) -> Timed:
    """``repeats`` calls of the action, timed as one stretch."""
    if device == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        torch.cuda.synchronize()
        start.record()
        for _ in range(repeats):
            action()
        end.record()
        end.synchronize()
        return Timed(float(start.elapsed_time(end)) / 1000 / repeats, 1.0, 1.0)
    waited, wall, cpu = _waited_s(), time.perf_counter(), time.process_time()
    for _ in range(repeats):
        action()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    now = _waited_s()
    ran = None if waited is None or now is None else cpu / max(cpu + max(now - waited, 0.0), 1e-9)
    return Timed(wall / repeats, cpu / (torch.get_num_threads() * wall), ran)


def least(action: Callable[[], object], device: str, seconds: float) -> Timed:
    """The shortest of three calls, or of as many as begin within ``seconds``."""
    started = time.perf_counter()
    taken = [clock(action, device)]
    while len(taken) < CALLS and time.perf_counter() - started < seconds:
        taken.append(clock(action, device))
    return min(taken, key=lambda each: each.seconds)


def _waited_s() -> float | None:
    """Seconds that the threads of this process were ready to run and had no CPU; None where the system does not tell.

    None also where it is nought: some kernels have the file and do not count.
    """
    waited_ns = 0
    try:
        for thread in THREADS.iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile
                waited_ns += int((thread / "schedstat").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return waited_ns / 1e9 or None
