"""Pieces of plots."""

import pytest

from tumorbench.reports.html import cell_plots, plots, script


@pytest.mark.parametrize(
    ("last", "ticks"),
    [(2, [1, 2]), (10, list(range(1, 11))), (20, [1, *range(2, 21, 2)]), (95, [1, *range(10, 91, 10)])],
)
def test_ticks_of_epochs_and_ranks_are_whole_and_few(last, ticks):
    assert plots.whole(last).to_dict()["values"] == ticks


@pytest.mark.parametrize(
    ("value", "text"), [(0.123456789, 0.12346), (1803.26444, 1803.3), (None, None), (float("nan"), None), (0.0, 0.0)]
)
def test_numbers_are_short(value, text):
    assert plots.short(value) == text


def test_a_protocol_keeps_its_colour_and_shape_in_every_plot():
    found = []
    for protocols in (["paper", "grouped"], ["grouped", "external"]):
        points = [{"model": "a", "protocol": name, "value": 0.5, "low": 0.4, "high": 0.6} for name in protocols]
        marks = plots.dots(points, "accuracy")["layer"][1]["encoding"]
        assert marks["color"]["legend"]["values"] == protocols
        found.append((marks["color"]["scale"]["domain"], marks["shape"]["scale"]))
    assert found[0] == found[1]


def test_the_first_row_of_each_model_is_named_in_a_scatter():
    points = [{"model": name, "protocol": "grouped", "x": 10.0, "value": 0.5} for name in ("a", "b", "a")]
    spec = plots.scatter(points, "speed", "accuracy")
    (drawn,) = spec["datasets"].values()
    assert [each["label"] for each in drawn] == ["a", "b", ""]


def test_a_scatter_of_equal_values_has_an_axis():
    points = [{"model": name, "protocol": "grouped", "x": 10.0, "value": 0.0} for name in "ab"]
    low, high = plots.scatter(points, "speed", "accuracy")["layer"][0]["encoding"]["y"]["scale"]["domain"]
    assert low < 0 < high


def test_a_class_without_a_slice_has_no_share():
    (drawn,) = cell_plots.confusion([[3, 1], [0, 0]], ["a", "b"])["datasets"].values()
    assert [each["share"] for each in drawn] == [0.75, 0.25, 0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("HTTPS://a.org", "a.org"),
        ("http://www.w3.org.evil.org/x", "www.w3.org.evil.org/x"),
        ('xmlns="http://www.w3.org/2000/svg"', 'xmlns="http://www.w3.org/2000/svg"'),
        ("ftp and https alone", "ftp and https alone"),
    ],
)
def test_addresses_lose_what_makes_them_addresses(text, clean):
    assert script.without_addresses(text) == clean


def test_the_library_is_a_script_that_no_tag_ends():
    assert "</script" not in script.library()
    assert "<!--" not in script.library()
    assert "vegaEmbed" in script.library()
