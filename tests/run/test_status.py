"""``tumorbench status`` says how each cell of a store stands, also while it is computed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace

from tumorbench.contracts.record import Record
from tumorbench.run.lease import FILE, Holder, Lease
from tumorbench.run.lost import lost_record
from tumorbench.run.supervise import LOG, read_job
from tumorbench.store import Store


def write(job, status, reason="") -> Record:
    record = lost_record(read_job(job), status, reason)
    Store(job.parents[4]).write(record)
    return record


def rows(tumorbench):
    return {row["seed"]: row for row in json.loads(tumorbench("status", "--json").out)}


def test_every_state_is_told_apart(tumorbench, jobs):
    done, failed, running, interrupted, waiting, dead = jobs("tiny-segmenter", seeds=(0, 1, 2, 3, 4, 5))
    write(done, "ok")
    done.unlink()
    write(failed, "failed", "its process was killed by SIGSEGV")
    failed.unlink()
    lease = Lease.acquire(running.parent)
    lease.beat(epoch=3, epochs=10)
    (interrupted.parent / LOG).touch()
    (dead.parent / FILE).write_text(json.dumps(asdict(replace(Holder.here(), pid_begun=1.0))))
    (dead.parent / "progress.pt").touch()
    found = rows(tumorbench)
    lease.release()
    states = {seed: row["state"] for seed, row in found.items()}
    assert states == {0: "done", 1: "failed", 2: "running", 3: "interrupted", 4: "waiting", 5: "interrupted"}
    assert found[1]["reason"] == "its process was killed by SIGSEGV"
    assert found[2]["what"].startswith(f"epoch 3 of 10, on {lease.holder.host}, process {os.getpid()}, for 0 min ")
    assert waiting.exists()


def test_a_record_is_over_when_its_cell_is_submitted_again(tumorbench, jobs):
    (job,) = jobs("tiny-segmenter")
    write(job, "failed", "a fault")
    os.utime(job.parent / "record.json", (1, 1))
    assert rows(tumorbench)[0]["state"] == "waiting"


def test_the_table_ends_with_a_count_of_each_state(tumorbench, jobs):
    first, _second = jobs("tiny-segmenter", seeds=(0, 1))
    write(first, "ok")
    first.unlink()
    out = tumorbench("status").out.splitlines()
    assert out[0].split() == ["dataset", "model", "protocol", "fold", "seed", "budget", "state", "what"]
    assert out[-1] == "1 done, 1 waiting"


def test_status_leaves_the_store_as_it_is(tumorbench, jobs):
    (job,) = jobs("tiny-segmenter")
    (job.parent / FILE).write_text(json.dumps(asdict(replace(Holder.here(), machine="another"))))
    before = sorted(job.parents[4].rglob("*"))
    assert rows(tumorbench)[0]["state"] == "running"
    assert sorted(job.parents[4].rglob("*")) == before


def test_a_store_that_is_not_there_is_an_error(tumorbench, tiny):
    assert "there is no store" in tumorbench("status", "--store", "nowhere").err


def test_status_loads_no_torch(tiny):
    program = (
        "import sys\nfrom tumorbench.cli import main\n"
        "try:\n    main(['status', '--store', '.'])\nexcept SystemExit:\n    assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
