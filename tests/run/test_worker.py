"""A warm worker forks a process for each job: as separate as a new interpreter, and as right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tumorbench.run import lease, processes
from tumorbench.run.supervise import LOG, supervise
from tumorbench.run.warm import WarmWorker


@pytest.fixture
def warm():
    warm = WarmWorker()
    yield warm
    warm.close()


def wait_for(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


def predictions(record):
    return next(each.sha256 for each in record.artifacts if each.kind == "predictions")


def test_a_forked_worker_computes_what_a_new_interpreter_does(warm, jobs, record_of):
    (job,) = jobs("tiny-segmenter", deterministic=True, threads=1)
    assert supervise(job, start=warm.start).status == "ok"
    forked = record_of(job)
    (job,) = jobs("tiny-segmenter", deterministic=True, threads=1, force=True)
    assert supervise(job).status == "ok"
    assert predictions(record_of(job)) == predictions(forked)
    assert record_of(job).started_at != forked.started_at


def test_each_job_of_a_warm_worker_has_a_process_and_a_log_of_its_own(warm, jobs):
    both, pids = jobs("tiny-crash", seeds=(0, 1)), []

    def start(path, environment):
        process = warm.start(path, environment)
        pids.append(process.pid)
        return process

    assert [supervise(job, start=start).status for job in both] == ["failed", "failed"]
    assert len({os.getpid(), *pids}) == 3
    assert all((job.parent / LOG).exists() for job in both)


def test_a_warm_worker_that_was_killed_is_followed_by_another(warm, jobs, record_of):
    first, second = jobs("tiny-hang", "tiny-crash")

    def kill_the_warm_one():
        if lease.held(first.parent):
            os.kill(warm._server.pid, signal.SIGKILL)
        return False

    assert supervise(first, start=warm.start, stop=kill_the_warm_one).status in ("failed", "stopped")
    assert supervise(second, start=warm.start).status == "failed"
    assert record_of(second).reason.startswith("ZeroDivisionError")


def test_a_warm_worker_ends_with_the_process_that_started_it(tiny, monkeypatch):
    program = (
        "import os, sys\nfrom tumorbench.run.warm import WarmWorker\nwarm = WarmWorker()\nwarm._begin(os.environ)\n"
        "print(warm._server.pid, flush=True)\nsys.stdin.read()"
    )
    starter = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True)
    pid = int(starter.stdout.readline())
    assert processes.begun(pid) is not None
    starter.kill()
    starter.communicate()
    wait_for(lambda: processes.begun(pid) is None, 20)


def test_a_worker_without_a_job_or_with_a_file_that_is_none_says_so(tumorbench, tmp_path):
    assert "worker needs the file of a job" in tumorbench("worker").err
    (tmp_path / "job.json").write_text(json.dumps({"cell_key": "0"}))
    for path in ("job.json", "nowhere.json"):
        done = tumorbench("worker", tmp_path / path)
        assert (done.code, str(tmp_path / path) in done.err) == (2, True)
