"""A data set's card says how it is split, and what is wrong with its counts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

import tumorbench as tb
from tumorbench.cli.catalogue import dataset_report

CARD = {
    "id": "d",
    "title": "D",
    "version": "1",
    "tasks": ("classification",),
    "classes": ("a", "b"),
    "licence": "MIT",
    "citation": "c",
    "source": tb.Source(homepage="https://example.org/ask"),
    "patients_known": True,
    "counts": {},
    "factory": "tests_of_cards:Absent",
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"counts": {"val": {"a": 1, "b": 2}}},
            'counts is given for val; its splits are "all", or "train" and "test"',
        ),
        (
            {"counts": {"all": {"a": 1}}},
            "counts['all'] is given for a; it has one number for each of the classes a, b",
        ),
        ({"official_split": True, "official_folds": 5}, "official_split or official_folds, not both"),
        ({"official_folds": 1}, "official_folds is 0 (none), or 2 and more"),
        ({"counts": {"all": {"a": -1, "b": 2}}}, "greater than or equal to 0"),
    ],
)
def test_a_card_that_contradicts_itself_says_where(changes, told):
    with pytest.raises(ValidationError) as caught:
        tb.DatasetSpec(**(CARD | changes))
    assert told in str(caught.value)


def test_only_official_has_the_folds_of_the_publication():
    folded, plain = tb.DatasetSpec(**(CARD | {"official_folds": 3})), tb.DatasetSpec(**CARD)
    split = tb.DatasetSpec(**(CARD | {"official_split": True}))
    assert [folded.folds(each) for each in ("grouped", "tstr", "official", "paper")] == [5, 5, 3, 1]
    assert [plain.folds("official"), split.folds("official")] == [1, 1]
    assert [each.has_official for each in (folded, plain, split)] == [True, False, True]


READER = """
from tumorbench import Dataset, Unavailable


class Absent(Dataset):
    def samples(self):
        raise Unavailable("d is not here")
"""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "ask for it at https://example.org/ask, and lay it into "),
        ({"synthetic": True}, "nothing to fetch: its plugin computes it"),
        ({"source": tb.Source(homepage="h", kaggle="o/s/versions/1")}, "tumorbench data fetch d"),
    ],
)
def test_a_report_says_how_to_get_the_set(install_plugin, tmp_path, changes, told):
    install_plugin("absent-set", tests_of_cards=READER)
    report = dataset_report(tb.DatasetSpec(**(CARD | changes)), tmp_path)
    assert report["how_to_get"].startswith(told)
    assert (report["available"], report["reason"]) == (False, "d is not here")
