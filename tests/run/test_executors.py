"""Executors decide where a job runs. The same cells leave the same predictions on each of them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import psutil
import pytest

from tumorbench import registry
from tumorbench.errors import BadInput
from tumorbench.run import executors, lease, processes
from tumorbench.store import Store

SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "-m", "tiny-segmenter", "-m", "tiny-joint", "--seeds", "6")
CELLS = 12


@pytest.fixture(scope="module", autouse=True)
def _ray_asks_for_a_token_of_these_tests():
    """Ray makes one in the user's home else, and lets everybody in before there is one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", uuid.uuid4().hex)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


def wait_for(condition, seconds=300.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


@pytest.fixture
def start(tiny):
    """Starts executors for the store ``runs``; those that a test leaves open are closed at its end."""
    started = []

    def begin(name, **settings):
        started.append(executors.start(name, registry.find(), store=tiny / "runs", **settings))
        return started[-1]

    yield begin
    for executor in started:
        executor.close(now=True)


def finish(executor, jobs):
    """What the executor says of each job when all have ended."""
    handles = executor.submit(jobs)
    assert [handle.job for handle in handles] == list(jobs)
    wait_for(lambda: all(handle.done() for handle in handles))
    executor.close(now=False)
    return [handle.reason() for handle in handles]


class Head:
    """A Ray cluster of two processors that was started apart from any driver, as ``ray start --head`` does."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}"]
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: the names of its sockets are limited
        options = ["--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={self.folder}"]
        log = (folder / "ray.log").open("w")
        self.process = subprocess.Popen([*command, *options], stdout=log, stderr=subprocess.STDOUT)
        log.close()
        wait_for(lambda: "--block" in (folder / "ray.log").read_text())

    def parts(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill(self):
        """As ``kill -9`` of its two servers."""
        for part in self.parts():
            if part.name() in ("gcs_server", "raylet"):
                part.kill()

    def close(self):
        parts = self.parts()
        self.process.terminate()
        self.process.wait()
        for part in psutil.wait_procs(parts, timeout=10)[1]:
            part.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def head(tmp_path):
    head = Head(tmp_path)
    yield head
    head.close()


def test_three_executors_are_installed_and_an_unknown_name_says_which(start):
    with pytest.raises(
        BadInput,
        match=r"no executor is called 'locol'; did you mean local\?; installed: in-process, local, ray, submitit",
    ):
        start("locol")


def test_an_unknown_executor_that_is_near_none_is_told_the_names_once(start):
    with pytest.raises(BadInput, match=r"^no executor is called 'xyz'; known: in-process, local, ray, submitit$"):
        start("xyz")


@pytest.mark.parametrize(("name", "package", "extra"), [("ray", "ray", "ray"), ("submitit", "submitit", "slurm")])
def test_an_executor_without_its_package_names_the_extra(start, monkeypatch, name, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadInput, match=rf"needs the package {package} .*; pip install 'tumorbench\[{extra}\]'"):
        start(name)


def test_no_jobs_at_once_are_refused(start):
    with pytest.raises(BadInput, match="--jobs 0 runs nothing; give 1 or more"):
        start("local", jobs=0)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({}, "there is no Slurm here"), ({"address": "example.org:1"}, "give slurm or local")],
)
def test_submitit_says_where_it_can_be_used(start, settings, said):
    with pytest.raises(BadInput, match=said):
        start("submitit", **settings)


def test_a_ray_cluster_that_is_not_there_is_named(start):
    with pytest.raises(BadInput, match=r"the Ray cluster at 127\.0\.0\.1:1 cannot be used"):
        start("ray", address="127.0.0.1:1")


def test_a_stranger_s_executor_is_started_with_the_settings(start, install_plugin):
    install_plugin(
        "stranger",
        stranger_executor=(
            "import tumorbench as tb\n\n@tb.hookimpl\ndef tumorbench_executors():\n"
            '    yield tb.ExecutorSpec(id="my-cluster", title="t", factory="stranger_executor:MyCluster")\n\n'
            "class MyCluster:\n    def __init__(self, settings):\n        self.settings = settings\n"
            "    def close(self, *, now):\n        pass\n"
        ),
    )
    settings = start("my-cluster", jobs=3, threads=2, address="here").settings
    assert (settings.jobs, settings.threads, settings.address, settings.device) == (3, 2, "here", "cpu")


def test_each_local_slot_has_a_gpu_of_its_own(start, jobs, record_of, monkeypatch):
    """The jobs compute on the CPU; what their processes are told is in their records."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    executor = start("local", device="cuda")
    assert executor.slots == 2
    both = jobs("tiny-segmenter", "tiny-joint")
    assert finish(executor, both) == ["", ""]
    told = [record_of(job).environment["variables"]["CUDA_VISIBLE_DEVICES"] for job in both]
    assert sorted(told) == ["3", "5"]


def test_local_jobs_that_die_do_not_take_the_others_with_them(start, jobs, record_of):
    all_of_them = jobs("tiny-exit", "tiny-segfault", "tiny-quit", "tiny-hang", "tiny-segmenter", timeout_s=20.0)
    executor = start("local", jobs=1)
    assert finish(executor, all_of_them) == [""] * 5
    found = {record_of(job).identity.model: record_of(job).status for job in all_of_them}
    dead = dict.fromkeys(("tiny-exit", "tiny-segfault", "tiny-quit"), "failed")
    assert found == {**dead, "tiny-hang": "timeout", "tiny-segmenter": "ok"}


def test_closing_the_local_executor_now_stops_what_runs_and_what_waits(start, jobs):
    running, waiting = jobs("tiny-hang", seeds=(0, 1))
    executor = start("local", jobs=1)
    handles = executor.submit([running, waiting])
    wait_for(lambda: lease.held(running.parent))
    pid = lease.held(running.parent)["pid"]
    executor.close(now=True)
    assert all(handle.done() for handle in handles)
    assert handles[1].reason() == "the run was stopped before it began"
    assert processes.begun(pid) is None
    assert [path for job in (running, waiting) for path in job.parent.glob("record.json")] == []


def test_jobs_of_a_ray_cluster_whose_head_is_killed_are_done(start, head, jobs):
    (job,) = jobs("tiny-hang")
    executor = start("ray", address=head.address, threads=1)
    (handle,) = executor.submit([job])
    wait_for(lambda: lease.held(job.parent))
    pid = lease.held(job.parent)["pid"]
    head.kill()
    wait_for(handle.done, 60)
    assert "Ray" in handle.reason()
    wait_for(lambda: processes.begun(pid) is None, 60)
    assert not (job.parent / "record.json").exists()


def test_closing_submitit_now_stops_what_runs_and_what_waits(start, jobs):
    running, waiting = jobs("tiny-hang", seeds=(0, 1))
    executor = start("submitit", address="local", threads=1)
    executor.submit([running, waiting])
    wait_for(lambda: lease.held(running.parent))
    pid = lease.held(running.parent)["pid"]
    executor.close(now=True)
    wait_for(lambda: processes.begun(pid) is None, 60)
    assert not lease.held(waiting.parent)


def hashes(store: Path) -> dict[str, str]:
    """Cell key -> SHA-256 of its predictions, of the finished cells of a store."""
    return {
        record.cell_key: next(each.sha256 for each in record.artifacts if each.kind == "predictions")
        for _, record in Store(store).records()
        if record.status == "ok"
    }


@pytest.fixture(scope="module")
def carried_out(tiny_site, tmp_path_factory):
    """Runs the twelve cells with some options in a store of their own, once each; returns their hashes."""
    folder, done = tmp_path_factory.mktemp("executors"), {}
    environment = os.environ | {"PYTHONPATH": str(tiny_site), "TUMORBENCH_CACHE": str(folder / "cache")}
    environment |= {"OMP_NUM_THREADS": "1"}

    def carry_out(*options):
        if options not in done:
            store = folder / f"runs-{len(done)}"
            command = [sys.executable, "-m", "tumorbench", "run", *SELECTION, "--store", str(store), "--no-throughput"]
            began = time.monotonic()
            command += ["--deterministic", "--threads", "1", *options]
            run = subprocess.run(command, check=False, env=environment, cwd=folder, capture_output=True, text=True)
            assert run.returncode == 0, run.stderr[-2000:]
            sys.stdout.write(f"{CELLS} cells, {' '.join(options)}: {time.monotonic() - began:.0f} s\n")
            done[options] = hashes(store)
        return done[options]

    return carry_out


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [("--executor", "local", "--jobs", "2"), ("--executor", "submitit", "--address", "local", "--jobs", "2")],
    ids=["local, 2 jobs", "submitit"],
)
def test_the_same_cells_leave_the_same_predictions(carried_out, options):
    alone = carried_out("--executor", "local", "--jobs", "1")
    assert len(alone) == CELLS
    assert carried_out(*options) == alone


@pytest.mark.slow
def test_the_same_cells_leave_the_same_predictions_on_a_ray_cluster(carried_out, head):
    alone = carried_out("--executor", "local", "--jobs", "1")
    assert carried_out("--executor", "ray", "--address", head.address) == alone
