"""Jobs as Ray tasks: on the cluster at an address, or on one that is started on this machine for the run."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tumorbench.contracts.executor import ExecutorSettings
from tumorbench.errors import BadInput, one_line
from tumorbench.run.executors.package import package
from tumorbench.run.executors.resources import cores, passed_on, supervised, thread_variables
from tumorbench.run.warm import WarmWorker

__all__ = ["RayExecutor"]

ASK_S = 2.0  # between two looks whether the head of the cluster is there
SILENT_S = 10.0  # after which a head that does not answer is taken for dead
MANY = 10_000
COLOUR = re.compile(r"\x1b\[\d*m")
_warm: WarmWorker | None = None  # in a process of Ray


class RayHandle:
    """A task of the cluster."""

    def __init__(self, job: Path, task: Any, executor: RayExecutor) -> None:
        self.job, self._task, self._executor = job, task, executor
        self._reason: str | None = None

    def done(self) -> bool:
        """Whether it has ended, or the cluster has."""
        if self._reason is None:
            self._reason = self._executor.ending_of(self._task)
        return self._reason is not None

    def reason(self) -> str:
        """Why it left no record."""
        return self._reason or ""

    def cancel(self, ray: Any) -> None:
        """The task is asked to stop its worker."""
        if not self.done():
            with contextlib.suppress(Exception):
                ray.cancel(self._task, force=False)


class RayExecutor:
    """A task a job, with one GPU, or with the cores of one job; Ray queues what has no room yet."""

    def __init__(self, settings: ExecutorSettings) -> None:
        self.slots = settings.jobs or MANY
        _set_variables()
        self._ray = ray = package("ray", "ray", "ray")
        threads = settings.threads or max(1, cores() // (settings.jobs or 1))
        resources = {"num_gpus": 1, "num_cpus": 1} if settings.device == "cuda" else {"num_cpus": threads}
        self._environment = passed_on() | (thread_variables(threads) if settings.device == "cpu" else {})
        self._begin(settings.address)
        self._head = _host_and_port(ray.get_runtime_context().gcs_address)
        self._asked = self._heard = time.monotonic()
        self._task = ray.remote(max_retries=0, **resources)(_supervised)
        self._handles: list[RayHandle] = []

    def _begin(self, address: str | None) -> None:
        where = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            if address is None:
                self._ray.init(address="local", num_cpus=cores(), include_dashboard=False, **quiet)
                return
            if address != "auto":  # Ray itself would wait for minutes
                socket.create_connection(_host_and_port(address), timeout=SILENT_S).close()
            self._ray.init(address=address, **quiet)
        except Exception as error:
            hint = "give --address HOST:PORT of its head, or auto for the one on this machine"
            raise BadInput(f"{where} cannot be used ({one_line(error)}); {hint}") from error

    def submit(self, jobs: Sequence[Path]) -> list[RayHandle]:
        """Each job is a task."""
        handles = [RayHandle(job, self._task.remote(str(job), self._environment), self) for job in jobs]
        self._handles += handles
        return handles

    def ending_of(self, task: Any) -> str | None:
        """The reason where the task has ended ("": nothing is wrong), None where it runs or waits."""
        if not self._is_there():
            return f"the head of the Ray cluster at {':'.join(map(str, self._head))} does not answer"
        try:
            ready, _ = self._ray.wait([task], timeout=0)
            return str(self._ray.get(task)) if ready else None
        except Exception as error:  # noqa: BLE001 - whatever Ray says of a lost task or a lost cluster
            return f"Ray lost the task: {COLOUR.sub('', one_line(error, 300))}"

    def _is_there(self) -> bool:
        """Whether the head of the cluster answered lately. Ray itself waits for it, and then ends the whole process."""
        if time.monotonic() - self._asked >= ASK_S:
            self._asked = time.monotonic()
            with contextlib.suppress(OSError), socket.create_connection(self._head, timeout=ASK_S):
                self._heard = time.monotonic()
        return time.monotonic() - self._heard < SILENT_S

    def close(self, *, now: bool) -> None:
        """The cluster is left. now: its tasks are asked to stop their workers first."""
        if self._is_there():
            if now:
                for handle in self._handles:
                    handle.cancel(self._ray)
            tasks = [handle for handle in self._handles if not handle.done()]
            until = time.monotonic() + (15.0 if now else 1e9)
            while tasks and time.monotonic() < until:
                time.sleep(0.1)
                tasks = [handle for handle in tasks if not handle.done()]
        self._ray.shutdown()


def _supervised(path: str, environment: dict[str, str]) -> str:
    """As ``supervised``, in a process of Ray, which takes one task after another: it keeps a warm worker for them."""
    global _warm  # noqa: PLW0603 - Ray keeps the process, and nothing else of one task for the next
    _warm = _warm or WarmWorker()
    return supervised(path, environment, start=_warm.start)


def _set_variables() -> None:
    """What Ray reads when it is imported: it reports nothing to anybody, and shows the token where this user has one.

    A head that this user starts asks for the token as soon as there is one; a head that asks for none does not mind it.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if (Path.home() / ".ray" / "auth_token").exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
