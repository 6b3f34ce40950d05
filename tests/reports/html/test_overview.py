"""The plots of a section: what is drawn, and what is not."""

import pytest

from tumorbench.contracts.record import Throughput
from tumorbench.reports.html.overview import overview
from tumorbench.reports.html.standing import standings_of
from tumorbench.tables.rows import rows_of


@pytest.fixture
def charts(given):
    """The plots of the first table of these records, by title."""

    def make(records, task="classification", throughputs=()):
        (standing, *_) = standings_of(task, rows_of(records), given().cards)
        return {chart.title: chart for chart in overview(task, standing, throughputs)}

    return make


def points(chart):
    return next(iter(chart.spec["datasets"].values()))


@pytest.fixture
def records(cell):
    return [
        cell({"accuracy": 0.8}, spread=0.03),
        cell({"accuracy": 0.5}, model="net-b", spread=0.03),
        cell({"accuracy": 0.95}, protocol="paper"),
        cell({"accuracy": 0.9}, model="net-c", protocol="paper"),
    ]


def test_ranks_are_drawn_of_the_rows_that_rank(records, charts):
    found = points(charts(records)["Ranks by accuracy"])
    assert [(each["model"], each["rank"], each["low"], each["high"]) for each in found] == [
        ("net-a", 1, 1, 1),
        ("net-b", 2, 2, 2),
    ]


def test_no_rank_is_drawn_where_nothing_ranks(cell, charts):
    records = [cell(protocol="paper"), cell(model="net-b", protocol="official")]
    assert [title for title in charts(records) if title.startswith("Ranks")] == []


def test_values_are_drawn_of_every_row_with_their_intervals(records, charts):
    found = points(charts(records)["Values of accuracy"])
    assert {(each["model"], each["protocol"]): (each["low"], each["value"], each["high"]) for each in found} == {
        ("net-a", "grouped"): (0.77, 0.8, 0.83),
        ("net-b", "grouped"): (0.47, 0.5, 0.53),
        ("net-a", "paper"): (0.9, 0.95, 1.0),
        ("net-c", "paper"): (0.85, 0.9, 0.95),
    }


def test_slopes_are_of_models_with_more_than_one_split_and_tell_the_drop(records, charts):
    chart = charts(records)["Paper against grouped"]
    assert {each["model"] for each in points(chart)} == {"net-a"}
    assert [entry.text for entry in chart.table.lines[0].entries] == ["`net-a`", "0.9500", "0.8000", "-0.1500"]


def test_generators_have_no_slopes(cell, charts):
    records = [cell({"kid": 0.1}, task="generation", protocol=protocol) for protocol in ("paper", "grouped")]
    assert "Paper against grouped" not in charts(records, "generation")


def test_speeds_of_two_machines_never_share_a_plot(cell, charts):
    other = {"hardware": {"device": "cpu", "name": "another cpu"}}
    one = [cell(), cell({"accuracy": 0.5}, model="net-b")]
    assert [title for title in charts([one[0], cell(model="net-b", **other)]) if title.startswith("Speed")] == []
    chart = charts(one)["Speed against quality: test slices a second, in the cell"]
    assert [(each["model"], each["x"], each["value"]) for each in points(chart)] == [
        ("net-a", 40.0, 0.8),
        ("net-b", 40.0, 0.5),
    ]
    assert "on a cpu of ours." in chart.caption


def test_measured_speeds_are_drawn_where_bench_has_some(cell, charts):
    speeds = [
        Throughput.model_construct(
            model=name, inference_images_per_s=speed, hardware={"device": "cpu", "name": "a cpu of ours"}
        )
        for name, speed in {"net-a": 12.0, "net-b": 3.0}.items()
    ]
    chart = charts([cell(), cell({"accuracy": 0.5}, model="net-b")], throughputs=speeds)[
        "Speed against quality: images a second, by bench"
    ]
    assert [each["x"] for each in points(chart)] == [12.0, 3.0]


def test_plots_of_protocols_can_be_filtered_and_hold_no_colour_of_their_own(records, charts):
    for chart in charts(records).values():
        assert [each["name"] for each in chart.spec["params"]] == ["shown"]
        assert not {"config", "$schema"} & set(chart.spec)
