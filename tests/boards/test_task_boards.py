"""What stands in which table of a board, and what is said of it."""

import pytest

from tumorbench.contracts.record import Leakage
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import DASH


def test_quick_and_full_results_never_share_a_table(located, render, tables):
    page = render([located({"accuracy": 0.9}), located({"accuracy": 0.5}, budget="quick")])["classification.md"]
    full, quick = [table for table in tables(page) if "| rank" in table]
    assert ("0.9000" in full, "0.5000" in full, "0.9000" in quick, "0.5000" in quick) == (True, False, False, True)
    heading, sentence = page[: page.index(quick)].split("\n\n")[-3:-1]
    assert heading == "### Quick budget"
    assert "not comparable with full" in sentence


def test_synthetic_and_real_data_never_share_a_table_and_synthetic_says_so(located, render, tables):
    page = render(
        [located({"accuracy": 0.9}, model="net-b"), located({"accuracy": 0.8}, dataset="phantom", synthetic=True)]
    )["classification.md"]
    real, synthetic = page.split("## SYNTHETIC: ")
    assert [len(tables(real)), len(tables(synthetic))] == [1, 1]
    assert "phantom" not in real
    assert "figs" not in synthetic
    assert "say nothing about brain tumours" in synthetic


def test_only_grouped_rows_rank(cells_of, located, render, rows_with):
    records = [
        located({"accuracy": 0.99}, protocol="paper"),
        located({"accuracy": 0.97}, protocol="official"),
        located({"accuracy": 0.80}),
    ]
    rows = rows_with(render(records)["classification.md"], "± —", "results/")
    assert [(cells_of(row)[0], cells_of(row)[2]) for row in rows] == [
        ("1", "`grouped`"),
        (DASH, "`official` (not ranked)"),
        (DASH, "`paper` (not ranked)"),
    ]


def test_the_highest_accuracy_ranks_first_and_equal_values_share_a_rank(ranks_by_model, located, render, rows_with):
    records = [
        located({"accuracy": value}, model=model) for model, value in (("net-a", 0.7), ("net-b", 0.9), ("net-c", 0.7))
    ]
    assert ranks_by_model(rows_with(render(records)["classification.md"], "results/")) == {
        "net-b": "1",
        "net-a": "2",
        "net-c": "2",
    }


def test_leaks_of_a_protocol_that_does_not_rank_are_shown(located, render, rows_with):
    leakage = Leakage(
        test_samples=614, groups_on_both_sides=195, test_samples_of_shared_groups=598, identical_test_images=12
    )
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, protocol="paper", leakage=leakage)])["classification.md"], "results/"
    )
    assert "leaks: 195 patients on both sides (598 of 614 test images), 12 identical images" in row


def test_the_accuracy_of_a_constant_class_stands_beside_accuracy(cells_of, located, render, rows_with):
    (row,) = rows_with(
        render([located({"accuracy": 0.9}, confusion=((5, 1), (0, 4)))])["classification.md"], "results/"
    )
    assert cells_of(row)[4] == "0.6000"


@pytest.mark.parametrize("status", ["failed", "oom", "timeout", "skipped"])
def test_a_cell_without_a_result_is_listed_with_its_reason(located, render, tables, status):
    page = render([located({"accuracy": 0.9}), located(model="net-b", fold=3, status=status, reason="a|b *c*\nd")])[
        "classification.md"
    ]
    (line,) = [line for line in page.splitlines() if line.startswith("- `net-b`")]
    assert line.startswith(f"- `net-b` grouped full f3 s0: **{status}**, a\\|b \\*c\\* d ([record](results/figs/net-b/")
    assert all("net-b" not in table for table in tables(page))


def test_a_pipe_in_a_title_does_not_break_the_table(located, render, rows_with):
    (row,) = rows_with(render([located({"accuracy": 0.9}, model_title="A | B")])["classification.md"], "results/")
    assert "A \\| B" in row


def test_models_and_data_sets_that_are_not_installed_still_render(cells_of, located, render, rows_with):
    page = render([located({"accuracy": 0.9}, model="gone[depth=2]")], cards=BoardCards())["classification.md"]
    (row,) = rows_with(page, "Network gone")
    assert "gone%5Bdepth%3D2%5D" in row
    assert cells_of(row)[0] == DASH  # no metric card, no rank
    assert "## The figs slices (`figs`)" in page
