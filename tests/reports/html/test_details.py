"""The panel of a row."""

import pytest

from tumorbench.reports.html.details import detail_of
from tumorbench.tables.rows import rows_of

CONFUSED = {"confusion": ((9, 1), (2, 8)), "classes": ("glioma", "pituitary")}


@pytest.fixture
def detail(given):
    """The panel of the one row of these records."""

    def make(records, task="classification", **more):
        (row,) = rows_of(records)
        return detail_of(task, row, given(**more))

    return make


def points(chart):
    return next(iter(chart.spec["datasets"].values()))


def test_curves_are_of_every_cell_and_mark_the_epoch_that_was_kept(cell, detail):
    (loss,) = detail([cell(), cell(seed=1)]).curves
    found = [(each["cell"], each["part"], each["epoch"], each["value"], each["kept"]) for each in points(loss)]
    assert found == [
        (name, part, epoch, value, epoch == 2)
        for name in ("f0 s0", "f0 s1")
        for part, values in (("training", (2.0, 1.0)), ("validation", (3.0, 2.5)))
        for epoch, value in enumerate(values, 1)
    ]


def test_a_learning_rate_that_never_changes_has_no_plot(cell, detail):
    histories = [
        tuple({"epoch": float(at), "loss": 1.0, "learning_rate": rate} for at, rate in enumerate(rates, 1))
        for rates in ((0.1, 0.1), (0.1, 0.2))
    ]
    titles = [[chart.title for chart in detail([cell(history=history)]).curves] for history in histories]
    assert titles == [["loss"], ["loss", "learning_rate"]]


def test_a_long_history_is_thinned_from_its_first_to_its_last_epoch(cell, detail):
    history = tuple({"epoch": float(epoch), "loss": 1 / epoch} for epoch in range(1, 1001))
    epochs = [each["epoch"] for each in points(detail([cell(history=history, best_epoch=None)]).curves[0])]
    assert (len(epochs), epochs[0], epochs[-1]) == (100, 1, 1000)


def test_the_epoch_that_was_kept_stays_in_a_thinned_history(cell, detail):
    history = tuple({"epoch": float(epoch), "loss": 1 / epoch} for epoch in range(1, 1001))
    drawn = points(detail([cell(history=history, best_epoch=7)]).curves[0])
    assert [each["epoch"] for each in drawn if each["kept"]] == [7]


def test_confusion_is_the_sum_of_the_cells(cell, detail):
    chart = detail([cell(**CONFUSED), cell(seed=1, **CONFUSED)]).charts[0]
    assert [(each["true"], each["predicted"], each["count"], each["share"]) for each in points(chart)] == [
        ("glioma", "glioma", 18, 0.9),
        ("glioma", "pituitary", 2, 0.1),
        ("pituitary", "glioma", 4, 0.2),
        ("pituitary", "pituitary", 16, 0.8),
    ]
    assert chart.caption == "34 of 40 predictions of test slices are right, in 2 cells."


def test_a_metric_that_no_board_shows_stands_in_the_panel(cell, detail):
    table = detail([cell({"accuracy": 0.8, "my_metric/glioma": 0.25})]).metrics
    assert [[entry.text for entry in line.entries] for line in table.lines] == [
        ["`accuracy`", "0.8000", "N 20; 0.7500 to 0.8500"],
        ["`my_metric/glioma`", "0.2500", "N 20; 0.2000 to 0.3000"],
    ]


def test_calibration_is_drawn_from_the_predictions(cell, detail, predictions):
    record = cell({"accuracy": 0.5, "ece": 0.12}, **CONFUSED)
    charts = detail([record], tables={record.path: predictions()}).charts
    assert [chart.title for chart in charts] == ["Confusion matrix", "Calibration"]
    assert "as predicted 0.1200" in charts[1].caption
    assert [chart.title for chart in detail([record]).charts] == ["Confusion matrix"]


def test_facts_name_the_cells_and_what_they_cost(cell, detail):
    facts = detail([cell(), cell(seed=1, sizes={"train": 60, "val": 20, "test": 20})]).facts
    assert facts["cells"] == "2 (1 of 5 folds, 2 seeds)"
    assert facts["training"] == "12.50 s, mean of 2 cells"
    assert facts["slices"] == "train 60, val 20, test 20"
    assert facts["protocol"] == "`grouped`"
