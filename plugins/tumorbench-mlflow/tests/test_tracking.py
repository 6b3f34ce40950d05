"""What MLflow holds is what the observer was told: in a file, in a folder, and on a real server on this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pytest
import requests
from observed_cells import ENTRIES, observed_cell, record_of

import tumorbench as tb
from tumorbench.registry import find
from tumorbench_mlflow.tracking import Tracking

pytestmark = [
    pytest.mark.filterwarnings("default::DeprecationWarning"),  # MLflow's own
    pytest.mark.filterwarnings("default::FutureWarning"),
    pytest.mark.filterwarnings("default::sqlalchemy.exc.SADeprecationWarning"),
]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def cell(store):
    return observed_cell(store)


def watch(store, cell, where=None, **changes):
    """The observer is told of the whole cell. Returns it."""
    watching = Tracking(tb.ObserverSettings(store, where))
    watching.begin(cell)
    for entry in ENTRIES:
        watching.epoch(cell, entry)
    watching.end(cell, record_of(cell, **changes))
    watching.close()
    return watching


def runs_of(watching):
    experiment = watching.client.get_experiment_by_name("tumorbench/some-set")
    return watching.client.search_runs([experiment.experiment_id])


def assert_is_whole(watching):
    (run,) = runs_of(watching)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "some-net grouped fold 1 seed 3 quick")
    assert run.data.params["recipe.params.dropout"] == "0.25"
    assert run.data.params["recipe.preprocessing.size"] == "64"
    assert run.data.tags["mlflow.note.content"] == "tumorbench run -d some-set"
    assert run.data.metrics["test/accuracy"] == 0.75
    assert run.data.metrics["test/fid.inception-v3-compat"] == 12.5
    assert "test/recall/glioma" not in run.data.metrics
    losses = watching.client.get_metric_history(run.info.run_id, "loss")
    assert [(each.step, each.value) for each in losses] == [(1, 1.0), (2, 0.5)]


def test_a_file_of_the_store_holds_the_cell(store, cell):
    assert_is_whole(watch(store, cell))
    assert (store / "mlflow.db").exists()


def test_a_folder_that_is_named_holds_the_cell(store, cell, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert_is_whole(watch(store, cell, (tmp_path / "folder").as_uri()))
    assert list((tmp_path / "folder").rglob("metrics/loss"))


def test_a_cell_that_goes_on_or_is_run_again_has_one_run(store, cell):
    first = Tracking(tb.ObserverSettings(store))
    first.begin(cell)
    first.epoch(cell, ENTRIES[0])
    first.close()
    (run,) = runs_of(first)
    assert run.info.status == "KILLED"
    second = Tracking(tb.ObserverSettings(store))
    second.begin(cell)
    second.epoch(cell, ENTRIES[1])
    second.end(cell, record_of(cell))
    assert_is_whole(second)


def test_a_cell_that_failed_is_told_with_its_reason(store, cell):
    (run,) = runs_of(watch(store, cell, status="failed", reason="it diverged", metrics=()))
    assert (run.info.status, run.data.tags["tumorbench.reason"]) == ("FAILED", "it diverged")


def test_a_server_that_is_not_there_is_told_in_one_line_within_seconds(store, monkeypatch):
    for name, value in (("MAX_RETRIES", "0"), ("TIMEOUT", "2")):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    with pytest.raises(tb.BadInput, match=r"the MLflow store http://127\.0\.0\.1:9 cannot be used .*start its server"):
        Tracking(tb.ObserverSettings(store, "http://127.0.0.1:9"))


def test_the_card_is_found_and_does_not_load_mlflow():
    assert find().observer("mlflow").factory == "tumorbench_mlflow.tracking:Tracking"
    program = "import sys, tumorbench_mlflow.tracking; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.fixture
def server(tmp_path):
    """The address of a real ``mlflow server``; skipped where the whole of MLflow is not installed."""
    command = os.environ.get("TUMORBENCH_MLFLOW") or shutil.which("mlflow")
    whole = command and subprocess.run([command, "server", "--help"], capture_output=True, check=False).returncode == 0
    if not whole:
        pytest.skip("needs the whole of mlflow: the tox environment observers has it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    given += ["--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}", "--artifacts-destination", str(tmp_path)]
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(
        [command, "server", *given], stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
    )
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while True:
        with suppress(requests.RequestException):
            if requests.get(f"{address}/health", timeout=2).ok:
                break
        assert process.poll() is None, (tmp_path / "server.log").read_text()
        assert time.monotonic() < until, (tmp_path / "server.log").read_text()
        time.sleep(0.1)
    yield address
    os.killpg(process.pid, 15)
    process.wait(30)
    log.close()


@pytest.mark.slow
def test_a_real_server_holds_the_cell(store, cell, server):
    assert_is_whole(watch(store, cell, server))
    assert not (store / "mlflow.db").exists()
