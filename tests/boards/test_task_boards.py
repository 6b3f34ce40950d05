"""What stands in which table of a board, and what is said of it."""

import re
from dataclasses import replace

import pytest

from tumorbench.contracts.record import Leakage
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.markdown import DASH

CLEAN = Leakage(test_samples=10, groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=0)


def test_quick_and_full_results_never_share_a_table(located, render, tables):
    page = render([located({"accuracy": 0.9}), located({"accuracy": 0.5}, budget="quick")])["classification.md"]
    full, quick = tables(page)
    assert ("0.9000" in full, "0.5000" in full, "0.9000" in quick, "0.5000" in quick) == (True, False, False, True)
    heading, sentence = page[: page.index(quick)].split("\n\n")[-3:-1]
    assert heading == "### Quick budget"
    assert "not comparable with full" in sentence
    assert "(figs.md#classification-quick-budget)" in sentence


def test_each_share_has_a_table_of_its_own_under_its_share_between_full_and_quick(located, render, tables, shown):
    budgets = {"quick": 0.5, "1of20": 0.6, "full": 0.9, "1of3": 0.7}
    records = [located({"accuracy": value}, budget=budget) for budget, value in budgets.items()]
    page = render(records)["classification.md"]
    assert re.findall("^### (.*)$", page, re.MULTILINE) == [
        "Full budget",
        "1of3 budget",
        "1of20 budget",
        "Quick budget",
    ]
    assert [[row["accuracy ↑"] for row in shown(table)] for table in tables(page)] == [
        ["0.9000"], ["0.7000"], ["0.6000"], ["0.5000"],
    ]  # fmt: skip
    assert [row["rank"] for table in tables(page) for row in shown(table)] == ["1"] * 4
    sentence = page.split("### 1of20 budget\n\n")[1].split("\n\n")[0]
    assert sentence.startswith(
        "Every model trained for 1/20 of its full recipe's epochs, at least one; all else is as "
    )
    assert "not comparable with full ones" in sentence
    assert sentence.endswith("(figs.md#classification-1of20-budget).")


def test_synthetic_and_real_data_never_share_a_table_and_synthetic_says_so(located, render, tables):
    page = render(
        [located({"accuracy": 0.9}, model="net-b"), located({"accuracy": 0.8}, dataset="phantom", synthetic=True)]
    )["classification.md"]
    real, synthetic = page.split("## SYNTHETIC: ")
    assert [len(tables(real)), len(tables(synthetic))] == [1, 1]
    assert "phantom" not in real
    assert "figs" not in synthetic
    assert "say nothing about brain tumours" in synthetic


def test_only_grouped_rows_rank_and_the_others_stand_apart(located, render, shown):
    records = [
        located({"accuracy": 0.99}, protocol="paper"),
        located({"accuracy": 0.97}, protocol="official"),
        located({"accuracy": 0.80}),
    ]
    page = render(records)["classification.md"]
    first, *others = shown(page)
    assert (first["rank"], first["accuracy ↑"]) == ("1", "0.8000")
    assert [(row["protocol"], "rank" in row) for row in others] == [("`official`", False), ("`paper`", False)]
    assert page.index("0.8000") < page.index("Not ranked: other protocols") < page.index("0.9700")


def test_the_highest_accuracy_ranks_first_and_equal_values_share_a_rank(ranks_by_model, located, render):
    records = [
        located({"accuracy": value}, model=model) for model, value in (("net-a", 0.7), ("net-b", 0.9), ("net-c", 0.7))
    ]
    assert ranks_by_model(render(records)["classification.md"]) == {"net-b": "1", "net-a": "2", "net-c": "2"}


def test_leaks_of_a_protocol_that_does_not_rank_are_shown(located, render, rows_with):
    leakage = Leakage(
        test_samples=614, groups_on_both_sides=195, test_samples_of_shared_groups=598, identical_test_images=12
    )
    (row,) = rows_with(render([located({"accuracy": 0.9}, protocol="paper", leakage=leakage)])["figs.md"], "results/")
    assert "leaks: 195 patients on both sides (598 of 614 test images), 12 identical images" in row


def test_a_set_that_does_not_know_its_patients_says_so_in_the_column_split(located, render, shown, cards):
    unknown = {"figs": cards.datasets["figs"].model_copy(update={"patients_known": False})}
    none, some = (
        CLEAN.model_copy(update={"near_identical_test_images": 0, "unknown_patient_test_images": n}) for n in (10, 4)
    )
    for leakage, said in (
        (CLEAN, "none; patients unknown"),
        (none, "none; patients unknown"),
        (some, "none; patients unknown of 4 of 10 test images"),
        (None, "not measured; patients unknown"),
    ):
        records = [located({"accuracy": 0.9}, leakage=leakage)]
        page = render(records, cards=replace(cards, datasets=unknown))["figs.md"]
        assert next(row["split"] for row in shown(page) if "split" in row) == said
    page = render([located({"accuracy": 0.9})])["figs.md"]
    assert next(row["split"] for row in shown(page) if "split" in row) == "none"


def test_the_accuracy_of_a_constant_class_is_told(located, render, shown):
    page = render([located({"accuracy": 0.9}, confusion=((5, 1), (0, 4)))])["figs.md"]
    assert shown(page)[0]["constant class"] == "0.6000"


@pytest.mark.parametrize("status", ["failed", "oom", "timeout", "skipped"])
def test_a_cell_without_a_result_is_listed_with_its_reason(located, render, tables, status):
    page = render([located({"accuracy": 0.9}), located(model="net-b", fold=3, status=status, reason="a|b *c*\nd")])[
        "figs.md"
    ]
    (line,) = [line for line in page.splitlines() if line.startswith("- `net-b`")]
    assert line.startswith(f"- `net-b` grouped full f3 s0: **{status}**, a\\|b \\*c\\* d ([record](results/figs/net-b/")
    assert all("net-b" not in table for table in tables(page))


def test_a_board_says_how_many_cells_have_no_result_and_where_the_reasons_stand(located, render):
    records = [located({"accuracy": 0.9}), *[located(fold=fold, status="oom", reason="full") for fold in (1, 2)]]
    assert "2 cells without a result: [why](figs.md)." in render(records)["classification.md"].splitlines()
    assert "without a result" not in render(records[:1])["classification.md"]


def test_a_pipe_in_a_title_does_not_break_the_table(located, render, rows_with):
    (row,) = rows_with(render([located({"accuracy": 0.9}, model_title="A | B")])["figs.md"], "results/")
    assert "A \\| B" in row


def test_models_and_data_sets_that_are_not_installed_still_render(located, render, rows_with, shown):
    pages = render([located({"accuracy": 0.9}, model="gone[depth=2]")], cards=BoardCards())
    (row,) = rows_with(pages["figs.md"], "Network gone")
    assert "gone%5Bdepth%3D2%5D" in row
    (row,) = shown(pages["classification.md"])
    assert (row["rank"], row["accuracy ↑"]) == (DASH, "0.9000")  # no metric card, no rank
    assert "## The figs slices (`figs`)" in pages["classification.md"]
