"""What is measured of two masks is stored in columns, and metrics are called with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumorbench.contracts.cards import PixelSpacing
from tumorbench.metrics.lesions import lesion_counts
from tumorbench.metrics.surfaces import surface_distances
from tumorbench.tasks.outlines import (
    CEILING,
    Outlines,
    arguments_of,
    columns_of_outlines,
    differing,
    lacking_of,
    spacing_of,
)

TRUE = np.diag([1, 1, 0, 0, 2]).astype(np.uint8)
FOUND = np.diag([0, 1, 0, 0, 0]).astype(np.uint8)


@pytest.fixture
def table(tmp_path):
    """Two slices; nothing in either mask of the second. Read back from Parquet."""
    nothing = np.zeros_like(TRUE)
    found, highest = (
        [Outlines.of(TRUE, FOUND), Outlines.of(nothing, nothing)],
        [Outlines.of(TRUE, TRUE), Outlines.of(nothing, nothing)],
    )
    columns = columns_of_outlines(found, highest, [0.5, np.nan])
    pd.DataFrame({"sample_id": ["a", "b"]} | columns).to_parquet(tmp_path / "predictions.parquet", index=False)
    return pd.read_parquet(tmp_path / "predictions.parquet")


def test_what_was_measured_comes_back(table):
    surfaces, spacing_mm = arguments_of(table, "surfaces")
    np.testing.assert_allclose(surfaces, [surface_distances(TRUE, FOUND), (np.nan, np.nan)])
    np.testing.assert_allclose(spacing_mm, [0.5, np.nan])
    assert arguments_of(table, "lesions")[0].tolist() == [[*lesion_counts(TRUE, FOUND)], [0, 0, 0]]
    assert arguments_of(table, "surfaces", CEILING)[0][0].tolist() == [0, 0]
    assert arguments_of(table, "lesions", CEILING)[0].tolist() == [[2, 2, 2], [0, 0, 0]]


def test_an_empty_table_has_columns_of_no_row(table):
    assert arguments_of(table[:0], "surfaces")[0].shape == (0, 2)
    assert arguments_of(table[:0], "lesions")[0].shape == (0, 3)


def test_a_table_says_what_a_metric_lacks(table):
    assert [lacking_of(table, needs) for needs in ("surfaces", "lesions")] == ["", ""]
    assert lacking_of(table, "calibration") == "it needs calibration, which a segmenter does not have"
    assert lacking_of(table.drop(columns=["surfaces", "spacing_mm"]), "surfaces") == (
        "its predictions were stored without surfaces, spacing_mm, which it needs; run the cell again"
    )


def test_a_pixel_s_size_is_known_of_slices_of_the_stated_size_alone():
    stated = PixelSpacing(height=512, width=256, mm=0.49)
    assert spacing_of(stated, (512, 256)) == 0.49
    assert np.isnan([spacing_of(stated, (256, 512)), spacing_of(None, (512, 256))]).all()


def test_a_row_that_says_something_else_than_was_measured_differs(table):
    measured = Outlines.of(TRUE, FOUND), Outlines.of(TRUE * 0, FOUND * 0)
    said = [differing(row.surfaces, row.lesions, each) for row, each in zip(table.itertuples(), measured, strict=True)]
    assert said == [False, False]
    (distance, mean), lesions = table["surfaces"][0], table["lesions"][0].tolist()
    for wrong in (([distance, mean + 1e-6], lesions), ([distance, mean], [2, 2, 1]), ([], lesions)):
        assert differing(*wrong, measured[0])
