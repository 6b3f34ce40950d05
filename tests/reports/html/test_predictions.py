"""Calibration and mistakes from tables of predictions."""

import pandas as pd
import pytest

from tumorbench.reports.html.predictions import mistakes, reliability_points

CLASSES = {"classes": ("glioma", "pituitary")}


@pytest.fixture
def texts():
    """The entries of a table's lines."""

    def of(table):
        return [[entry.text for entry in line.entries] for line in table.lines]

    return of


def test_each_bin_says_how_sure_and_how_often_right(cell, predictions):
    table = predictions(chances=(0.95, 0.97, 0.1), labels=(1, 0, 0))
    found = reliability_points([(cell(**CLASSES), table)])
    assert found == [
        {"confidence": 0.9, "accuracy": 1.0, "slices": 1, "kind": "as predicted"},
        {"confidence": 0.96, "accuracy": 0.5, "slices": 2, "kind": "as predicted"},
    ]


def test_bins_after_scaling_are_there_only_where_every_cell_has_a_temperature(cell, predictions):
    hot, cold = predictions(temperature=2.0), predictions()
    kinds = [
        {each["kind"] for each in reliability_points([(cell(**CLASSES), each) for each in tables])}
        for tables in ([hot], [hot, cold])
    ]
    assert kinds == [{"as predicted", "after temperature scaling"}, {"as predicted"}]
    surest = [
        max(
            each["confidence"] for each in reliability_points([(cell(**CLASSES), hot)]) if each["kind"].startswith(kind)
        )
        for kind in ("as", "after")
    ]
    assert surest[0] > surest[1]


def test_the_most_confident_mistakes_of_all_cells_come_first(cell, predictions, texts):
    first, second = (
        predictions(),
        predictions(chances=(0.1, 0.9, 0.01, 0.6, 0.4, 0.8), leaked=["", "", "identical", "", "", ""]),
    )
    table = mistakes([(cell(**CLASSES), first), (cell(seed=1, **CLASSES), second)], "classification")
    assert texts(table)[:3] == [
        ["`slice-2`", "pituitary", "glioma", "99.0%", "the same image", "f0 s1"],
        ["`slice-3`", "glioma", "pituitary", "95.0%", "no", "f0 s0"],
        ["`slice-2`", "pituitary", "glioma", "80.0%", "no", "f0 s0"],
    ]
    assert table.caption == "The most confident of 5 mistakes in 12 predictions of test slices."


def test_there_are_no_mistakes_where_all_is_right_or_the_table_lacks_what_tells(cell, predictions):
    right = predictions(chances=(0.1, 0.9), labels=(0, 1))
    assert mistakes([(cell(**CLASSES), right)], "classification") is None
    assert mistakes([(cell(**CLASSES), right.drop(columns="label"))], "classification") is None
    assert mistakes([], "classification") is None
    assert mistakes([(cell(task="generation"), right)], "generation") is None


def test_lesions_of_the_lowest_dice_come_first_and_slices_without_one_do_not_count(cell, texts):
    pixels = [[90, 0, 0, 10], [90, 0, 10, 0], [100, 0, 0, 0], [85, 0, 15, 0], [80, 10, 5, 5]]
    table = pd.DataFrame({"sample_id": list("abcde"), "group": "", "label": 0, "confusion": pixels})
    found = mistakes([(cell(task="segmentation"), table)], "segmentation")
    assert texts(found) == [
        ["`d`", "15", "0.0000", "not known", "f0 s0"],
        ["`b`", "10", "0.0000", "not known", "f0 s0"],
        ["`e`", "10", "0.4000", "not known", "f0 s0"],
        ["`a`", "10", "1.0000", "not known", "f0 s0"],
    ]
    assert found.caption == "The lowest Dice among 4 predictions of test slices with a lesion."
