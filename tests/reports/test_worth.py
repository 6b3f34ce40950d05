"""The page "What a split is worth": values of tables, of their clean slices, intervals and the plot."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from tumorbench.contracts.cell import OtherSet
from tumorbench.reports import render_worth
from tumorbench.reports.counts import Counts, counts_of, value_of
from tumorbench.reports.dots import Dot, dot_plot
from tumorbench.reports.worth import PAGE
from tumorbench.tables.inputs import LocatedRecord


def table(right: list[int], leaked: list[str] | None = None) -> pd.DataFrame:
    """One slice a patient, of which ``right`` are called by their class."""
    found = pd.DataFrame(
        {"sample_id": [f"s{n}" for n in range(len(right))], "group": "", "label": 1, "predicted": right}
    )
    return found if leaked is None else found.assign(leaked=leaked, cluster=found["sample_id"])


@pytest.fixture
def worth():
    """The page and plots of records with their tables."""

    def render(*cells: tuple[LocatedRecord, pd.DataFrame | None]) -> dict[str, str]:
        tables = {cell.record.cell_key: found for cell, found in cells}
        return render_worth([cell for cell, _ in cells], lambda cell: tables[cell.record.cell_key])

    return render


def entries(text: str, name: str) -> dict[str, str]:
    """The row of a model, by the headings of its table."""
    lines = [
        [entry.strip() for entry in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")
    ]
    return dict(zip(lines[0], next(line for line in lines if line[0] == f"`{name}`"), strict=True))


def test_protocols_and_clean_slices_stand_beside_each_other_with_intervals(located, worth):
    leaked = ["identical", "patient", "near-identical", "", ""]
    official = located(protocol="official"), table([1, 1, 1, 1, 0], leaked)
    grouped = [(located(protocol="grouped", fold=fold), table([1, 0, 0, 0], [""] * 4)) for fold in range(2)]
    found = entries(worth(official, *grouped)[PAGE], "net-a")
    assert list(found) == ["model", "`official`", "`official`, clean only", "`grouped`", "drop"]
    assert found["`official`"].startswith("0.8000 (")
    assert found["`official`, clean only"].startswith("0.5000 (too few patients for an interval; 2 of 5)")
    assert found["`grouped`"].startswith("0.2500 (")
    assert found["drop"] == "-0.5500"


def test_a_table_that_does_not_say_what_leaked_has_no_clean_value(located, worth):
    found = entries(worth((located(), table([1, 0])))[PAGE], "net-a")
    assert list(found) == ["model", "`paper`", "drop"]


def test_a_model_that_was_not_run_under_a_protocol_has_a_dash_there(located, worth):
    other = located(model="net-b", protocol="grouped"), table([1, 1])
    page = worth((located(), table([1, 0])), other)[PAGE]
    assert entries(page, "net-a")["`grouped`"] == entries(page, "net-b")["`paper`"] == "—"
    assert page.index("`net-b`") < page.index("`net-a`")


def test_an_external_row_names_the_set_trained_on(located, worth):
    cell = located(protocol="external")
    other = OtherSet(dataset="figs-too", fingerprint="f" * 64)
    identity = cell.record.identity.model_copy(update={"trained_on": other})
    cell = LocatedRecord(cell.record.model_copy(update={"identity": identity}), cell.path)
    assert "`external from figs-too`" in entries(worth((cell, table([1, 0])))[PAGE], "net-a")


def test_quick_and_full_results_never_share_a_table(located, worth):
    pages = worth(
        (located(), table([1])),
        (located(budget="quick", protocol="grouped"), table([0])),
        (located(budget="1of20", protocol="grouped"), table([1, 0])),
    )
    page = pages[PAGE]
    assert [line for line in page.splitlines() if line.startswith("###")] == [
        "### The figs slices (`figs`), full budget",
        "### The figs slices (`figs`), 1of20 budget",
        "### The figs slices (`figs`), quick budget",
    ]
    assert "worth-classification-figs-1of20.svg" in pages


def test_records_without_tables_and_generators_leave_the_page_without_a_table(located, worth):
    pages = worth((located(), None), (located(task="generation", model="gan"), table([1])))
    assert list(pages) == [PAGE]
    assert "|" not in pages[PAGE]


def test_dice_is_of_any_lesion_against_the_background_over_all_pixels():
    # rows: background, disc, square; columns likewise: 5 right, 1 as another lesion, 2 missed, 4 false
    confusion = [90, 3, 1, 2, 5, 1, 0, 0, 0]
    cell, clean = counts_of(
        pd.DataFrame({"sample_id": ["a"], "group": [""], "label": [0], "confusion": [confusion]}), "segmentation"
    )
    assert clean is None
    assert cell.ratio == pytest.approx(2 * 6 / ((2 + 5 + 1) + (3 + 1 + 5 + 1)))


def counted(right: np.ndarray, clusters: np.ndarray) -> Counts:
    return Counts(right.astype(float), np.ones(len(right)), clusters.astype(str))


def test_the_interval_of_independent_slices_is_that_of_the_binomial():
    right = np.arange(400) % 4 > 0
    found = value_of({(0, 0): counted(right, np.arange(400))}, "net")
    assert found.mean == 0.75
    spread = 1.96 * (0.75 * 0.25 / 400) ** 0.5
    assert found.interval == pytest.approx((0.75 - spread, 0.75 + spread), abs=0.015)


def test_slices_of_one_patient_count_as_one():
    right, patients = np.repeat(np.arange(40) % 4 > 0, 10), np.repeat(np.arange(40), 10)
    low, high = value_of({(0, 0): counted(right, patients)}, "net").interval
    assert high - low == pytest.approx(2 * 1.96 * (0.75 * 0.25 / 40) ** 0.5, rel=0.2)


def test_seeds_of_one_test_part_are_drawn_with_it_and_folds_apart():
    right = np.random.default_rng(0).random(300) < 0.7
    one, other = counted(right, np.arange(300)), counted(right, np.arange(300) + 300)
    alone = value_of({(0, 0): one}, "net").interval
    assert value_of({(0, 0): one, (0, 1): one}, "net").interval == pytest.approx(alone)
    width, narrower = (np.diff(each)[0] for each in (alone, value_of({(0, 0): one, (1, 0): other}, "net").interval))
    assert narrower == pytest.approx(width / 2**0.5, rel=0.15)


def test_a_cell_without_a_slice_to_count_has_no_value():
    assert value_of({(0, 0): counted(np.ones(0), np.zeros(0))}, "net") is None
    assert value_of({}, "net") is None


def test_the_plot_is_sound_xml_of_equal_bytes_with_each_dot_where_its_value_is():
    dots = [("a<b", [Dot("paper", 0.9, 0.85, 0.95), Dot("grouped", 0.5, 0.5, 0.6)])]
    drawn = dot_plot(dots, ["paper", "grouped"], "accuracy")
    assert drawn == dot_plot(dots, ["paper", "grouped"], "accuracy")
    circles = [each for each in ET.fromstring(drawn).iter() if each.tag.endswith("circle")][2:]  # noqa: S314 - our own text; without the legend
    first, second = (float(each.get("cx")) for each in circles)
    assert (second, first) == (300.0, pytest.approx(300 + 530 * 0.8, abs=0.1))  # the axis begins at 0.5
