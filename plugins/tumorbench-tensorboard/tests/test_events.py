"""What the event files say is what the observer was told, and a cell that goes on goes on in the same run."""

from __future__ import annotations

import subprocess
import sys

import pytest
from observed_cells import ENTRIES, observed_cell, record_of
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tumorbench as tb
from tumorbench.registry import find
from tumorbench_tensorboard.events import EventFiles


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def cell(store):
    return observed_cell(store)


def read(folder):
    found = EventAccumulator(str(folder))
    found.Reload()
    return {tag: [(each.step, each.value) for each in found.Scalars(tag)] for tag in found.Tags()["scalars"]}, found


def test_epochs_and_scores_are_scalars_of_their_steps(store, cell):
    watching = EventFiles(tb.ObserverSettings(store))
    watching.begin(cell)
    for entry in ENTRIES:
        watching.epoch(cell, entry)
    watching.end(cell, record_of(cell))
    watching.close()
    scalars, found = read(store / "tensorboard/some-set/some-net/grouped-fold1-seed3-quick-000000000000")
    assert scalars["training/loss"] == [(1, 1.0), (2, 0.5)]
    assert scalars["validation/accuracy"] == [(1, 0.25), (2, 0.5)]
    assert scalars["test/accuracy"] == [(2, 0.75)]
    assert "test/recall/glioma" not in scalars
    (text,) = found.Tensors("cell/text_summary")
    assert text.tensor_proto.string_val[0].startswith(b"Some net on Some set")
    assert "_hparams_/session_start_info" in found.summary_metadata


def test_a_cell_that_goes_on_stands_in_the_same_folder(store, cell, tmp_path):
    where = tmp_path / "elsewhere"
    for entry in ENTRIES:  # as of two processes, of which the first was killed
        watching = EventFiles(tb.ObserverSettings(store, str(where)))
        watching.begin(cell)
        watching.epoch(cell, entry)
        watching.close()
    (folder,) = {path.parent for path in where.rglob("events.*")}
    assert read(folder)[0]["training/loss"] == [(1, 1.0), (2, 0.5)]


def test_the_card_is_found_and_loads_neither_torch_nor_tensorboard():
    assert find().observer("tensorboard").factory == "tumorbench_tensorboard.events:EventFiles"
    program = "import sys, tumorbench_tensorboard; print('torch' in sys.modules, 'tensorboard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
