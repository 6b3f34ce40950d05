"""``tumorbench leaderboard``: a plugin's metric without an edit in the core, chosen columns, JSON, old pages."""

import json
from pathlib import Path

import pytest
from published_cells import copy_quick_cells

PLUGIN = """
import tumorbench as tb

@tb.hookimpl
def tumorbench_metrics():
    yield tb.MetricSpec(
        id="share_of_glioma", title="Share called glioma", task="classification", version="1", higher_is_better=None,
        value_range=(0.0, 1.0), headline=True, factory="my_metrics:share",
    )

def share(labels, probabilities, classes):
    return {"share_of_glioma": float((probabilities.argmax(1) == classes.index("glioma")).mean())}
"""


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """A store with two published records of a classifier."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUMORBENCH_CACHE", str(tmp_path / "cache"))
    return copy_quick_cells(tmp_path / "runs", "figshare3064/pose-cnn")


def test_a_metric_of_a_plugin_is_on_the_board_once_records_are_rescored(runs, tumorbench, install_plugin):
    assert tumorbench("leaderboard").code == 0
    assert "share_of_glioma" not in (runs / "boards/classification.md").read_text()
    install_plugin("my-metrics", my_metrics=PLUGIN)
    assert tumorbench("rescore").code == 0
    board, page = ((runs / f"boards/{name}.md").read_text() for name in ("classification", "figshare3064"))
    heading = next(line for line in board.splitlines() if line.startswith("| rank"))
    assert [each.strip() for each in heading.split("|")][-4:-1] == ["share_of_glioma", "parameters", "cells"]
    assert "#### Share called glioma: `share_of_glioma`\n\nOf the plugin `my-metrics`.\n" in page
    assert tumorbench("leaderboard", "--check").code == 0


def test_the_rows_as_json_are_those_of_the_board_and_nothing_is_written(runs, tumorbench):
    found = json.loads(tumorbench("leaderboard", "--json").out)
    assert [(row["protocol"], row["rank"]) for row in found] == [("grouped", 1), ("official", None), ("paper", None)]
    assert not (runs / "boards").exists()
    refused = tumorbench("leaderboard", "--json", "--check")
    assert (refused.code, refused.out) == (2, "")
    assert "give it without --check and --columns" in refused.err


def test_chosen_columns_are_checked_as_they_were_chosen(runs, tumorbench):
    chosen = ("leaderboard", "--columns", "f1/glioma, split")
    assert tumorbench(*chosen).code == 0
    board = (runs / "boards/classification.md").read_text()
    heading = next(line for line in board.splitlines() if line.startswith("| rank"))
    assert [each.strip() for each in heading.split("|")][1:-1] == ["rank", "model", "`f1/glioma`", "split"]
    assert tumorbench(*chosen, "--check").code == 0
    drifted = tumorbench("leaderboard", "--check")
    assert drifted.code == 1
    assert "classification.md differs from its records; run: tumorbench leaderboard --store runs" in drifted.err
    refused = tumorbench("leaderboard", "--columns", "f1/gliom")
    assert refused.code == 2
    assert refused.err.startswith("tumorbench: no record here has a column 'f1/gliom'; known: f1/glioma")


def test_a_page_of_a_data_set_without_a_record_is_found_and_taken_away(runs, tumorbench):
    assert tumorbench("leaderboard").code == 0
    old, own = runs / "boards/gone.md", runs / "boards/notes.md"
    old.write_text((runs / "boards/figshare3064.md").read_text())
    own.write_text("mine")
    assert "gone.md differs from its records" in tumorbench("leaderboard", "--check").err
    assert tumorbench("leaderboard").code == 0
    assert (old.exists(), own.read_text()) == (False, "mine")
