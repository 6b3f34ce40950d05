"""What a job may use of the machine that it runs on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tumorbench.errors import one_line
from tumorbench.run.supervise import supervise

__all__ = ["cores", "passed_on", "supervised", "thread_variables"]


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_variables(threads: int | None) -> dict[str, str]:
    """The environment variables by which numerical libraries start so many threads; none for None."""
    return (
        {}
        if threads is None
        else dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    )


def passed_on() -> dict[str, str]:
    """The variables of this process that a process on another machine of a cluster needs to do the same."""
    return {name: value for name, value in os.environ.items() if name == "PYTHONPATH" or name.startswith("TUMORBENCH_")}


def supervised(path: str, environment: dict[str, str], **how: Any) -> str:
    """The job has run here, as ``supervise``; returns the reason where it left no record, else "".

    This is what a cluster calls: it takes and gives strings.
    """
    try:
        outcome = supervise(Path(path), environment, **how)
    except Exception as error:  # noqa: BLE001 - a full disk, say
        return one_line(error)
    return outcome.reason if outcome.status in ("held", "stopped") else ""
