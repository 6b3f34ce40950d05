"""What decides where the cells of a run are computed: an executor, as a plugin writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

__all__ = ["Executor", "ExecutorSettings", "Handle"]


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """What a run asks of an executor; its factory is called with it.

    jobs: cells at once; None: what the executor thinks right. threads: of each cell on a CPU; None: likewise.
    address: of a cluster, in the words of the executor.
    """

    store: Path
    device: Literal["cpu", "cuda"] = "cpu"
    jobs: int | None = None
    threads: int | None = None
    address: str | None = None


class Handle(Protocol):
    """A job that an executor has."""

    @property
    def job(self) -> Path:
        """Its file."""

    def done(self) -> bool:
        """Whether it has ended, well or not, or will never begin. Never waits, never raises."""

    def reason(self) -> str:
        """Why it ended without a record in the store, as far as the executor knows; "" where nothing went wrong."""


class Executor(Protocol):
    """Computes jobs somewhere, by ``tumorbench.supervise`` for each."""

    slots: int  # jobs at once that make sense: a large number for a cluster that queues them itself

    def submit(self, jobs: Sequence[Path]) -> Sequence[Handle]:
        """Each job begins as soon as there is room for it. Returns a handle for each, in the same order."""

    def close(self, *, now: bool) -> None:
        """Nothing runs any more. now: what runs is stopped; else it may end first."""
