"""The boards of a report say what the Markdown boards say."""

import re

import pytest

from tumorbench.boards.blocks import Ranking
from tumorbench.boards.ranking import order, places, rank
from tumorbench.boards.uncertainty import sureness
from tumorbench.tables import entries
from tumorbench.tables.markdown import DASH, NOTHING
from tumorbench.tables.rows import rows_of


def boards_of(page):
    """The tables of the boards: those in a section of a data set that sort."""
    return [
        each
        for each in page.all("table")
        if "sortable" in each.attributes.get("class", "")
        and any(parent.attributes.get("class") == "set" for parent in each.parents)
    ]


@pytest.fixture
def records(cell):
    return [
        *(cell({"accuracy": 0.85 + fold / 100}, fold=fold, spread=0.02) for fold in range(5)),
        *(cell({"accuracy": 0.6}, model="net-b", fold=fold, spread=0.02) for fold in range(5)),
        cell({"accuracy": 0.99}, protocol="paper"),
        cell({"accuracy": 0.9}, model="net-c"),
    ]


@pytest.fixture
def board(rendered):
    """The lines of the first board of these records, as dicts from heading to entry."""

    def make(records):
        page = rendered(records)
        headings, *lines = page.lines(boards_of(page)[0])
        return [dict(zip(headings, line, strict=True)) for line in lines]

    return make


@pytest.fixture
def theirs(given):
    """The rows of these records with their intervals and places, as the Markdown boards have them, in their order."""

    def make(records):
        rows = rows_of(records)
        sure = [sureness(row, ["accuracy"], given().cards) for row in rows]
        found = zip(rows, sure, places(rows, Ranking("accuracy", higher_is_better=True), sure), strict=True)
        return sorted(found, key=lambda each: order(each[0], each[2]))

    return make


def test_ranks_and_their_order_are_those_of_the_boards(records, board, theirs):
    said = [
        (re.sub("[()]", "", rank(place, name_folds=False)), row.identity.model) for row, _, place in theirs(records)
    ]
    found = board(records)
    assert [(line["rank"], re.search(r"\((\S+) 1\)", line["model"])[1]) for line in found] == said
    assert [line["rank"] for line in found] == [f"1 1{DASH}1", f"2 2{DASH}2", DASH, DASH]


def test_values_and_intervals_are_those_of_the_boards(records, board, theirs):
    said = [
        entries.value(row.statistic("accuracy"), with_n=False, interval=sure.intervals["accuracy"])
        for row, sure, _ in theirs(records)
    ]
    shown = [re.sub("[()]", "", each).replace(f" ± {NOTHING}", "") for each in said]  # a single cell has no spread
    assert [line["accuracy ↑"] for line in board(records)] == shown


def test_a_row_that_does_not_rank_says_so_and_what_leaks(records, board):
    (paper,) = [line for line in board(records) if line["protocol"].startswith("paper")]
    assert paper["rank"] == DASH
    assert paper["protocol"] == "paper not ranked"
    assert paper["split"] == "leaks: 7 patients on both sides (9 of 20 test images), 2 identical images"


def test_columns_sort_by_numbers_and_what_has_none_has_no_value(records, rendered):
    page = rendered(records)
    first = boards_of(page)[0]
    rows = [each for each in page.all("tr") if first in each.parents][1:]
    values = [
        [each.attributes.get("data-value") for each in page.all("td", "th") if row in each.parents] for row in rows
    ]
    assert [None if line[0] is None else float(line[0]) for line in values] == [1.0001, 2.0002, None, None]
    assert [float(line[3]) for line in values] == pytest.approx([0.87, 0.6, 0.9, 0.99])


def test_how_rows_were_checked_stands_on_the_board(cell, board):
    from dataclasses import replace

    records = [replace(cell(fold=fold), checked="verified" if fold else "") for fold in range(3)]
    assert board(records)[0]["checked"] == "2 verified, 1 not checked"


def test_models_that_were_trained_elsewhere_have_a_table_of_their_own(cell, rendered):
    page = rendered([cell(), cell({"accuracy": 0.99}, model="net-x", origin="evaluated")])
    boards = boards_of(page)[:2]
    assert [page.lines(each)[1][1] for each in boards] == ["Network net-a (net-a 1)", "Network net-x (net-x 1)"]
    assert [len(page.lines(each)) for each in boards] == [2, 2]
    assert page.lines(boards[1])[1][0] == DASH
    assert "Board: models that were trained elsewhere" in [each.text for each in page.all("h4")]
