"""A worker that stays warm: it imports what every cell needs once, and forks a process of its own for each job.

A fork takes milliseconds; an interpreter that imports torch, and then what scores and draws, takes seconds. Forking is
safe only before the process has started threads of its own or CUDA, so the warm process does nothing but import: first
what nearly every cell needs, and after each job what that job needed besides.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from tumorbench import registry
from tumorbench.run import processes
from tumorbench.run.supervise import LOG, Process, start_process
from tumorbench.run.worker import work

__all__ = ["WarmWorker", "serve"]

READY_S = 300.0  # that it may take to import what cells need
ENDING_S = 10.0  # that a killed process may take to be gone
IMPORTED = (  # by nearly every cell
    "tumorbench.run.job", "tumorbench.contracts.families", "torch", "torch._dynamo", "pandas", "pyarrow.parquet", "scipy.stats",
    "sklearn.metrics", "sklearn.model_selection", "matplotlib.pyplot",
)  # fmt: skip


def serve(parent: int) -> int:
    """Each job whose path came on stdin was run in a process of its own; returns the exit code of *this* process.

    It returns more than once: in each forked process with the exit code of its job. Answers, a line of JSON each, go to
    the original stdout: ``{"pid": n}`` when a job begins, ``{"exit": n}`` when it has ended (negative: by that signal).
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    silent = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(silent, number)
    if not processes.end_with_parent(parent):
        return 1
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # to ask for a GPU does not start CUDA
    _import_those(IMPORTED)
    found = registry.find()
    answers.write(json.dumps({"ready": _can_fork()}) + "\n")
    while line := sys.stdin.readline():
        with tempfile.TemporaryFile() as learned:
            pid = os.fork()
            if pid == 0:
                os.setsid()
                answers.close()
                os.dup2(silent, 0)
                return _forked(Path(json.loads(line)["job"]), os.getppid(), found, learned)
            answers.write(json.dumps({"pid": pid}) + "\n")
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            answers.write(json.dumps({"exit": code}) + "\n")
            learned.seek(0)
            _import_those(_not_of_plugins(learned.read().decode().split(), found))
        if not _can_fork():
            return 0
    return 0


def _forked(path: Path, parent: int, found: registry.Registry, learned: IO[bytes]) -> int:
    """The job has run in this process; ``learned`` names the modules that it imported besides."""
    with (path.parent / LOG).open("ab") as log:
        for number in (1, 2):
            os.dup2(log.fileno(), number)
    before = set(sys.modules)
    code = work(path, parent, found)
    learned.write("\n".join(name for name in list(sys.modules) if name not in before).encode())
    learned.flush()
    return code


def _import_those(names: Iterable[str]) -> None:
    """The modules are imported, as far as they can be: a later process finds them there."""
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(Exception):
                import_module(name)


def _not_of_plugins(names: Sequence[str], found: registry.Registry) -> list[str]:
    """Those of the modules that belong to tumorbench or to what lies beside torch: a plugin's may do anything when imported."""
    import torch

    beside_torch = Path(torch.__file__).parents[1]
    plugins = {plugin.module.partition(".")[0] for plugin in found.plugins} - {"tumorbench"}
    roots = {name.partition(".")[0] for name in names} - plugins
    known = {
        root
        for root in roots
        if root in sys.stdlib_module_names or any(beside_torch.glob(f"{root}*")) or root == "tumorbench"
    }
    return [name for name in names if name.partition(".")[0] in known]


def _can_fork() -> bool:
    """Whether a forked process starts clean: nothing that was imported has started CUDA or a thread of Python's.

    ``is_initialized`` speaks for torch alone; whoever else starts CUDA's driver opens its device for unified memory.
    """
    import torch

    started: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with contextlib.suppress(OSError):
        opened = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
        started = started or any(name.startswith("/dev/nvidia-uvm") for name in opened)
    return not started and threading.active_count() == 1


class WarmWorker:
    """Starts the worker of each job, one after another, from one warm process; from a new interpreter where that fails."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._variables: dict[str, str] = {}
        self._usable = sys.platform == "linux"

    def start(self, path: Path, environment: Mapping[str, str]) -> Process:
        """The job's worker has started. The thread that calls this first has to live as long as the warm process."""
        if self._usable and not self._serves(environment):
            self._begin(environment)
        if not self._usable or self._server is None:
            return start_process(path, environment)
        assert self._server.stdin is not None
        try:
            self._server.stdin.write(json.dumps({"job": str(path)}).encode() + b"\n")
            self._server.stdin.flush()
        except BrokenPipeError:
            return start_process(path, environment)
        answer = _answer(self._server, READY_S)
        return _Forked(self._server, answer["pid"]) if answer else start_process(path, environment)

    def _serves(self, environment: Mapping[str, str]) -> bool:
        """Whether the warm process is there, with the same devices, threads and settings."""
        return self._server is not None and self._server.poll() is None and self._variables == _that_count(environment)

    def close(self) -> None:
        """The warm process has ended."""
        if self._server is not None:
            self._server.kill()
            self._server.communicate()
            self._server = None

    def _begin(self, environment: Mapping[str, str]) -> None:
        self.close()
        self._variables = _that_count(environment)
        command = [sys.executable, "-m", "tumorbench", "worker", "--serve", "--parent", str(os.getpid())]
        self._server = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            command, env=environment, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        answer = _answer(self._server, READY_S)
        if not answer or not answer["ready"]:
            self._usable = False
            self.close()


def _that_count(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a process reads once, when it starts or imports torch."""
    prefixes = ("CUDA_", "MKL_", "OMP_", "OPENBLAS_", "PYTHONPATH", "TUMORBENCH_")
    return {name: value for name, value in environment.items() if name.startswith(prefixes)}


class _Forked:
    """A worker that the warm process forked; the warm process waits for it and tells how it ended."""

    def __init__(self, server: subprocess.Popen[bytes], pid: int) -> None:
        self._server, self.pid = server, pid
        self._code: int | None = None

    def wait(self, timeout_s: float) -> int | None:
        """As ``Process.wait``. Where the warm process is gone, its worker goes with it."""
        if self._code is None and _readable(self._server, timeout_s):
            answer = _answer(self._server, timeout_s)
            if not answer:
                self._end()
            self._code = answer["exit"] if answer else -int(signal.SIGKILL)
        return self._code

    def _end(self) -> None:
        until = time.monotonic() + ENDING_S
        while processes.begun(self.pid) is not None and time.monotonic() < until:
            processes.end_group(self.pid)
            time.sleep(0.01)


def _readable(server: subprocess.Popen[bytes], timeout_s: float) -> bool:
    assert server.stdout is not None
    return bool(select.select([server.stdout], [], [], timeout_s)[0])


def _answer(server: subprocess.Popen[bytes], timeout_s: float) -> dict[str, Any]:
    """The next answer of the warm process; empty where it has ended, or says nothing for so long."""
    assert server.stdout is not None
    if not _readable(server, timeout_s):
        return {}
    line = server.stdout.readline()
    found: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
    return found
