"""How much memory a stretch of work took at its worst, above what was held before it."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import torch

__all__ = ["peak_mib", "reset_peak_mib"]

MIB = 2**20
STATUS = Path("/proc/self/status")


def reset_peak_mib(device: str) -> float:
    """The high-water mark starts anew; returns what is held now.

    CUDA counts tensors. The CPU counts resident memory, after the allocator has given back what it only keeps; where the kernel does not let the mark be
    reset (it takes a write to ``clear_refs``), it stays the process's own peak, and a difference to it is an upper bound.
    """
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / MIB
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return float(psutil.Process().memory_info().rss) / MIB


def peak_mib(device: str) -> float:
    """The high-water mark: CUDA of tensors, CPU of resident memory."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / MIB
    if STATUS.exists():
        return next(
            int(line.split()[1]) / 1024
            for line in STATUS.read_text(encoding="ascii").splitlines()
            if line.startswith("VmHWM")
        )
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024
