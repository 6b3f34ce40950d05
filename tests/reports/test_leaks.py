"""Leaks are told in words: patients, identical images and near-copies, and of how many nobody knows whose they are."""

from __future__ import annotations

import pytest

from tumorbench.contracts.record import Leakage
from tumorbench.reports.leaks import leaks_in_words
from tumorbench.tables.inputs import BoardCards
from tumorbench.tables.rows import rows_of

COUNTS = {
    "test_samples": 100,
    "groups_on_both_sides": 4,
    "test_samples_of_shared_groups": 30,
    "identical_test_images": 5,
}
NONE = {"test_samples": 100, "groups_on_both_sides": 0, "test_samples_of_shared_groups": 0, "identical_test_images": 0}


@pytest.mark.parametrize(
    ("leakage", "words"),
    [
        (
            Leakage(**COUNTS, near_identical_test_images=7, unknown_patient_test_images=40),
            (
                "30 of 100 test images come from patients who are also in training and 5 of 100 test images are "
                "pixel-identical to a training image and 7 of 100 test images are near-copies of one (the patients of 40 are unknown)"
            ),
        ),
        (
            Leakage(**NONE, near_identical_test_images=0, unknown_patient_test_images=40),
            "nothing known is on both sides (the patients of 40 are unknown)",
        ),
        (Leakage(**NONE, near_identical_test_images=0, unknown_patient_test_images=0), "nothing is on both sides"),
        (Leakage(**NONE), "nothing is on both sides"),
        (None, ""),
    ],
)
def test_words_say_what_was_measured(located, figs, leakage, words):
    rows = rows_of([located(leakage=leakage)])
    assert leaks_in_words(rows, BoardCards(datasets={"figs": figs(patients_known=False)})) == words
