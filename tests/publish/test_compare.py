"""compare: paired differences over patients, from stored predictions."""

import json

import numpy as np
import pytest
from published_cells import copy_quick_cells
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tumorbench import registry
from tumorbench.publish.compare import paired_differences
from tumorbench.store import PREDICTIONS, Store, file_sha256
from tumorbench.tables.stored import read_stored

FIRST, SECOND = "pose-cnn", "timm/tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def here():
    return registry.find()


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """The published records of two classifiers."""
    monkeypatch.setenv("TUMORBENCH_CACHE", str(tmp_path / "cache"))
    models = (FIRST, SECOND.replace("/", "--"))
    return Store(copy_quick_cells(tmp_path, *(f"figshare3064/{model}" for model in models)))


def folder_of(store, model, protocol="grouped"):
    (path,) = [
        path
        for path, record in store.records()
        if record.identity.model == model and record.identity.protocol == protocol and record.identity.fold == 0
    ]
    return path.parent


def rewritten(folder, change):
    """The record in ``folder`` after ``change`` of its JSON, its predictions hashed anew."""
    record = json.loads((folder / "record.json").read_text())
    change(record)
    for artifact in record["artifacts"]:
        if artifact["path"] == PREDICTIONS:
            artifact["sha256"] = file_sha256(folder / PREDICTIONS)
    (folder / "record.json").write_text(json.dumps(record))


def accuracy(rows, protocol="grouped"):
    (row,) = [row for row in rows if row.metric == "accuracy" and row.protocol == protocol]
    return row


def test_a_difference_has_an_interval_over_patients_and_an_effect(store, here):
    row = accuracy(paired_differences(store, FIRST, SECOND, here))
    tables = [read_stored(folder_of(store, model) / PREDICTIONS) for model in (FIRST, SECOND)]
    own = [table.set_index("sample_id").sort_index() for table in tables]
    difference = (own[0].predicted == own[0].label).astype(float) - (own[1].predicted == own[1].label)
    assert row.difference == pytest.approx(difference.mean())
    sums, sizes = difference.groupby(own[0].group).sum(), difference.groupby(own[0].group).size()
    error = np.sqrt(((sums - row.difference * sizes) ** 2).sum()) / sizes.sum()  # linearised, over patients
    assert row.clusters == len(sizes)
    assert np.ptp(row.interval) == pytest.approx(2 * stats.t.ppf(0.975, len(sizes) - 1) * error, rel=0.12)
    assert row.interval[0] < row.difference < row.interval[1] < 0
    assert row.effect == pytest.approx(row.difference / (error * np.sqrt(len(sizes))), rel=0.12)


def test_cells_of_two_budgets_are_never_compared(store, here):
    def shared(record):
        record["identity"]["budget"] = "1of20"

    rewritten(folder_of(store, SECOND), shared)
    assert "grouped" not in {row.protocol for row in paired_differences(store, FIRST, SECOND, here)}
    rewritten(folder_of(store, FIRST), shared)
    assert {row.budget for row in paired_differences(store, FIRST, SECOND, here) if row.protocol == "grouped"} == {
        "1of20"
    }


def test_mcnemar_counts_the_slices_that_one_alone_has_right(store, here):
    found = accuracy(paired_differences(store, FIRST, SECOND, here)).mcnemar
    one, other = (
        read_stored(folder_of(store, model) / PREDICTIONS).set_index("sample_id").sort_index()
        for model in (FIRST, SECOND)
    )
    first, second = one.predicted == one.label, other.predicted == other.label
    assert (found.first_only, found.second_only) == ((first & ~second).sum(), (second & ~first).sum())
    assert found.p_plain < found.p_clustered < 0.05


def test_p_values_are_adjusted_over_all_metrics_and_sets(store, here):
    rows = paired_differences(store, FIRST, SECOND, here)
    expected = multipletests([row.p for row in rows], method="holm")[1]
    assert len(rows) > 5
    assert [row.p_holm for row in rows] == pytest.approx(expected)


def test_turned_around_the_differences_change_sign(store, here):
    there, back = (accuracy(paired_differences(store, *pair, here)) for pair in ((FIRST, SECOND), (SECOND, FIRST)))
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))


def test_rows_with_and_without_a_user_s_weights_are_not_paired(store, here):
    def give(record):
        record["identity"]["recipe"]["pretrained"] = f"sha256:{'0' * 64}"

    rewritten(folder_of(store, FIRST), give)
    assert not [row for row in paired_differences(store, FIRST, SECOND, here) if row.protocol == "grouped"]


def test_without_predictions_and_intervals_the_difference_stands_alone(store, here):
    def forget(record):
        record["metrics"] = [each | {"interval": None} for each in record["metrics"]]

    rewritten(folder_of(store, FIRST), forget)
    (folder_of(store, FIRST) / PREDICTIONS).unlink()
    row = accuracy(paired_differences(store, FIRST, SECOND, here))
    assert row.difference < 0
    assert (row.interval, row.p, row.mcnemar) == (None, None, None)
