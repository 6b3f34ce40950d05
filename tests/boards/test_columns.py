"""A board's lines fit a screen.

Its columns can be chosen, and a plugin's metric is among them where its card says so.
"""

from dataclasses import replace

import pytest

from tumorbench.contracts.cards import MetricSpec
from tumorbench.contracts.record import Instrument, MetricValue
from tumorbench.errors import BadInput
from tumorbench.tables.markdown import shortened

LONG = "robles-wcgan-gp[generator=2,latent=64,widths=128]"


def card_of(name, *, headline=True, task="classification", title="Mine"):
    return MetricSpec(
        id=name,
        title=title,
        task=task,
        version="3",
        higher_is_better=False,
        value_range=(0, 1),
        headline=headline,
        factory="mine:mine",
    )


@pytest.fixture
def with_metrics(cards):
    """The cards, with those of a plugin's metrics behind the built-in ones."""
    return lambda *more: replace(cards, metrics=[*cards.metrics, *more])


def lines_of(page):
    return [line for line in page.splitlines() if line.startswith("|")]


def cell(located, name="net-a", instruments=(), **metrics):
    ranked = MetricValue(name="accuracy", value=0.85, n=100, higher_is_better=True, interval=(0.8, 0.9))
    known = {"parameters": {"total": 31_042_369, "trainable": 0}, "instruments": instruments}
    return located({"accuracy": ranked} | metrics, model=name, **known)


def test_a_board_has_rank_model_metric_with_interval_the_headlines_parameters_and_cells(located, render, with_metrics):
    here = with_metrics(card_of("f1_macro"), card_of("auroc"), card_of("ece", headline=False))
    page = render([cell(located, f1_macro=0.7, auroc=0.9, ece=0.1)], cards=here)["classification.md"]
    heading, _, row = [[text.strip() for text in line.strip("|").split(" | ")] for line in lines_of(page)]
    assert heading == ["rank", "model", "accuracy ↑", "f1_macro ↑", "auroc ↑", "parameters", "cells"]
    assert row == ["1 (1–1)", "`net-a`", "0.8500 (0.8000–0.9000)", "0.7000", "0.9000", "31.0 M", "1 (1/5 folds)"]  # noqa: RUF001


@pytest.mark.parametrize("name", ["a", LONG, LONG * 3])
@pytest.mark.parametrize("headlines", [1, 3, 9])
def test_no_line_is_wider_than_120_characters_however_long_names_are_and_many_the_metrics(
    located, render, with_metrics, name, headlines
):
    names = [f"a_long_metric_{number}" for number in range(headlines)]
    records = [cell(located, each, **dict.fromkeys(names, 0.5)) for each in (name, "net-b")]
    records.append(located({"accuracy": 0.9}, protocol="paper", model=name))
    page = render(records, cards=with_metrics(*map(card_of, names)))["classification.md"]
    assert lines_of(page)
    assert max(map(len, lines_of(page))) <= 120
    assert all("accuracy ↑" in lines_of(table)[0] for table in page.split("\n\n") if table.startswith("|"))


def test_a_name_that_is_too_long_loses_its_middle_and_stands_whole_on_the_data_set_s_page(
    located, render, with_metrics
):
    pages = render([cell(located, LONG, other_metric=0.5)], cards=with_metrics(card_of("other_metric")))
    assert LONG not in pages["classification.md"]
    assert "robles-wcgan" in pages["classification.md"]
    assert f"`{LONG} 1`" in pages["figs.md"]


def test_where_not_all_fits_the_built_in_headlines_give_way_to_those_of_a_plugin(located, render, with_metrics):
    name = "my_own_metric"
    scored = Instrument(metric=name, version="3", plugin="my-metrics")
    here = with_metrics(card_of("f1_macro"), card_of("auroc"), card_of(name))
    page = render([cell(located, LONG, instruments=(scored,), f1_macro=0.7, auroc=0.9, **{name: 0.5})], cards=here)
    heading = lines_of(page["classification.md"])[0]
    assert [each in heading for each in ("accuracy ↑", f"{name} ↑", "f1_macro", "auroc")] == [True, True, True, False]


