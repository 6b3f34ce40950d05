"""Only rows that stand on the same folds rank against each other, and only whole ones where there is a whole one."""

from dataclasses import replace

import pytest

from tumorbench.boards.pages import HOW_TO_READ
from tumorbench.boards.protocols import protocols_in_words
from tumorbench.contracts.cards import MetricSpec
from tumorbench.tables.markdown import DASH


@pytest.fixture
def column(shown):
    """Model -> what its row has in that column; "" where its table has no such column."""
    return lambda page, name: {row["model"].strip("`").partition(" ")[0]: row.get(name, "") for row in shown(page)}


@pytest.fixture
def covering(located):
    """Cells of one model with the same accuracy on each of the given folds."""
    return lambda model, accuracy, folds, **more: [
        located({"accuracy": accuracy}, model=model, fold=fold, **more) for fold in folds
    ]


def test_a_row_of_one_lucky_fold_has_no_rank_beside_a_whole_row(covering, render, column):
    page = render(
        [*covering("net-a", 0.99, [0]), *covering("net-b", 0.7, range(5)), *covering("net-c", 0.8, range(5))]
    )["classification.md"]
    assert list(column(page, "rank").items()) == [("net-c", "1"), ("net-b", "2"), ("net-a", DASH)]
    assert column(page, "cells")["net-a"] == "1 (1/5 folds)"
    assert (
        "Rows of fewer than 5 folds have no rank here: they stand on part of the data, the ranked rows on all of it."
        in page.splitlines()
    )


def test_rows_of_fewer_folds_stand_before_the_protocols_that_do_not_rank(covering, render, column):
    page = render(
        [
            *covering("net-a", 0.99, [0], protocol="paper"),
            *covering("net-b", 0.5, [0]),
            *covering("net-c", 0.8, range(5)),
        ]
    )["classification.md"]
    assert list(column(page, "rank")) == ["net-c", "net-b", "net-a"]


def test_where_no_row_is_whole_rows_of_the_same_fold_rank_and_a_sentence_says_so(covering, render, column):
    page = render([*covering("net-a", 0.7, [2]), *covering("net-b", 0.9, [2])])["classification.md"]
    assert column(page, "rank") == {"net-b": "1", "net-a": "2"}
    assert "No row covers all 5 folds: the ranks hold for fold 2 only, which is part of the data." in page.splitlines()


def test_where_no_row_is_whole_rows_of_other_folds_never_rank_against_each_other(covering, render, column):
    page = render([*covering("net-a", 0.6, [0, 1]), *covering("net-b", 0.9, [0]), *covering("net-c", 0.5, [0, 1])])[
        "classification.md"
    ]
    assert list(column(page, "rank").items()) == [
        ("net-a", "1 (folds 0, 1)"),
        ("net-c", "2 (folds 0, 1)"),
        ("net-b", "1 (fold 0)"),
    ]
    assert (
        "No row covers all 5 folds: each ranks only among the rows of the same folds, which stand beside its rank."
        in page.splitlines()
    )


def test_as_many_but_other_folds_are_other_folds(covering, render, column):
    page = render([*covering("net-a", 0.6, [0]), *covering("net-b", 0.9, [1])])["classification.md"]
    assert column(page, "rank") == {"net-a": "1 (fold 0)", "net-b": "1 (fold 1)"}


def test_a_fold_without_a_value_of_the_ranking_metric_is_not_covered(covering, render, column):
    page = render(
        [*covering("net-a", 0.9, range(4)), *covering("net-a", None, [4]), *covering("net-b", 0.7, range(5))]
    )["classification.md"]
    assert column(page, "rank") == {"net-b": "1", "net-a": DASH}


def test_more_seeds_do_not_make_a_row_whole(covering, render, column):
    seeds = [cell for seed in range(5) for cell in covering("net-a", 0.99, [0], seed=seed)]
    page = render([*seeds, *covering("net-b", 0.7, range(5))])["classification.md"]
    assert column(page, "rank") == {"net-b": "1", "net-a": DASH}


def test_whole_rows_need_no_sentence(covering, render):
    page = render(
        [
            *covering("net-a", 0.9, range(5)),
            *covering("net-b", 0.7, range(5)),
            *covering("net-b", 0.9, [0], protocol="paper"),
        ]
    )["classification.md"]
    assert "fold" not in page.replace(HOW_TO_READ, "").replace(
        protocols_in_words("classification", ("paper",)), ""
    ).replace("5/5 folds", "")


def test_a_quick_row_of_one_fold_keeps_its_rank_whatever_the_full_table_has(covering, render, column):
    page = render([*covering("net-a", 0.9, range(5)), *covering("net-b", 0.7, [0], budget="quick")])[
        "classification.md"
    ]
    full, quick = page.split("### Quick budget")
    assert "No row covers all 5 folds" not in full
    assert "the ranks hold for fold 0 only" in quick


def test_two_ranking_metrics_give_a_rank_each_and_the_first_orders_the_table(located, render, column, cards):
    coverage = MetricSpec(
        id="coverage",
        title="Coverage",
        task="generation",
        version="1",
        higher_is_better=True,
        value_range=(0, 1),
        ranks=True,
        needs_extractor=True,
        factory="m:m",
    )
    values = {"net-a": (0.3, 0.9), "net-b": (0.1, 0.2), "net-c": (0.2, 0.5)}
    records = [
        located({"kid[e]": kid, "coverage[e]": share}, model=model, task="generation")
        for model, (kid, share) in values.items()
    ]
    page = render(records, cards=replace(cards, metrics=[*cards.metrics, coverage]))["generation.md"]
    assert list(column(page, "rank by kid").items()) == [("net-b", "1"), ("net-c", "2"), ("net-a", "3")]
    assert column(page, "rank by coverage") == {"net-a": "1", "net-c": "2", "net-b": "3"}
    assert "Ranked by kid (`kid`), which orders the tables, and by Coverage (`coverage`)." in page
