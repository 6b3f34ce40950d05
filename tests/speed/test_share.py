"""A share of the epochs has the full recipe's steps: its speed is measured as the full recipe's, once for both."""

from __future__ import annotations

import pytest

from tumorbench import registry
from tumorbench.run.context import Context
from tumorbench.run.plan import Selection, make_plan
from tumorbench.speed.throughput import measure_speed
from tumorbench.store import Store


@pytest.fixture
def speed_of(tiny, monkeypatch):
    """The speed of the classifier under a budget, measured in a moment and whatever else runs here."""
    monkeypatch.setattr("tumorbench.speed.throughput.SECONDS", {"full": 0.1, "quick": 0.05})
    context = Context(registry.find(), Store(tiny / "runs").open(), tiny, "cpu")

    def measure(budget: str):
        asked = Selection(False, ("tiny-shapes",), ("tiny-classifier",), ("grouped",), budget)
        return measure_speed(make_plan(asked, context).cells[0].cell, context.tools(), context.store, discard=False)

    return measure


def test_the_speed_of_a_share_is_that_of_the_full_recipe(speed_of, tiny):
    share, full, quick = map(speed_of, ("1of2", "full", "quick"))
    assert [each.throughput.budget for each in (share, full, quick)] == ["full", "full", "quick"]
    assert [each.cached for each in (share, full, quick)] == [False, True, False]
    assert share.throughput.command.endswith("--budget full")
    assert len(list(tiny.glob("runs/throughput/*.json"))) == 2
