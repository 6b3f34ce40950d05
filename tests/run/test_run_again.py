"""What happens to a cell that was run before: its record and its artifacts always agree, and no cell takes another with it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorbench import registry
from tumorbench.data.locations import data_root
from tumorbench.run.campaign import run_all
from tumorbench.run.cell import CellOptions, run_cell
from tumorbench.run.context import Bench
from tumorbench.run.plan import Selection, make_plan
from tumorbench.store import Store, read_record
from tumorbench.tasks.instruments import extractor_of

pytestmark = pytest.mark.usefixtures("tiny")
SELECTION = ("-d", "tiny-shapes", "--protocol", "grouped", "--no-throughput")
CLASSIFIER = (*SELECTION, "-m", "tiny-classifier")


@pytest.fixture
def place(tmp_path) -> Bench:
    return Bench(registry.find(), Store(tmp_path / "runs").open(), data_root(None), "cpu")


def planned(place: Bench, *models: str):
    return make_plan(Selection(datasets=("tiny-shapes",), models=models, protocols=("grouped",), budget="quick"), place)


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


def test_a_deterministic_run_does_not_continue_what_default_mode_began(place, caplog):
    def interrupt(entry, _epochs):
        raise KeyboardInterrupt

    (cell,) = planned(place, "tiny-classifier").cells
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, place, CellOptions(on_epoch=interrupt))
    record = run_cell(cell, place, CellOptions(deterministic=True))
    assert record.timing.resumed_from_epoch is None
    assert record.determinism["discarded_progress"] == "deterministic was False and is True"
    assert "training starts anew" in caplog.text


def test_while_a_forced_cell_is_scored_nothing_of_the_earlier_one_is_overwritten(place, monkeypatch):
    import torch

    (cell,) = planned(place, "tiny-classifier").cells
    before = run_cell(cell, place, CellOptions())
    path = place.store.cell_folder(cell.identity, cell.key) / "record.json"
    inode = (path.parent / "predictions.parquet").stat().st_ino
    save = torch.save

    def killed(state, file):
        if "unfinished" in file.name:  # after the predictions, before the checkpoint
            raise KeyboardInterrupt
        save(state, file)

    monkeypatch.setattr(torch, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        run_cell(cell, place, CellOptions(force=True))
    assert read_record(path) == before
    assert (path.parent / "predictions.parquet").stat().st_ino == inode
    assert disagreements(path, before.model_dump(mode="json")) == []


def test_a_store_that_is_killed_while_it_replaces_a_record_has_no_record(place, tmp_path, monkeypatch):
    (cell,) = planned(place, "tiny-classifier").cells
    record = run_cell(cell, place, CellOptions())
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
        place.store.replace(record, staged)
    assert list(tmp_path.glob("runs/cells/**/record.json")) == []


def test_a_cell_that_fails_when_forced_has_no_artifacts_of_the_earlier_run(place):
    def fault(_entry, _epochs):
        raise ZeroDivisionError("a fault")

    (cell,) = planned(place, "tiny-classifier").cells
    run_cell(cell, place, CellOptions())
    record = run_cell(cell, place, CellOptions(force=True, on_epoch=fault))
    folder = place.store.cell_folder(cell.identity, cell.key)
    assert (record.status, record.artifacts) == ("failed", ())
    assert {path.name for path in folder.iterdir()} <= {"record.json", "error.txt", "progress.pt", ".lock"}


def test_the_deadline_is_seen_before_scoring(place, monkeypatch):
    monotonic, late = time.monotonic, []
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 1000 * len(late))

    def at_last(entry, epochs):
        if entry["epoch"] == epochs:
            late.append(True)

    (cell,) = planned(place, "tiny-classifier").cells
    record = run_cell(cell, place, CellOptions(timeout_s=500, on_epoch=at_last))
    assert (record.status, len(record.history)) == ("timeout", 3)
    assert record.reason.startswith("out of time before scoring; ")
    assert run_cell(cell, place, CellOptions(timeout_s=500)).timing.resumed_from_epoch == 3


def test_a_cell_without_a_training_slice_fails_and_says_where(place):
    (cell,) = planned(place, "tiny-classifier").cells
    record = run_cell(replace(cell, split=replace(cell.split, train=np.array([], np.int64))), place, CellOptions())
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


def test_an_interruption_by_the_user_stops_every_cell(place, tmp_path):
    def interrupt(_entry, _epochs):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all(
            planned(place, "tiny-classifier", "tiny-segmenter"),
            place,
            CellOptions(on_epoch=interrupt),
            with_speed=False,
        )
    assert list(tmp_path.glob("runs/cells/**/record.json")) == []


def test_a_generation_cell_is_scored_again_when_an_extractor_that_it_lacked_is_there(place, monkeypatch):
    monkeypatch.delenv("TINY_PIXELS", raising=False)
    extractor_of.cache_clear()
    (cell,) = planned(place, "tiny-generator").cells
    record = run_cell(cell, place, CellOptions())
    assert record.environment["extractors_unavailable"]["tiny-pixels"] == "TINY_PIXELS is not set"
    assert planned(place, "tiny-generator").cells[0].status == "cached"
    monkeypatch.setenv("TINY_PIXELS", "1")
    extractor_of.cache_clear()
    (again,) = planned(place, "tiny-generator").cells
    assert again.status == "to run"
    assert run_cell(again, place, CellOptions()).metric("fid[tiny-pixels]") is not None
    assert planned(place, "tiny-generator").cells[0].status == "cached"


def test_a_broken_extractor_costs_its_own_values_only(place, monkeypatch):
    monkeypatch.setenv("TINY_PIXELS", "broken")
    extractor_of.cache_clear()
    (cell,) = planned(place, "tiny-generator").cells
    record = run_cell(cell, place, CellOptions())
    extractor_of.cache_clear()
    assert record.status == "ok"
    assert (
        record.environment["extractors_unavailable"]["tiny-pixels"]
        == "broken: ZeroDivisionError: a fault of the extractor"
    )
    assert record.metric("ks_d") is not None
