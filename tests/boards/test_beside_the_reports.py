"""The value of a source report stands beside ours of the same quantity, and beside no other."""

from dataclasses import replace

from tumorbench.contracts.cards import Paper, Reported
from tumorbench.tables.inputs import BoardCards


def test_the_reported_value_stands_beside_ours_under_the_papers_protocol_only(cells_of, located, render, rows_with):
    page = render([located({"accuracy": 0.9}, protocol="paper"), located({"accuracy": 0.8})])["figs.md"]
    grouped, paper = rows_with(page, "`net-a 1`")
    assert "0.9000 ± — (reported 0.93)" in paper
    assert "reported" not in grouped
    (beside,) = rows_with(page, "as printed")
    assert cells_of(beside) == [
        "`net-a`",
        "`accuracy`",
        "0.93",
        "0.9000 ± —",
        "—",
        "0.8000 ± — (1 of 5 folds)",
        "as printed",
    ]


def test_a_value_that_was_reported_on_training_data_never_stands_beside_our_test_value(
    cells_of, located, render, rows_with, cards
):
    trained = Reported(dataset="figs", metric="accuracy", value=0.98, part="train", note="as printed")
    card = cards.models["net-a"].model_copy(update={"paper": Paper(title="A paper", reported=(trained,))})
    page = render(
        [located({"accuracy": 0.9}, protocol="paper")], cards=BoardCards({"net-a": card}, cards.datasets, cards.metrics)
    )["figs.md"]
    (row,) = rows_with(page, "results/")
    (beside,) = rows_with(page, "as printed")
    assert "reported" not in row
    assert cells_of(beside) == ["`net-a`", "`accuracy` of train", "0.98", "—", "—", "—", "as printed"]


def test_a_metric_that_we_have_no_value_of_stands_beside_the_report_as_a_dash(cells_of, located, render, rows_with):
    (beside,) = rows_with(render([located({"f1_macro": 0.9})])["figs.md"], "as printed")
    assert cells_of(beside) == ["`net-a`", "`accuracy`", "0.93", "—", "—", "—", "as printed"]


def test_a_reported_value_of_another_part_stands_beside_ours(located, render, rows_with, cards):
    reported = Reported(dataset="figs", metric="cross_entropy", part="val", value=0.34)
    model = cards.models["net-a"].model_copy(update={"paper": Paper(title="A paper", reported=(reported,))})
    page = render(
        [located({"accuracy": 0.8}, parts={"val": {"loss": 0.4, "n": 5}})],
        cards=replace(cards, models={"net-a": model}),
    )["figs.md"]
    (row,) = rows_with(page, "`cross_entropy` of val")
    assert "| 0.34 " in row
    assert "0.4000 ± — (1 of 5 folds)" in row
