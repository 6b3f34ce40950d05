"""A worker runs one job in a process of its own; whatever becomes of that process, the cell has a record that says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tumorbench.contracts.job import Job
from tumorbench.run import lease, processes, supervise
from tumorbench.run.supervise import HELD, LOG, Outcome, read_job
from tumorbench.run.warm import WarmWorker
from tumorbench.store import Store, write_json


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch):
    monkeypatch.setattr(supervise, "GRACE_S", 3.0)


@pytest.fixture(scope="module")
def warm():
    """A worker process that is warm for all tests of this module."""
    warm = WarmWorker()
    yield warm
    warm.close()


@pytest.fixture
def watched(warm):
    """Runs a job in a process of its own and watches it."""
    return lambda job, **how: supervise.supervise(job, start=warm.start, **how)


def worker(job, *arguments):
    return subprocess.Popen([sys.executable, "-m", "tumorbench", "worker", str(job), *arguments])


def wait_for(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


def holder_of(job):
    return lease.held(job.parent)


def test_a_worker_leaves_the_record_and_what_it_printed(jobs, record_of):
    (job,) = jobs("tiny-segmenter")
    assert worker(job).wait() == 0
    assert record_of(job).status == "ok"
    assert "epoch 3/3: loss" in (job.parent / LOG).read_text()
    assert not (job.parent / lease.FILE).exists()


def test_a_cell_that_fails_is_not_lost_and_its_record_says_why(jobs, record_of, watched):
    (job,) = jobs("tiny-crash")
    assert watched(job) == Outcome("failed", record_of(job).reason)
    assert record_of(job).reason.startswith("ZeroDivisionError: a fault of the model")


DEATHS = {
    "tiny-exit": "its process ended with exit code 0 before it wrote a record; a model or plugin may have called os._exit",
    "tiny-segfault": "its process was killed by SIGSEGV; its output is in ",
}


@pytest.mark.parametrize("model", DEATHS)
def test_a_process_that_dies_leaves_a_failed_record_that_says_of_what(jobs, record_of, model, watched):
    (job,) = jobs(model)
    outcome = watched(job)
    record = record_of(job)
    assert (record.status, record.reason) == ("failed", outcome.reason)
    assert record.reason.startswith(DEATHS[model])
    assert str(job.parent / LOG) in record.reason
    assert record.cell_key == read_job(job).cell_key
    assert not (job.parent / lease.FILE).exists()


def test_the_log_of_a_segmentation_fault_names_the_line(jobs, watched):
    (job,) = jobs("tiny-segfault")
    watched(job)
    assert "tiny_plugin_networks.py" in (job.parent / LOG).read_text()


def test_a_model_that_raises_system_exit_is_a_failed_record(jobs, record_of):
    (job,) = jobs("tiny-quit")
    assert worker(job).wait() == 1
    assert (record_of(job).status, record_of(job).reason.split(";")[0]) == ("failed", "SystemExit: 0")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("tiny-hang", "out of time after 1 s; "),
        ("tiny-deaf", "out of time after 1 s; it did not end when asked and was"),
    ],
)
def test_a_model_that_sleeps_for_ever_ends_as_timeout(jobs, record_of, model, said, watched):
    (job,) = jobs(model, timeout_s=1.0)
    assert watched(job).status == "timeout"
    assert record_of(job).status == "timeout"
    assert record_of(job).reason.startswith(said)


def test_a_worker_that_is_killed_leaves_a_failed_record_and_the_next_one_the_right_one(jobs, record_of, watched):
    (job,) = jobs("tiny-hang")
    killing = threading.Thread(
        target=lambda: (wait_for(lambda: holder_of(job)), os.kill(holder_of(job)["pid"], signal.SIGKILL))
    )
    killing.start()
    assert watched(job).status == "failed"
    killing.join()
    assert record_of(job).reason.startswith("its process was killed by SIGKILL; ")
    write_json(job, read_job(job).model_copy(update={"timeout_s": 0.5}))
    assert watched(job).status == "timeout"
    assert record_of(job).status == "timeout"


def test_a_process_that_the_kernel_ended_for_want_of_memory_is_oom(jobs, record_of, monkeypatch, watched):
    """The counter is the kernel's; that it rises is all that this test pretends."""
    counts = iter((4, 5))
    monkeypatch.setattr(processes, "oom_kills", lambda: next(counts))
    (job,) = jobs("tiny-hang")
    killing = threading.Thread(
        target=lambda: (wait_for(lambda: holder_of(job)), os.kill(holder_of(job)["pid"], signal.SIGKILL))
    )
    killing.start()
    assert watched(job).status == "oom"
    killing.join()
    assert "memory ran out" in record_of(job).reason


def test_a_job_that_is_stopped_has_no_record_and_its_cell_is_free(jobs, watched):
    (job,) = jobs("tiny-hang")
    outcome = watched(job, stop=lambda: holder_of(job) is not None)
    assert outcome.status == "stopped"
    assert {path.name for path in job.parent.iterdir()} >= {"job.json", LOG}
    assert not {"record.json", lease.FILE} & {path.name for path in job.parent.iterdir()}


def test_a_cell_that_another_process_holds_is_passed_over(jobs, watched):
    (job,) = jobs("tiny-segmenter")
    mine = lease.Lease.acquire(job.parent)
    assert watched(job).status == "held"
    assert worker(job).wait() == HELD
    mine.release()
    assert not (job.parent / "record.json").exists()


def test_an_earlier_record_that_stands_is_not_overwritten(jobs, record_of):
    (job,) = jobs("tiny-exit")
    asked = read_job(job)
    earlier = _record(asked, "ok")
    Store(job.parents[4]).write(earlier)
    before = (job.parent / "record.json").read_bytes()
    write_json(job, asked.model_copy(update={"what": "rescore", "identity": asked.identity}))
    killed = supervise._Watched(read_job(job), job)
    assert killed.outcome(pid=1, code=-9).status == "failed"
    assert (job.parent / "record.json").read_bytes() == before


def test_a_forced_cell_that_dies_takes_the_place_of_the_earlier_record(jobs, record_of, watched):
    (job,) = jobs("tiny-exit", force=True)
    Store(job.parents[4]).write(_record(read_job(job), "ok"))
    assert watched(job).status == "failed"
    assert record_of(job).status == "failed"


def _record(job: Job, status):
    from tumorbench.run.lost import lost_record

    return lost_record(job, status, "")


def test_a_worker_whose_supervisor_is_killed_stops(jobs):
    (job,) = jobs("tiny-hang")
    program = "import sys\nfrom pathlib import Path\nfrom tumorbench.run.supervise import supervise\nsupervise(Path(sys.argv[1]))"
    supervisor = subprocess.Popen([sys.executable, "-c", program, str(job)])
    wait_for(lambda: holder_of(job))
    pid = holder_of(job)["pid"]
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: processes.begun(pid) is None, 20)
    assert not (job.parent / "record.json").exists()
    assert not (job.parent / lease.FILE).exists()
