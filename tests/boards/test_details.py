"""A data set's own page has what its boards leave out."""

import re

import pytest

from tumorbench.boards.words import anchor, detail_page
from tumorbench.contracts.record import Instrument, MetricValue


def test_every_value_of_every_row_stands_there_with_what_belongs_to_it(located, render, shown):
    dice = MetricValue(name="dice", value=0.5, n=10, higher_is_better=True, interval=(0.4, 0.6), ceiling=0.95)
    metrics = {"dice": dice, "strange": 0.125, "f1_macro": 0.75, "f1/a": 0.25}
    page = render([located(metrics, task="segmentation")])["figs.md"]
    values = [list(row.values())[-1:] for row in shown(page) if "hardware" not in row and "reported" not in row]
    assert values == [
        ["0.5000 ± — (0.4000 to 0.6000; ceiling 0.9500)"],
        ["0.2500 ± —"],
        ["0.7500 ± —"],
        ["0.1250 ± —"],
    ]


def test_a_metric_that_ranks_shows_its_ranks_there(located, render, shown):
    records = [located({"accuracy": value}, model=model) for model, value in (("net-a", 0.7), ("net-b", 0.9))]
    rows = [row for row in shown(render(records)["figs.md"]) if "rank" in row]
    assert [(row["rank"], row["model"]) for row in rows] == [("1", "`net-b 1`"), ("2", "`net-a 1`")]


def test_metrics_without_a_value_are_told_with_their_reason(located, render):
    scored = [Instrument(metric=name, version="1", plugin="p", reason="no columns") for name in ("hd95", "lesions")]
    records = [located({"accuracy": 0.9}, model=model, instruments=tuple(scored)) for model in ("net-a", "net-b")]
    assert "- `hd95`, `lesions`, in 2 rows: no columns\n" in render(records)["figs.md"]


def test_each_task_and_budget_has_a_heading_that_the_boards_lead_to(located, render):
    records = [
        located({"accuracy": 0.9}),
        located({"accuracy": 0.8}, budget="quick"),
        located({"accuracy": 0.8}, budget="1of20"),
        located({"dice": 0.7}, task="segmentation"),
    ]
    pages = render(records)
    headings = re.findall(r"^## (.*)$", pages["figs.md"], re.MULTILINE)
    assert headings == [
        "Classification, full budget",
        "Classification, 1of20 budget",
        "Classification, quick budget",
        "Segmentation, full budget",
    ]
    there = {heading.lower().replace(",", "").replace(" ", "-") for heading in headings}
    led_to = re.findall(r"\(figs\.md#([\w-]*)\)", pages["classification.md"] + pages["segmentation.md"])
    assert sorted(led_to) == sorted(there)
    assert anchor("classification", "quick") in there


@pytest.mark.parametrize(
    ("dataset", "page"),
    [
        ("figs", "figs.md"),
        ("lab/figs", "lab--figs.md"),
        ("readme", "data-set-readme.md"),
        ("generation", "data-set-generation.md"),
    ],
)
def test_no_data_set_s_page_takes_the_name_of_another(located, render, dataset, page):
    assert detail_page(dataset) == page
    pages = render([located({"accuracy": 0.9}, dataset=dataset)])
    assert pages[page].splitlines()[2] == f"# The {dataset} slices (`{dataset}`)"
    assert set(pages) == {page, "README.md", "classification.md", "segmentation.md", "generation.md", "throughput.md"}


def test_models_that_were_trained_elsewhere_stand_in_a_group_of_their_own_and_on_the_page(located, render, shown):
    cell = located({"accuracy": 0.99}, model="net-b")
    identity = cell.record.identity.model_copy(update={"origin": "evaluated"})
    elsewhere = type(cell)(cell.record.model_copy(update={"identity": identity}), cell.path)
    pages = render([located({"accuracy": 0.9}), elsewhere])
    board, group = pages["classification.md"].split("## Evaluated: models that were trained elsewhere")
    assert ("0.9900" in board, "0.9000" in group) == (False, False)
    (row,) = shown(group)
    assert ("rank" in row, row["model"], row["accuracy ↑"]) == (False, "`net-b`", "0.9900")
    assert len([row for row in shown(pages["figs.md"]) if "hardware" in row]) == 2
    assert "Evaluated" not in render([located({"accuracy": 0.9})])["classification.md"]
