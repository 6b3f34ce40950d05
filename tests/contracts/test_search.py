"""A search space is an interval or a choice, of the type of its parameter and within its range."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

import tumorbench as tb

RECIPE = tb.Recipe(
    preprocessing=tb.Preprocessing(size=32),
    epochs=1,
    batch_size=4,
    quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=4),
    params={"width": 8, "rate": 0.5, "norm": "batch", "wide": False},
)


def card(**search: tb.Search) -> tb.ModelSpec:
    return tb.ModelSpec(
        id="net",
        title="t",
        version="1",
        task="classification",
        licence="MIT",
        paper=tb.Paper(title="none"),
        recipe=RECIPE,
        ranges={
            "rate": tb.Range(ge=0, lt=1),
            "weight_decay": tb.Range(lt=0.1),
            "norm": tb.Range(one_of=("batch", "group")),
        },
        search=search,
        factory="module:Net",
    )


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "low below high, or one_of"),
        ({"low": 1}, "low below high, or one_of"),
        ({"low": 2, "high": 2}, "low below high, or one_of"),
        ({"low": 0, "high": 1, "one_of": (1,)}, "not both"),
        ({"low": 0, "high": 1, "log": True}, "a low above 0"),
        ({"low": 1, "high": 9, "log": True, "step": 1}, "no step"),
    ],
)
def test_what_is_neither_an_interval_nor_a_choice_is_refused(given, fault):
    with pytest.raises(ValidationError, match=fault):
        tb.Search(**given)


@pytest.mark.parametrize(
    ("search", "fault"),
    [
        (
            {"depth": tb.Search(low=0, high=1)},
            "search names 'depth', which is none of width, rate, norm, wide, learning_rate",
        ),
        (
            {"learning_rate": tb.Search(low=0, high=1)},
            "search of learning_rate reaches 0.0, and by its range it is above 0",
        ),
        ({"batch_size": tb.Search(low=0.5, high=8)}, "its default 4 is a whole number"),
        (
            {"weight_decay": tb.Search(low=0, high=0.5)},
            "search of weight_decay reaches 0.5, and by its range it is below 0.1",
        ),
        ({"width": tb.Search(low=1.5, high=4)}, "its default 8 is a whole number"),
        ({"width": tb.Search(one_of=(4, 8.0))}, "8.0 is not of the type of its default 8"),
        ({"norm": tb.Search(low=0, high=1)}, "its default 'batch' is no number, so it takes one_of"),
        ({"wide": tb.Search(low=0, high=1)}, "takes one_of"),
        (
            {"rate": tb.Search(low=0, high=1)},
            "search of rate reaches 1.0, and by its range it is at least 0 and below 1",
        ),
        ({"norm": tb.Search(one_of=("batch", "layer"))}, "search of norm reaches layer"),
    ],
)
def test_a_search_that_its_parameter_does_not_allow_is_a_bad_card(search, fault):
    with pytest.raises(ValidationError, match=fault):
        card(**search)


def test_a_search_of_every_type_is_taken():
    spec = card(
        width=tb.Search(low=4, high=64, log=True),
        rate=tb.Search(low=0, high=0.9, step=0.1),
        norm=tb.Search(one_of=("batch", "group")),
        wide=tb.Search(one_of=(False, True)),
        learning_rate=tb.Search(low=1e-4, high=1e-2, log=True),
        weight_decay=tb.Search(low=0, high=0.01),
        batch_size=tb.Search(one_of=(2, 4)),
    )
    assert set(spec.search) == {*RECIPE.params, "learning_rate", "weight_decay", "batch_size"}
