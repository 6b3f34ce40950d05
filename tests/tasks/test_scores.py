"""Scores follow from the stored table: once more, from Parquet, without torch, and only what is wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tumorbench import tasks
from tumorbench.contracts.record import Instrument, MetricValue
from tumorbench.errors import BadInput, Unavailable
from tumorbench.tasks import Scores, ScoringInput
from tumorbench.tasks.scores.instruments import source_of

EVERY_TASK = [
    ("tiny-classifier", "grouped"),
    ("tiny-copies", "paper"),
    ("tiny-segmenter", "grouped"),
    ("tiny-joint", "grouped"),
    ("tiny-artist", "grouped"),
    ("tiny-noise", "tstr"),
]
WITHOUT_TORCH = """
import sys
from pathlib import Path
import pandas as pd
from tumorbench import registry, tasks
from tumorbench.contracts.record import Record
record = Record.model_validate_json(Path(sys.argv[1]).read_text())
task = tasks.of(record.identity)
here = registry.find()
scores = task.score(pd.read_parquet(sys.argv[2]), tasks.ScoringInput.of_record(record, here))
assert scores.metrics == list(record.metrics)
assert task.lacking(record, here) == [] == task.unchecked(record, here)
assert "torch" not in sys.modules
print("scored", len(scores.metrics))
"""


def read_back(table: pd.DataFrame, folder) -> pd.DataFrame:
    table.to_parquet(folder / "predictions.parquet", index=False)
    return pd.read_parquet(folder / "predictions.parquet")


@pytest.mark.parametrize(("model", "protocol"), EVERY_TASK)
def test_a_table_read_back_from_parquet_has_the_scores_of_the_run(cells, tmp_path, model, protocol):
    done = cells.done(model, protocol)
    again = done.task.score(read_back(done.prediction.table, tmp_path), done.given)
    assert again.metrics == done.scores.metrics
    assert again.instruments == done.scores.instruments
    assert again.confusion == done.scores.confusion
    assert len(again.metrics) >= 6


@pytest.mark.parametrize(("model", "protocol"), [case for case in EVERY_TASK if case[0] != "tiny-artist"])
def test_a_table_is_scored_without_the_data_and_without_torch(cells, tiny_site, tmp_path, model, protocol):
    done = cells.done(model, protocol)
    (tmp_path / "record.json").write_text(done.record.model_dump_json())
    read_back(done.prediction.table, tmp_path)
    environment = os.environ | {"PYTHONPATH": str(tiny_site), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WITHOUT_TORCH, "record.json", "predictions.parquet"]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == f"scored {len(done.scores.metrics)}"


def test_the_tasks_are_known_before_torch_is_loaded():
    program = "import sys; from tumorbench import tasks; import tumorbench.tasks.cell; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_only_what_is_wanted_is_scored(cells):
    for model, wanted in (
        ("tiny-classifier", [("accuracy", None)]),
        ("tiny-segmenter", [("dice", None), ("iou", None)]),
        ("tiny-joint", [("ece", None), ("dice", None)]),
        ("tiny-artist", [("fid", "tiny-pixels"), ("memorisation", None)]),
    ):
        done = cells.done(model)
        found = done.task.score(done.prediction.table, replace(done.given, only=wanted))
        assert {(each.metric, each.extractor) for each in found.instruments} == set(wanted)
        assert {value.name: value for value in found.metrics} == {
            value.name: value for value in done.scores.metrics if source_of(value) in wanted
        }


def test_a_judged_table_is_scored_whole_or_not_at_all(cells):
    done = cells.done("tiny-noise", "tstr")
    assert done.task.score(done.prediction.table, replace(done.given, only=[("accuracy", None)])).instruments == []
    assert done.task.score(done.prediction.table, replace(done.given, only=[("tstr", None)])) == done.scores


def test_a_generator_is_not_scored_without_real_images(cells):
    done = cells.done("tiny-artist")
    given = ScoringInput.of_record(done.record, cells.registry)
    with pytest.raises(Unavailable, match="beside the real ones, which are not here"):
        done.task.score(done.prediction.table, given)
    assert not done.task.scored_from_table


def test_samples_of_another_split_are_not_scored(cells):
    done = cells.done("tiny-artist")
    with pytest.raises(BadInput, match="not of the classes that this split holds out"):
        done.task.score(done.prediction.table.assign(label=0), done.given)


def test_masks_of_a_data_set_that_is_not_installed_are_numbered(cells):
    done = cells.done("tiny-segmenter")
    given = replace(done.given, mask_classes=())
    assert done.task.score(done.prediction.table, given).metrics == done.scores.metrics
    two = np.zeros((3, 3), int) + np.diag([90, 5, 5])
    pixels = {"confusion": [two.ravel().tolist()], "ceiling": [two.ravel().tolist()]}
    table = pd.DataFrame({"sample_id": ["a"], "group": ["a"], "label": [0], **pixels})
    names = {value.name for value in done.task.score(table, given).metrics}
    assert {"dice", "dice/foreground-1", "dice/foreground-2"} <= names


def test_scores_are_added_to_a_record_in_place_of_what_the_same_instruments_gave(cells):
    done = cells.done("tiny-artist")
    old = MetricValue(name="kid[tiny-pixels]", value=7.0, n=1, higher_is_better=False)
    per_class = old.model_copy(update={"name": "kid[tiny-pixels]/disc"})
    another = old.model_copy(update={"name": "kid[other]"})
    record = done.record.model_copy(update={"metrics": (old, per_class, another), "instruments": ()})
    new = Scores(
        [old.model_copy(update={"value": 1.0})],
        [Instrument(metric="kid", version="2", plugin="p", extractor="tiny-pixels")],
    )
    found = new.added_to(record)
    assert [(value.name, value.value) for value in found.metrics] == [("kid[other]", 7.0), ("kid[tiny-pixels]", 1.0)]
    assert found.instruments == tuple(new.instruments)
    assert new.added_to(found) == found


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("f1_macro", ("f1_macro", None)),
        ("f1/glioma", ("f1", None)),
        ("kid[eyes]", ("kid", "eyes")),
        ("kid[eyes]/no_tumour", ("kid", "eyes")),
        ("memorisation[pixels]", ("memorisation", None)),
    ],
)
def test_the_name_of_a_value_says_what_gave_it(name, source):
    assert source_of(MetricValue(name=name, value=0.0, n=1, higher_is_better=None)) == source


def test_an_older_judged_table_lacks_how_the_judge_did_on_what_it_learned_from(cells, tmp_path):
    done = cells.done("tiny-noise", "tstr")
    older = done.prediction.table.copy()
    older.attrs = {}
    older = read_back(older, tmp_path)
    names = {value.name for value in done.task.score(older, done.given).metrics}
    assert {name for name in done.by_name if not name.endswith("_train")} == names
    assert {name for name in done.by_name if done.task.holds(older, name)} == names
    assert all(done.task.holds(done.prediction.table, name) for name in done.by_name)


def test_every_task_has_a_name_of_its_own_and_cells_find_theirs(cells):
    assert {name: task.name for name, task in tasks.TASKS.items()} == {name: name for name in tasks.TASKS}
    for model, protocol in EVERY_TASK:
        cell = cells.cell(model, protocol)
        assert tasks.of(cell.identity).name == ("tstr" if protocol == "tstr" else cell.model.task)
    with pytest.raises(BadInput, match="no task is called 'detection'; known: classification, "):
        tasks.named("detection")


def test_headlines_are_metrics_of_the_task(cells):
    for task in ("classification", "segmentation", "generation"):
        known = {spec.id for spec in cells.registry.metrics.values() if spec.task == task}
        assert set(tasks.named(task).headlines) <= known
    assert set(tasks.named("tstr").headlines) <= set(cells.done("tiny-noise", "tstr").by_name)


def test_every_monitor_is_measured(cells):
    own = {"val_loss"}  # of a generator that has a loss on held-out images
    for model, protocol in EVERY_TASK:
        done = cells.done(model, protocol)
        assert set(done.task.monitors) - own <= {name.partition("/")[0] for name in done.history[-1]}
