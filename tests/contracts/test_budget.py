"""A budget has one spelling, and a share changes the number of epochs and nothing else."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import ValidationError

import tumorbench as tb
from tumorbench.contracts.budget import in_order, read_budget, share_of
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.schema import record_schema

RECIPE = tb.Recipe(
    preprocessing=tb.Preprocessing(size=64),
    epochs=30,
    batch_size=16,
    steps_per_epoch=7,
    quick=tb.Quick(epochs=1, steps_per_epoch=2, batch_size=4, size=32),
    early_stopping=tb.EarlyStopping(patience=5),
    reduce_on_plateau=tb.ReduceOnPlateau(patience=2),
)
IDENTITY = {
    "dataset": "some-set",
    "dataset_fingerprint": "0" * 64,
    "protocol": "grouped",
    "split_fingerprint": "1" * 64,
    "fold": 0,
    "task": "classification",
    "model": "some-model",
    "model_version": "1",
    "recipe": RECIPE,
    "seed": 0,
}
REFUSED = (
    "",
    "huge",
    "Full",
    "0of20",
    "1of0",
    "20of20",
    "3of2",
    "-1of20",
    "0.05",
    "1of20\n",
    "01of20",
    "1of",
    "1 of 20",
    "../1of20",
    "1of10000",
    "\u0661of\u0662",
)


@pytest.mark.parametrize("text", ["1of20", "2of40", "1/20", "5/100"])
def test_one_share_has_one_spelling_however_it_is_given(text):
    assert read_budget(text) == "1of20"


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_budget_is_refused_with_what_there_is(text):
    with pytest.raises(ValueError, match="give full, quick, or a share of the full epochs"):
        read_budget(text)


@pytest.mark.parametrize("budget", ["full", "quick", "1of20", "9998of9999"])
def test_a_budget_is_a_component_of_a_path_and_of_an_address(budget):
    assert read_budget(budget) == budget
    assert re.fullmatch(r"[a-z0-9]+", budget)


@pytest.mark.parametrize("budget", ["2of40", "1/20", "20of20", "huge"])
def test_a_record_holds_that_spelling_and_no_other(budget):
    with pytest.raises(ValidationError, match=r"is spelled 1of20|is unknown"):
        CellIdentity.model_validate(IDENTITY | {"budget": budget})


def test_the_published_schema_has_the_spelling():
    schema = json.loads(json.dumps(record_schema()))
    pattern = schema["$defs"]["CellIdentity"]["properties"]["budget"]["pattern"]
    found = [text for text in ("full", "quick", "1of20", "1/20", "0of20", "huge") if re.search(pattern, text)]
    assert found == ["full", "quick", "1of20"]


@pytest.mark.parametrize(
    ("budget", "epochs"), [("full", 30), ("1of2", 15), ("1of20", 2), ("1of100", 1), ("29of30", 29), ("1of12", 2)]
)
def test_a_share_has_that_share_of_the_epochs_rounded_and_one_at_least(budget, epochs):
    assert RECIPE.for_budget(budget).epochs == epochs


def test_a_share_changes_the_number_of_epochs_alone():
    assert RECIPE.for_budget("1of20") == RECIPE.model_copy(update={"epochs": 2})


def test_full_stands_before_shares_from_the_largest_on_and_quick_last():
    assert in_order(["1of20", "quick", "1of3", "full", "3of20", "1of3"]) == ["full", "1of3", "3of20", "1of20", "quick"]
    assert [share_of(budget) for budget in ("full", "quick")] == [None, None]
