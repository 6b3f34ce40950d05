"""Jobs as one Slurm job array, through submitit; with ``--address local`` as processes that submitit starts here."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tumorbench.contracts.executor import ExecutorSettings
from tumorbench.errors import BadInput, one_line
from tumorbench.run.executors.package import package
from tumorbench.run.executors.resources import cores, passed_on, supervised, thread_variables
from tumorbench.run.supervise import GRACE_S, START_S, read_job

__all__ = ["SubmititExecutor"]

MANY = 10_000
CPUS = 4  # of a task, where --jobs and the number of threads do not say
DAY_MIN = 24 * 60  # of a task without --timeout; the variable SBATCH_TIMELIMIT of sbatch overrides it
FOLDER = "submitit"  # below the store: scripts and logs


class SubmititHandle:
    """A task of an array."""

    def __init__(self, job: Path, executor: SubmititExecutor) -> None:
        self.job, self._executor = job, executor
        self.task: Any = None  # of submitit, once it has begun or waits in the cluster's queue
        self._reason: str | None = None

    def done(self) -> bool:
        """Whether it has ended, by its result or by what the cluster says of it."""
        self._executor.begin_waiting()
        return self.has_ended()

    def has_ended(self) -> bool:
        """As ``done``, by itself."""
        if self._reason is None and self.task is not None:
            self._reason = _ending_of(self.task)
        return self._reason is not None

    def reason(self) -> str:
        """Why it left no record."""
        return self._reason or ""

    def stop(self) -> None:
        """It is asked to stop its worker, or does not begin."""
        if self.task is None:
            self._reason = "the run was stopped before it began"
        elif not self.has_ended():
            with contextlib.suppress(Exception):
                self.task.cancel(check=False)


class SubmititExecutor:
    """One job array for all jobs that are submitted together.

    Its scripts and logs lie in ``submitit`` below the store, until each of them has ended well.
    """

    slots = MANY

    def __init__(self, settings: ExecutorSettings) -> None:
        submitit = package("submitit", "submitit", "slurm")
        self._here = settings.address == "local"
        if settings.address not in (None, "local", "slurm"):
            raise BadInput(f"--address {settings.address} is nothing that submitit knows here; give slurm or local")
        if not self._here and shutil.which("sbatch") is None:
            raise BadInput("there is no Slurm here (no sbatch); run this on a login node, or give --address local")
        self._at_once = settings.jobs or (1 if self._here else 256)
        threads = settings.threads or (max(1, cores() // self._at_once) if self._here else CPUS)
        self._environment = passed_on() | (thread_variables(threads) if settings.device == "cpu" else {})
        cluster = "local" if self._here else "slurm"
        self._folder = settings.store / FOLDER / uuid.uuid4().hex[:8]
        self._submitit = submitit.AutoExecutor(folder=self._folder / "%j", cluster=cluster)
        self._submitit.update_parameters(
            name="tumorbench",
            cpus_per_task=threads,
            gpus_per_node=int(settings.device == "cuda"),
            slurm_array_parallelism=self._at_once,
        )
        self._handles: list[SubmititHandle] = []

    def submit(self, jobs: Sequence[Path]) -> list[SubmititHandle]:
        """All of them are one array; on this machine, ``jobs`` of them run at once."""
        handles = [SubmititHandle(job, self) for job in jobs]
        self._handles += handles
        if self._here:
            self.begin_waiting()
        else:
            self._begin(handles)
        return handles

    def begin_waiting(self) -> None:
        """Where submitit itself queues nothing: as many run as there is room for."""
        if self._here:
            waiting = [handle for handle in self._handles if handle.task is None and not handle.reason()]
            running = sum(handle.task is not None and not handle.has_ended() for handle in self._handles)
            self._begin(waiting[: max(0, self._at_once - running)])

    def _begin(self, handles: Sequence[SubmititHandle]) -> None:
        if not handles:
            return
        limits = [read_job(handle.job).timeout_s for handle in handles]
        known = [limit for limit in limits if limit is not None]
        minutes = math.ceil((max(known) + START_S + 2 * GRACE_S) / 60) if len(known) == len(limits) else DAY_MIN
        self._submitit.update_parameters(timeout_min=minutes)
        paths = [str(handle.job) for handle in handles]
        tasks = self._submitit.map_array(supervised, paths, [self._environment] * len(paths))
        for handle, task in zip(handles, tasks, strict=True):
            handle.task = task

    def close(self, *, now: bool) -> None:
        """No task is left. now: what runs is cancelled, and what waits never begins."""
        if now:
            for handle in self._handles:
                handle.stop()
        until = time.monotonic() + (2 * GRACE_S if now else math.inf)
        while not all(handle.done() for handle in self._handles) and time.monotonic() < until:
            time.sleep(0.2)
        if not now and not any(handle.reason() for handle in self._handles):
            shutil.rmtree(self._folder, ignore_errors=True)


def _ending_of(task: Any) -> str | None:
    """The reason where the task has ended ("": nothing is wrong), None where it runs or waits."""
    try:
        if not task.done():
            return None
        if not task.paths.result_pickle.exists():
            return f"the task {task.job_id} ended without a result ({task.state}); see {task.paths.stderr}"
        return str(task.result())
    except Exception as error:  # noqa: BLE001 - whatever submitit raises for a task that was lost
        return f"submitit lost the task: {one_line(error, 300)}"
