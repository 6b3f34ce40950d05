"""What happens to a cell that was run before: its record and its artifacts always agree, and no cell takes another with it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorbench import training
from tumorbench.errors import Stopped
from tumorbench.run.cell import CellOptions, run_cell
from tumorbench.store import read_record
from tumorbench.tasks.scores.instruments import extractor_of
from tumorbench.training.compiling import Plan

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")
CLASSIFIER = (*SELECTION, "-m", "tiny-classifier")


def only_record(root: Path) -> tuple[Path, dict]:
    (path,) = root.glob("runs/cells/**/record.json")
    return path, json.loads(path.read_text())


def disagreements(path: Path, record: dict) -> list[str]:
    """The artifacts that are not what the record says."""
    return [
        each["path"]
        for each in record["artifacts"]
        if hashlib.sha256((path.parent / each["path"]).read_bytes()).hexdigest() != each["sha256"]
    ]


def mode_of(root: Path) -> str:
    return only_record(root)[1]["determinism"]["mode"]


def test_a_record_of_default_mode_does_not_stand_for_a_deterministic_one(tumorbench, tmp_path):
    tumorbench("run", *CLASSIFIER)
    again = tumorbench("run", *CLASSIFIER, "--deterministic")
    assert "1 of 1 cells done, 0 of them cached" in again.out
    assert mode_of(tmp_path) == "deterministic"


def test_a_deterministic_record_stands_for_both_modes(tumorbench, tmp_path):
    tumorbench("run", *CLASSIFIER, "--deterministic")
    for options in ((), ("--deterministic",)):
        assert "1 of 1 cells done, 1 of them cached" in tumorbench("run", *CLASSIFIER, *options).out
    assert mode_of(tmp_path) == "deterministic"


def test_a_deterministic_run_does_not_continue_what_default_mode_began(context, planned, caplog):
    def interrupt(entry, _epochs):
        raise Stopped

    cell = planned("tiny-classifier").cell
    with pytest.raises(Stopped):
        run_cell(cell, context, CellOptions(on_epoch=interrupt))
    record = run_cell(cell, context, CellOptions(deterministic=True))
    assert record.timing.resumed_from_epoch is None
    assert record.determinism["discarded_progress"] == "deterministic was False and is True"
    assert "training starts anew" in caplog.text


def test_a_record_says_what_of_a_step_was_compiled_and_on_the_cpu_nothing(context, planned, monkeypatch):
    cell = planned("tiny-classifier").cell
    assert "compiled" not in run_cell(cell, context, CellOptions()).determinism
    monkeypatch.setitem(training.fit.__kwdefaults__, "plan", lambda *_, **_how: Plan(reason="a reason"))
    record = run_cell(cell, context, CellOptions(force=True))
    assert record.determinism["compiled"] == "nothing: a reason"
    assert record.cell_key == cell.key


def test_while_a_forced_cell_is_scored_nothing_of_the_earlier_one_is_overwritten(context, planned, monkeypatch):
    import torch

    cell = planned("tiny-classifier").cell
    before = run_cell(cell, context, CellOptions())
    path = context.store.cell_folder(cell.identity, cell.key) / "record.json"
    inode = (path.parent / "predictions.parquet").stat().st_ino
    save = torch.save

    def killed(state, file):
        if "unfinished" in file.name:  # after the predictions, before the checkpoint
            raise Stopped
        save(state, file)

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(Stopped):
        run_cell(cell, context, CellOptions(force=True))
    assert read_record(path) == before
    assert (path.parent / "predictions.parquet").stat().st_ino == inode
    assert disagreements(path, before.model_dump(mode="json")) == []


def test_a_store_that_is_killed_while_it_replaces_a_record_has_no_record(context, planned, tmp_path, monkeypatch):
    cell = planned("tiny-classifier").cell
    record = run_cell(cell, context, CellOptions())
    staged = tmp_path / "staged"
    staged.mkdir()
    for name in ("checkpoint.pt", "predictions.parquet"):
        (staged / name).write_text("of another run")
    rename = Path.rename
    monkeypatch.setattr(
        Path,
        "rename",
        lambda self, target: pytest.fail("killed") if self.name == "predictions.parquet" else rename(self, target),
    )
    with pytest.raises(pytest.fail.Exception, match="killed"):
        context.store.replace(record, staged)
    assert list(tmp_path.glob("runs/cells/**/record.json")) == []


def test_a_cell_that_fails_when_forced_has_no_artifacts_of_the_earlier_run(context, planned):
    def fault(_entry, _epochs):
        raise ZeroDivisionError("a fault")

    cell = planned("tiny-classifier").cell
    run_cell(cell, context, CellOptions())
    record = run_cell(cell, context, CellOptions(force=True, on_epoch=fault))
    folder = context.store.cell_folder(cell.identity, cell.key)
    assert (record.status, record.artifacts) == ("failed", ())
    left = {"record.json", "error.txt", "progress.pt", "progress.best-1.pt", "sessions.json"}
    assert {path.name for path in folder.iterdir()} <= left


def test_the_deadline_is_seen_before_scoring(context, planned, monkeypatch):
    monotonic, late = time.monotonic, []
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 1000 * len(late))

    def at_last(entry, epochs):
        if entry["epoch"] == epochs:
            late.append(True)

    cell = planned("tiny-classifier").cell
    record = run_cell(cell, context, CellOptions(timeout_s=500, on_epoch=at_last))
    assert (record.status, len(record.history)) == ("timeout", 3)
    assert record.reason.startswith("out of time before scoring; ")
    assert run_cell(cell, context, CellOptions(timeout_s=500)).timing.resumed_from_epoch == 3


def test_a_cell_without_a_training_slice_fails_and_says_where(context, planned):
    cell = planned("tiny-classifier").cell
    record = run_cell(replace(cell, split=replace(cell.split, train=np.array([], np.int64))), context, CellOptions())
    assert record.status == "failed"
    assert record.reason.startswith("tiny-shapes, protocol grouped, fold 0: the split leaves nothing to train on; ")


def test_a_cell_whose_record_cannot_be_written_does_not_stop_the_others(tumorbench, tmp_path):
    taken = tmp_path / "runs/cells/tiny-shapes/tiny-classifier"
    taken.parent.mkdir(parents=True)
    taken.write_text("a file where a folder should be")
    result = tumorbench("run", *SELECTION, "-m", "tiny-classifier", "-m", "tiny-segmenter")
    assert (result.code, "1 of 2 cells done" in result.out) == (1, True)
    assert "failed: tiny-shapes tiny-classifier grouped fold 0 seed 0: NotADirectoryError" in result.out
    assert only_record(tmp_path)[1]["identity"]["model"] == "tiny-segmenter"


def unavailable(record) -> dict[str, str]:
    """Why each extractor that the record had to do without gave no value."""
    return {each.extractor: each.reason for each in record.instruments if each.extractor and each.reason}


@pytest.fixture
def extractors():
    """Extractors are asked for anew, before the test and after it."""
    extractor_of.cache_clear()
    yield extractor_of.cache_clear
    extractor_of.cache_clear()


def test_a_generator_is_rescored_when_an_extractor_that_it_lacked_is_there(
    context, planned, tumorbench, monkeypatch, extractors
):
    monkeypatch.delenv("TINY_PIXELS", raising=False)
    trained = run_cell(planned("tiny-generator").cell, context, CellOptions())
    assert "TINY_PIXELS is not set" in unavailable(trained)["tiny-pixels"]
    assert (planned("tiny-generator").status, planned("tiny-generator").lacking) == ("cached", ())
    monkeypatch.setenv("TINY_PIXELS", "1")
    extractors()
    assert tumorbench("rescore").code == 0
    record = planned("tiny-generator").record
    assert record.metric("fid[tiny-pixels]") is not None
    assert "tiny-pixels" not in unavailable(record)
    assert (record.started_at, record.artifacts) == (trained.started_at, trained.artifacts)


def test_a_broken_extractor_costs_its_own_values_only(context, planned, monkeypatch, extractors):
    monkeypatch.setenv("TINY_PIXELS", "broken")
    record = run_cell(planned("tiny-generator").cell, context, CellOptions())
    assert record.status == "ok"
    assert "ZeroDivisionError: a fault of the extractor" in unavailable(record)["tiny-pixels"]
    assert record.metric("ks_d") is not None
