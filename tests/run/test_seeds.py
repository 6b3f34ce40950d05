"""Which seeds a selection means."""

import pytest

from tumorbench.run.selection import Selection, seeds_of


@pytest.mark.parametrize(
    ("protocol", "budget", "seeds"),
    [("grouped", "full", (0, 1, 2)), ("grouped", "quick", (0,)), ("paper", "full", (0,)), ("tstr", "full", (0,))],
)
def test_three_seeds_are_the_default_of_what_ranks(protocol, budget, seeds):
    assert tuple(seeds_of(Selection(), protocol, budget)) == seeds


def test_named_seeds_are_those_alone():
    assert seeds_of(Selection(seeds=(7,)), "grouped", "full") == (7,)
