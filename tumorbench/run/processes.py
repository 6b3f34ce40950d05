"""What the operating system says about processes: which are alive, and what ends with what."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

import psutil

__all__ = ["begun", "end_group", "end_with_parent", "machine", "oom_kills", "prefer_to_lose"]

PR_SET_PDEATHSIG = 1  # prctl(2)
CGROUP = Path("/sys/fs/cgroup")


def machine() -> str:
    """What names this boot of this host and its space of process ids: only there does a process id mean something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


def begun(pid: int) -> float | None:
    """When the process began, on a clock that tells it from a later one with the same id; None where it has ended."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else float(fields[19])  # clock ticks since the boot
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else round(process.create_time(), 1)
    except psutil.NoSuchProcess:
        return None


def end_with_parent(parent: int) -> bool:
    """SIGTERM comes when the parent of this process ends, where the system can do that. Returns whether ``parent`` is it.

    The parent is the thread that started this process: it has to live as long as its process does.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    return os.getppid() == parent


def end_group(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """What is left of the process group of ``pid`` got the signal."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def prefer_to_lose() -> None:
    """Where memory runs out, the kernel ends this process rather than the one that waits for it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def oom_kills() -> int:
    """How many processes the kernel has ended for want of memory: on this machine, or in this control group."""
    return max(map(_oom_kills_in, (Path("/proc/vmstat"), *_memory_events())), default=0)


def _oom_kills_in(file: Path) -> int:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _memory_events() -> list[Path]:
    """The files of this process's control group that count such ends; version 2 of control groups, then version 1."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return []
    folders = {names: CGROUP / ("memory" if names else "") / path.lstrip("/") for _, names, path in groups}
    found = [folders[names] / "memory.events" for names in [""] if names in folders]
    return found + [folders[names] / "memory.oom_control" for names in folders if "memory" in names.split(",")]
