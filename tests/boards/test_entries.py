"""The rows of the boards as data say what the pages say."""

import json

from tumorbench.boards import board_entries
from tumorbench.contracts.record import MetricValue


def test_a_row_has_its_rank_values_and_records(located, cards):
    ranked = MetricValue(name="accuracy", value=0.85, n=100, higher_is_better=True, interval=(0.8, 0.9))
    best = located({"accuracy": ranked, "f1/glioma": 0.5}, parameters={"total": 7, "trainable": 7})
    records = [located({"accuracy": 0.7}, model="net-b"), best, located({"accuracy": 0.99}, protocol="paper")]
    first, second, third = board_entries(records, cards)
    assert [(row["rank"], row["model"], row["protocol"]) for row in (first, second, third)] == [
        (1, "net-a", "grouped"),
        (2, "net-b", "grouped"),
        (None, "net-a", "paper"),
    ]
    assert (first["task"], first["dataset"], first["budget"], first["cells"], first["parameters"]) == (
        "classification",
        "figs",
        "full",
        1,
        7,
    )
    assert first["metrics"]["accuracy"]["mean"] == 0.85
    assert first["metrics"]["accuracy"]["interval"] == (0.8, 0.9)
    assert list(first["metrics"]) == ["accuracy", "f1/glioma"]
    assert first["records"] == [best.path]
    assert json.loads(json.dumps([first]))[0]["model"] == "net-a"


def test_full_and_quick_rows_and_those_of_several_tables_are_told_apart(located, cards):
    records = [
        located({"accuracy": 0.9}, budget="quick"),
        located({"accuracy": 0.6}, budget="1of20"),
        located({"accuracy": 0.8}),
        located({"kid[e]": 0.5, "ks_d": 0.1}, task="generation"),
        located(status="failed", reason="no"),
    ]
    found = [(row["task"], row["table"], row["budget"]) for row in board_entries(records, cards)]
    assert found == [
        ("classification", "", "full"),
        ("classification", "", "1of20"),
        ("classification", "", "quick"),
        ("generation", "Features of `e`", "full"),
        ("generation", "Intensities", "full"),
    ]