@pytest.mark.parametrize(
    ("text", "most", "shown"), [("abc", 5, "`abc`"), ("abcdefgh", 7, "`ab…gh`"), ("abcdef", 6, "`ab…f`")]
)
def test_a_name_is_shortened_to_what_fits(text, most, shown):
    assert shortened(text, most) == shown
    assert len(shown) <= most


def test_a_metric_of_a_plugin_stands_on_the_board_by_its_card_and_always_on_the_data_set_s_page(
    located, render, with_metrics
):
    scored = Instrument(metric="mine", version="3", plugin="my-metrics")
    records = [located({"accuracy": 0.9, "mine": 0.25, "mine/glioma": 0.125}, instruments=(scored,))]
    for headline in (True, False):
        pages = render(records, cards=with_metrics(card_of("mine", headline=headline, title="My metric")))
        assert any("mine ↑" in line for line in lines_of(pages["classification.md"])) == headline
        assert "#### My metric: `mine` ↑\n\nOf the plugin `my-metrics`.\n" in pages["figs.md"]
        (row,) = [line for line in lines_of(pages["figs.md"]) if "0.1250 ± —" in line]
        assert "0.2500 ± —" in row
    gone = render(records)["figs.md"]  # the plugin is not installed any more
    assert "#### `mine` ↑\n\nOf the plugin `my-metrics`.\n" in gone


def test_chosen_columns_are_in_their_order_with_intervals_and_facts(located, render, with_metrics, shown):
    f1 = MetricValue(name="f1/glioma", value=0.7, n=100, higher_is_better=True, interval=(0.6, 0.8))
    page = render([cell(located, **{"f1/glioma": f1})], columns=["f1/glioma", "hardware", "accuracy"])[
        "classification.md"
    ]
    (row,) = shown(page)
    assert list(row) == ["rank", "model", "`f1/glioma`", "hardware", "accuracy ↑"]
    assert list(row.values())[1:] == [
        "`net-a`",
        "0.7000 (0.6000–0.8000)",  # noqa: RUF001
        "a cpu of ours (cpu, fp32)",
        "0.8500 (0.8000–0.9000)",  # noqa: RUF001
    ]


@pytest.mark.parametrize("name", ["net-b", LONG])
def test_three_chosen_metrics_with_their_intervals_fit_a_screen(located, render, name):
    names = ("accuracy", "f1_macro", "auroc")
    metrics = {
        each: MetricValue(name=each, value=0.7, n=9, higher_is_better=True, interval=(0.6, 0.8)) for each in names
    }
    records = [located(metrics, model=name, protocol=protocol) for protocol in ("grouped", "paper")]
    lines = lines_of(render(records, columns=names)["classification.md"])
    assert max(map(len, lines)) <= 120
    assert [line.count("0.7000 (0.6000") for line in lines] == [0, 0, 3, 0, 0, 3]


def test_no_chosen_column_gives_way_where_a_line_is_wider_than_a_screen(located, render, shown):
    names = [f"a_metric_of_a_plugin_{number}" for number in range(9)]
    (row,) = shown(render([cell(located, LONG, **dict.fromkeys(names, 0.5))], columns=names)["classification.md"])
    assert list(row) == ["rank", "model", *(f"`{name}`" for name in names)]
    assert len(row["model"]) == 20


def test_a_chosen_metric_of_features_is_found_in_each_extractor_s_table(located, render, tables):
    metrics = {"kid[a]": 0.5, "fid[a]": 1.5, "kid[b]": 0.25, "fid[b]": 2.5}
    page = render([located(metrics, task="generation")], columns=["fid"])["generation.md"]
    assert ["1.5000" in each for each in tables(page)] == [True, False]
    assert ["2.5000" in each for each in tables(page)] == [False, True]


def test_a_column_that_no_record_has_is_refused_with_the_nearest(located, render):
    with pytest.raises(BadInput, match="no record here has a column 'acuracy'; known: accuracy"):
        render([located({"accuracy": 0.9})], columns=["acuracy"])
