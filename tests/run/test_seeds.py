"""Which seeds and folds a selection means."""

import pytest

from tumorbench.contracts.cards import DatasetSpec, Source
from tumorbench.run.selection import Selection, folds_of, seeds_of


@pytest.mark.parametrize(
    ("protocol", "budget", "seeds"),
    [
        ("grouped", "full", (0, 1, 2)),
        ("grouped", "quick", (0,)),
        ("paper", "full", (0,)),
        ("tstr", "full", (0,)),
        ("grouped", "1of20", (0,)),
    ],
)
def test_three_seeds_are_the_default_of_what_ranks(protocol, budget, seeds):
    assert tuple(seeds_of(Selection(), protocol, budget)) == seeds


def test_named_seeds_are_those_alone():
    assert seeds_of(Selection(seeds=(7,)), "grouped", "full") == (7,)


@pytest.mark.parametrize(("budget", "folds"), [("full", range(5)), ("1of20", range(5)), ("quick", (0,))])
def test_every_fold_is_the_default_but_of_the_quick_budget(budget, folds):
    card = DatasetSpec(
        id="figs",
        title="Figs",
        version="1",
        tasks=("classification",),
        classes=("a", "b"),
        licence="MIT",
        citation="none",
        source=Source(homepage="none"),
        patients_known=True,
        counts={"all": {"a": 1, "b": 1}},
        factory="figs:Figs",
    )
    assert folds_of(Selection(), card, "grouped", budget) == folds
