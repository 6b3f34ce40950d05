"""Where jobs run. An executor is found by the hook ``tumorbench_executors``; it decides where, never what."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from tumorbench.contracts.executor import Executor, ExecutorSettings, Handle
from tumorbench.contracts.factory import load
from tumorbench.errors import BadInput
from tumorbench.registry import Registry

__all__ = ["Executor", "ExecutorSettings", "Handle", "start"]


def start(
    name: str,
    registry: Registry,
    *,
    store: Path,
    device: Literal["cpu", "cuda"] = "cpu",
    jobs: int | None = None,
    threads: int | None = None,
    address: str | None = None,
) -> Executor:
    """The executor, ready for jobs. Raises: BadInput for an unknown name, settings that it cannot use, or a package that it lacks."""
    if jobs is not None and jobs < 1:
        raise BadInput(f"--jobs {jobs} runs nothing; give 1 or more")
    card = registry.executor(name)
    return cast(Executor, load(card.factory)(ExecutorSettings(store.resolve(), device, jobs, threads, address)))
