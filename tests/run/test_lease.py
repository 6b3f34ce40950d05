"""One process at a time computes a cell, and what a dead one held is free."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from tumorbench.errors import Stopped
from tumorbench.run import lease
from tumorbench.run.lease import FILE, LEASE_S, Holder, Lease, held, read


def leave(folder, holder, age_s=0.0):
    """A lease of the holder lies in the folder, its heartbeat so old."""
    path = folder / FILE
    path.write_text(json.dumps(asdict(holder)))
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def elsewhere():
    return replace(Holder.here(), host="another", machine="another", pid=1)


def ended():
    """A holder on this machine whose process is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return replace(Holder.here(), pid=process.pid)


def test_the_first_gets_the_lease_and_the_second_does_not(tmp_path):
    first = Lease.acquire(tmp_path)
    assert first is not None
    assert Lease.acquire(tmp_path) is None
    first.release()
    assert Lease.acquire(tmp_path) is not None


def test_a_released_lease_leaves_no_file(tmp_path):
    Lease.acquire(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_the_lease_says_who_holds_it_and_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "WRITE_S", 0.0)
    Lease.acquire(tmp_path).beat(epoch=3, epochs=10, loss=0.5)
    found = held(tmp_path)
    assert (found["pid"], found["epoch"], found["epochs"], found["loss"]) == (os.getpid(), 3, 10, 0.5)


def test_a_dead_process_of_this_machine_loses_its_lease_at_once(tmp_path):
    leave(tmp_path, ended())
    assert held(tmp_path) is None
    assert Lease.acquire(tmp_path) is not None


def test_a_process_that_has_the_id_of_a_dead_one_does_not_keep_its_lease(tmp_path):
    here = Holder.here()
    leave(tmp_path, replace(here, pid_begun=here.pid_begun - 1))
    assert Lease.acquire(tmp_path) is not None


@pytest.mark.parametrize(("age_s", "free"), [(LEASE_S - 20, False), (LEASE_S + 20, True)])
def test_another_machine_keeps_its_lease_as_long_as_its_heartbeat_is_young(tmp_path, age_s, free):
    leave(tmp_path, elsewhere(), age_s)
    assert (Lease.acquire(tmp_path) is not None) is free


@pytest.mark.parametrize("error_s", [-3600, 3600])
def test_only_the_clock_of_the_file_system_counts(tmp_path, monkeypatch, error_s):
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + error_s)
    path = leave(tmp_path, elsewhere())
    path.touch()
    assert Lease.acquire(tmp_path) is None


def test_a_lease_that_is_being_written_is_not_taken(tmp_path):
    (tmp_path / FILE).touch()
    assert Lease.acquire(tmp_path) is None


@pytest.mark.parametrize("number", range(5))
def test_of_many_that_take_over_one_dead_lease_one_gets_it(tmp_path, number):
    leave(tmp_path, ended())
    barrier = threading.Barrier(32)

    def take(_number):
        barrier.wait()
        return Lease.acquire(tmp_path)

    with ThreadPoolExecutor(32) as pool:
        taken = [each for each in pool.map(take, range(32)) if each is not None]
    assert len(taken) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    taken[0].check()


def test_of_many_processes_that_take_over_one_dead_lease_one_gets_it(tmp_path):
    leave(tmp_path, elsewhere(), LEASE_S + 20)
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom tumorbench.run.lease import Lease\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "print(Lease.acquire(Path(sys.argv[1])) is not None, flush=True)\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(time.time() + 4)]
    takers = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(6)]
    answers = [taker.stdout.readline().strip() for taker in takers]
    for taker in takers:
        taker.communicate()
    assert sorted(answers) == ["False"] * 5 + ["True"]


def test_a_taker_that_died_on_the_way_does_not_block_the_next(tmp_path):
    other = ended()
    leave(tmp_path, other)
    claim = leave(tmp_path, other).with_name(f"lease-{other.token}-0.claim")
    claim.write_text(json.dumps(asdict(ended())))
    assert Lease.acquire(tmp_path) is not None
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_taker_that_is_at_work_keeps_others_away(tmp_path):
    other = ended()
    leave(tmp_path, other).with_name(f"lease-{other.token}-0.claim").write_text(json.dumps(asdict(Holder.here())))
    assert Lease.acquire(tmp_path) is None


def test_a_holder_whose_lease_was_taken_over_stops_and_leaves_the_other_s(tmp_path):
    mine = Lease.acquire(tmp_path)
    leave(tmp_path, elsewhere())
    with pytest.raises(Stopped, match="another process took over the cell"):
        mine.check()
    mine.release()
    assert read(tmp_path)["host"] == "another"


def test_the_heartbeat_keeps_the_lease_young_and_tells_of_its_loss(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "WRITE_S", 0.02)
    monkeypatch.setattr(lease, "BEAT_S", 0.0)
    mine, lost = Lease.acquire(tmp_path), threading.Event()
    os.utime(mine.path, (1, 1))
    mine.keep(on_lost=lost.set)
    until = time.monotonic() + 10
    while lease.age_s(mine.path) > LEASE_S and time.monotonic() < until:
        threading.Event().wait(0.01)
    assert lease.age_s(mine.path) < LEASE_S
    leave(tmp_path, elsewhere())
    assert lost.wait(10)
    assert read(tmp_path)["host"] == "another"
