"""Records as tables."""

from __future__ import annotations

import numpy as np
import pytest

import tumorbench as tb


@pytest.fixture
def both(trained, evaluate):
    """A store with a classifier that was trained on two folds, one that fails, and one that was evaluated."""
    evaluate()
    return tb.results(trained)


def test_frames_have_one_row_a_finished_cell_and_metric(both):
    frame = both.frame()
    assert not frame.duplicated(["cell_key", "metric"]).any()
    assert len(frame) == sum(len(record.metrics) for record in both)
    own = frame[(frame.model == "tiny-classifier") & (frame.fold == 1) & (frame.metric == "accuracy")]
    record = next(each for each in both if each.cell_key == own.cell_key.item())
    metric = record.metric("accuracy")
    assert (own.value.item(), (own.low.item(), own.high.item()), own.n.item()) == (
        metric.value, metric.interval, metric.n,
    )  # fmt: skip
    assert set(frame.origin) == {"trained", "evaluated"}


def test_pivots_have_the_means_of_the_boards_evaluated_models_last(both):
    table = both.pivot(["accuracy"], spread=True)
    assert [row[-2:] for row in table.index] == [("trained", "tiny-classifier"), ("evaluated", "brightness")]
    folds = both.frame().query("model == 'tiny-classifier' and metric == 'accuracy'").value
    assert table.iloc[0].tolist() == pytest.approx([folds.mean(), folds.std(ddof=1), 2])
    assert np.isnan(table.iloc[1]["accuracy ±"])
    assert list(both.pivot().columns[:2]) == ["accuracy", "balanced_accuracy"]


def test_what_has_no_result_is_named(both):
    assert {record.identity.model for record in both.failures} == {"tiny-nan"}
    assert "failed: tiny-shapes tiny-nan grouped fold 0" in repr(both)
    assert "brightness" in repr(both)
    assert "<table" in both._repr_html_()


def test_a_damaged_record_is_warned_of_and_hides_no_other(both, tiny):
    next(tiny.glob("runs/cells/*/brightness/*/record.json")).write_text("{")
    with pytest.warns(UserWarning, match="1 record in runs cannot be read"):
        left = tb.results("runs")
    assert len(left) == len(both) - 1


def test_a_store_that_is_not_there_is_one_line(tiny):
    with pytest.raises(tb.BadInput, match="the store nowhere does not exist"):
        tb.results("nowhere")
    (tiny / "empty").mkdir()
    assert repr(tb.results("empty")) == "no record"
