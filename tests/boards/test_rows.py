"""Which cells share a row, and what a row says of them."""

import dataclasses

import pytest

from tumorbench.contracts.record import Instrument
from tumorbench.tables.markdown import DASH


def test_a_row_shows_mean_and_sample_deviation_over_its_folds(located, render, rows_with):
    records = [
        located({"accuracy": value}, fold=fold, n=n)
        for fold, (value, n) in enumerate([(0.7, 10), (0.8, 12), (0.9, 11)])
    ]
    (row,) = rows_with(render(records)["classification.md"], "results/")
    assert "0.8000 ± 0.1000" in row  # sqrt((0.01 + 0 + 0.01) / 2)
    assert "3 (3 of 5 folds, 1 seed)" in row
    assert f"10{DASH}12" in row


def test_one_cell_has_no_spread(located, render, rows_with):
    (row,) = rows_with(render([located({"accuracy": 0.75})])["classification.md"], "results/")
    assert "0.7500 ± —" in row
    assert "1 (1 of 5 folds, 1 seed)" in row


def test_a_record_that_is_there_twice_counts_once(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.75}), located({"accuracy": 0.75})])["classification.md"], "results/"
    )
    assert "1 (1 of 5 folds, 1 seed)" in row


@pytest.mark.parametrize("difference", [{"device": "cuda"}, {"declared": "bf16"}, {"content": "e" * 64}])
def test_cells_that_differ_in_more_than_fold_and_seed_share_no_row(cells_of, located, render, rows_with, difference):
    rows = rows_with(
        render([located({"accuracy": 0.7}), located({"accuracy": 0.9}, fold=1, **difference)])["classification.md"],
        "results/",
    )
    assert [("0.7000" in row, "0.9000" in row, "± —" in row) for row in rows] == [
        (True, False, True),
        (False, True, True),
    ]
    assert cells_of(rows[0])[1:] != cells_of(rows[1])[1:]


def test_folds_that_were_computed_in_two_precisions_share_a_row_that_names_both(located, render, rows_with):
    records = [located({"accuracy": 0.7}), located({"accuracy": 0.9}, fold=1, precision="bf16")]
    (row,) = rows_with(render(records)["classification.md"], "results/")
    assert "0.8000 ± 0.1414" in row
    assert "a cpu of ours (cpu, bf16, fp32)" in row


def test_a_metric_that_one_record_was_not_scored_by_splits_no_row(located, render, rows_with):
    scored_by = [Instrument(metric=name, version="1", plugin="a-plugin") for name in ("accuracy", "f1_macro")]
    records = [
        located({"accuracy": 0.7}, instruments=scored_by[:1]),
        located({"accuracy": 0.9, "f1_macro": 0.5}, fold=1, instruments=scored_by),
    ]
    (row,) = rows_with(render(records)["classification.md"], "results/")
    assert ("0.8000 ± 0.1414" in row, "0.5000 ± —" in row) == (True, True)


def test_of_two_cells_that_started_from_different_weights_the_later_counts(located, render, rows_with):
    records = [
        located({"accuracy": value}, starts_from=start * 64, started_at=started)
        for value, start, started in ((0.7, "a", "2025-01-02"), (0.9, "b", "2025-01-01"))
    ]
    (row,) = rows_with(render(records)["classification.md"], "results/")
    assert "0.7000 ± —" in row


def test_an_undefined_value_is_said_to_be_undefined(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": None, "f1_macro": 0.5}), located({"accuracy": None, "f1_macro": None}, fold=1)])[
            "classification.md"
        ],
        "results/",
    )
    assert "undefined" in row
    assert "0.5000 ± — (undefined in 1 of 2 cells)" in row


def test_a_row_of_many_cells_links_to_their_folder(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, fold=fold, seed=seed) for fold in range(5) for seed in range(3)])[
            "classification.md"
        ],
        "15 records",
    )
    assert "[15 records](results/figs/net-a)" in row
    assert "15 (5 of 5 folds, 3 seeds)" in row


def test_a_metric_that_one_model_lacks_keeps_one_column(cells_of, located, render, rows_with):
    page = render(
        [
            located({"dice": 0.8, "iou": 0.7}, task="segmentation"),
            located({"dice": 0.6}, task="segmentation", model="net-b"),
        ]
    )["segmentation.md"]
    (heading,) = rows_with(page, "rank")
    assert cells_of(heading)[3:5] == ["dice ↑", "iou ↑"]
    assert cells_of(rows_with(page, "net-b")[0])[3:5] == ["0.6000 ± —", "—"]


def starting_from(cell, weights):
    recipe = cell.record.identity.recipe.model_copy(update={"pretrained": weights})
    identity = cell.record.identity.model_copy(update={"recipe": recipe})
    return dataclasses.replace(cell, record=cell.record.model_copy(update={"identity": identity}))


def test_a_row_says_that_its_model_started_from_a_user_s_file_and_which(located, render, rows_with):
    own = starting_from(located({"accuracy": 0.9}), f"sha256:{'0123456789abcdef' * 4}")
    (row,) = rows_with(render([own])["classification.md"], "results/")
    assert "(`net-a` 1, weights of file 01234567)" in row


def test_a_row_of_weights_that_its_card_names_says_nothing_of_a_file(located, render, rows_with):
    (row,) = rows_with(render([starting_from(located({"accuracy": 0.9}), "timm/net")])["classification.md"], "results/")
    assert "(`net-a` 1)" in row


def test_a_failure_before_a_success_of_the_same_is_not_shown(located, render):
    failed = located(status="failed", reason="no room", started_at="2026-01-01", content="e" * 64)
    done = located({"accuracy": 0.9}, started_at="2026-01-02")
    assert "no room" not in render([failed, done])["classification.md"]
    assert "1 record, 0 without a result" in render([failed, done])["README.md"]


@pytest.mark.parametrize("other", [{"fold": 1}, {"seed": 1}, {"budget": "quick"}, {"protocol": "paper"}])
def test_a_failure_of_something_else_than_what_succeeded_is_shown(located, render, other):
    failed = located(status="failed", reason="no room", started_at="2026-01-01", **other)
    done = located({"accuracy": 0.9}, started_at="2026-01-02")
    assert "no room" in render([failed, done])["classification.md"]


def test_a_failure_after_a_success_is_shown(located, render):
    failed = located(status="failed", reason="no room", started_at="2026-01-03", content="e" * 64)
    done = located({"accuracy": 0.9}, started_at="2026-01-02")
    assert "no room" in render([failed, done])["classification.md"]
