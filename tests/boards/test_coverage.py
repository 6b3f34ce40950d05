"""A row that was made on an incomplete copy of a data set says how much of it there was."""

import pytest

from tumorbench.contracts.cards import Paper, SplitRule
from tumorbench.tables.coverage import COVERAGE_NOTE
from tumorbench.tables.inputs import BoardCards

WHOLE, SHORT = {"train": 20, "val": 5, "test": 10}, {"train": 17, "val": 4, "test": 10}  # the card publishes 35


@pytest.fixture
def split_as(cards):
    """The cards, where the publication of net-a splits figs by a rule."""

    def make(**rule):
        paper = Paper(title="A paper", splits={"figs": SplitRule(**rule)})
        return BoardCards(
            {"net-a": cards.models["net-a"].model_copy(update={"paper": paper})}, cards.datasets, cards.metrics
        )

    return make


@pytest.mark.parametrize("protocol", ["grouped", "official"])
def test_a_short_copy_is_labelled_with_its_slices_and_the_published_ones(located, render, rows_with, protocol):
    page = render([located({"accuracy": 0.9}, protocol=protocol, sizes=SHORT)])["figs.md"]
    (row,) = rows_with(page, "results/")
    assert row.endswith(" 31 of 35 published slices |")
    assert COVERAGE_NOTE in page.splitlines()


def test_a_whole_copy_has_no_such_column(located, render):
    page = render([located({"accuracy": 0.9}, sizes=WHOLE)])["figs.md"]
    assert "published slices" not in page
    assert COVERAGE_NOTE not in page


def test_whole_and_short_rows_of_one_table_are_told_apart(located, render, rows_with):
    page = render(
        [
            located({"accuracy": 0.9}, sizes=WHOLE),
            located({"accuracy": 0.8}, model="net-b", sizes=SHORT, content="e" * 64),
        ]
    )["figs.md"]
    assert [row.split(" | ")[-1].strip(" |") for row in rows_with(page, "results/")] == [
        "35 of 35 published slices",
        "31 of 35 published slices",
    ]


def test_a_short_copy_of_thousands_reads_as_a_number(located, render, cards):
    counts = {"train": {"glioma": 5000, "pituitary": 712}, "test": {"glioma": 1000, "pituitary": 311}}
    known = BoardCards(
        cards.models, {"figs": cards.datasets["figs"].model_copy(update={"counts": counts})}, cards.metrics
    )
    page = render([located({"accuracy": 0.9}, sizes={"train": 4914, "val": 702, "test": 1403})], cards=known)["figs.md"]
    assert "| 7,019 of 7,023 published slices |" in page


def test_slices_that_are_trained_and_tested_on_count_once(located, render, split_as):
    def board(train):
        sizes = {"train": train, "val": 0, "test": train}
        return render([located({"accuracy": 0.9}, protocol="paper", sizes=sizes)], cards=split_as(kind="everything"))[
            "figs.md"
        ]

    assert "published slices" not in board(35)
    assert "| 31 of 35 published slices |" in board(31)


def test_a_paper_s_split_by_sizes_uses_every_slice(located, render, split_as):
    page = render([located({"accuracy": 0.9}, protocol="paper", sizes=SHORT)], cards=split_as(kind="sizes", test=10))[
        "figs.md"
    ]
    assert "| 31 of 35 published slices |" in page


def test_nothing_is_claimed_without_the_card_of_the_data_set_or_of_the_paper_s_split(located, render):
    for page in (
        render([located({"accuracy": 0.9}, sizes=SHORT)], cards=BoardCards())["figs.md"],
        render([located({"accuracy": 0.9}, protocol="paper", sizes=SHORT)])["figs.md"],
    ):
        assert "published slices" not in page
