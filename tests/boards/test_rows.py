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
    page = render(records)["figs.md"]
    assert rows_with(page, "0.8000 ± 0.1000")  # sqrt((0.01 + 0 + 0.01) / 2)
    (row,) = rows_with(page, "results/")
    assert "3 (3 of 5 folds, 1 seed)" in row
    assert f"10{DASH}12" in row


def test_one_cell_has_no_spread(located, render, rows_with):
    page = render([located({"accuracy": 0.75})])["figs.md"]
    assert rows_with(page, "0.7500 ± —")
    (row,) = rows_with(page, "results/")
    assert "1 (1 of 5 folds, 1 seed)" in row


def test_a_record_that_is_there_twice_counts_once(located, render, rows_with):
    (row,) = rows_with(render([located({"accuracy": 0.75}), located({"accuracy": 0.75})])["figs.md"], "results/")
    assert "1 (1 of 5 folds, 1 seed)" in row


@pytest.mark.parametrize("difference", [{"device": "cuda"}, {"declared": "bf16"}, {"content": "e" * 64}])
def test_cells_that_differ_in_more_than_fold_and_seed_share_no_row(located, render, shown, difference):
    pages = render([located({"accuracy": 0.7}), located({"accuracy": 0.9}, fold=1, **difference)])
    rows = [row for row in shown(pages["figs.md"]) if "value" in row]
    assert sorted(row["value"] for row in rows) == ["0.7000 ± —", "0.9000 ± —"]
    first, second = shown(pages["classification.md"])
    if "declared" not in difference:
        assert first["model"] != second["model"]


def test_folds_that_were_computed_in_two_precisions_share_a_row_that_names_both(located, render, rows_with):
    records = [located({"accuracy": 0.7}), located({"accuracy": 0.9}, fold=1, precision="bf16")]
    page = render(records)["figs.md"]
    (row,) = rows_with(page, "results/")
    assert rows_with(page, "0.8000 ± 0.1414")
    assert "a cpu of ours (cpu, bf16, fp32)" in row


def test_a_metric_that_one_record_was_not_scored_by_splits_no_row(located, render, rows_with):
    scored_by = [Instrument(metric=name, version="1", plugin="a-plugin") for name in ("accuracy", "f1_macro")]
    records = [
        located({"accuracy": 0.7}, instruments=scored_by[:1]),
        located({"accuracy": 0.9, "f1_macro": 0.5}, fold=1, instruments=scored_by),
    ]
    page = render(records)["figs.md"]
    texts = (["results/"], ["`net-a 1`", "0.8000 ± 0.1414"], ["0.5000 ± —"])
    found = [len(rows_with(page, *each)) for each in texts]
    assert found == [1, 1, 1]


def test_of_two_cells_that_started_from_different_weights_the_later_counts(located, render, shown):
    records = [
        located({"accuracy": value}, starts_from=start * 64, started_at=started)
        for value, start, started in ((0.7, "a", "2025-01-02"), (0.9, "b", "2025-01-01"))
    ]
    assert [row["accuracy ↑"] for row in shown(render(records)["classification.md"])] == ["0.7000"]


def test_an_undefined_value_is_said_to_be_undefined(located, render, rows_with, shown):
    records = [located({"accuracy": None, "f1_macro": 0.5}), located({"accuracy": None, "f1_macro": None}, fold=1)]
    pages = render(records)
    assert shown(pages["classification.md"])[0]["accuracy ↑"] == "undefined"
    assert rows_with(pages["figs.md"], "0.5000 ± — (undefined in 1 of 2 cells)")
    assert "#### accuracy" not in pages["figs.md"]
    assert "Undefined in every row: `accuracy`." in pages["figs.md"].splitlines()


def test_a_row_of_many_cells_links_to_their_folder(located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, fold=fold, seed=seed) for fold in range(5) for seed in range(3)])["figs.md"],
        "15 records",
    )
    assert "[15 records](results/figs/net-a)" in row
    assert "15 (5 of 5 folds, 3 seeds)" in row


def test_a_metric_that_one_model_lacks_keeps_one_column(located, render, shown, cards):
    headline = cards.metrics[1].model_copy(update={"id": "iou", "ranks": False, "headline": True})
    records = [
        located({"dice": 0.8, "iou": 0.7}, task="segmentation"),
        located({"dice": 0.6}, task="segmentation", model="net-b"),
    ]
    rows = shown(
        render(records, cards=dataclasses.replace(cards, metrics=[*cards.metrics, headline]))["segmentation.md"]
    )
    assert [(row["dice ↑"], row["iou ↑"]) for row in rows] == [("0.8000", "0.7000"), ("0.6000", "—")]


def starting_from(cell, weights):
    recipe = cell.record.identity.recipe.model_copy(update={"pretrained": weights})
    identity = cell.record.identity.model_copy(update={"recipe": recipe})
    return dataclasses.replace(cell, record=cell.record.model_copy(update={"identity": identity}))


def test_a_row_says_that_its_model_started_from_a_user_s_file_and_which(located, render, rows_with):
    own = starting_from(located({"accuracy": 0.9}), f"sha256:{'0123456789abcdef' * 4}")
    (row,) = rows_with(render([own])["figs.md"], "results/")
    assert "(`net-a` 1, weights of file 01234567)" in row


def test_a_row_of_weights_that_its_card_names_says_nothing_of_a_file(located, render, rows_with):
    (row,) = rows_with(render([starting_from(located({"accuracy": 0.9}), "timm/net")])["figs.md"], "results/")
    assert "(`net-a` 1)" in row


def test_a_failure_before_a_success_of_the_same_is_not_shown(located, render):
    failed = located(status="failed", reason="no room", started_at="2026-01-01", content="e" * 64)
    done = located({"accuracy": 0.9}, started_at="2026-01-02")
    assert "no room" not in render([failed, done])["figs.md"]
    assert " 1 record " in render([failed, done])["README.md"]


@pytest.mark.parametrize("other", [{"fold": 1}, {"seed": 1}, {"budget": "quick"}, {"protocol": "paper"}])
def test_a_failure_of_something_else_than_what_succeeded_is_shown(located, render, other):
    failed = located(status="failed", reason="no room", started_at="2026-01-01", **other)
    done = located({"accuracy": 0.9}, started_at="2026-01-02")
    assert "no room" in render([failed, done])["figs.md"]


def test_a_failure_after_a_success_is_shown(located, render):
    failed = located(status="failed", reason="no room", started_at="2026-01-03", content="e" * 64)
    done = located({"accuracy": 0.9}, started_at="2026-01-02")
    assert "no room" in render([failed, done])["figs.md"]


def test_versions_of_a_model_are_told_apart_and_else_left_out(located, render, shown):
    older = located({"accuracy": 0.7})
    identity = older.record.identity.model_copy(update={"model_version": "2"})
    newer = dataclasses.replace(older, record=older.record.model_copy(update={"identity": identity}))
    assert [row["model"] for row in shown(render([older])["classification.md"])] == ["`net-a`"]
    both = [row["model"] for row in shown(render([older, newer])["classification.md"])]
    assert sorted(both) == ["`net-a 1`", "`net-a 2`"]
