"""Ranks: shared by those that cannot be told apart, with the interval of each."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from tumorbench.statistics.ranks import holm, p_of_difference, standings
from tumorbench.statistics.rows import RowDraws

COMMON = np.random.default_rng(0).normal(0, 0.05, 1000)


def row(value, own=0.002, seed=1, clusters=100):
    return RowDraws(value, value + COMMON + np.random.default_rng(seed).normal(0, own, 1000), clusters, 1)


def test_rows_that_differ_by_less_than_their_spread_share_a_rank():
    found = standings([row(0.8), row(0.801, seed=2)], higher_is_better=True)
    assert [(each.rank, each.low, each.high) for each in found] == [(1, 1, 2), (1, 1, 2)]


def test_pairs_are_told_apart_by_their_difference_and_not_by_the_width_of_each():
    found = standings([row(0.80), row(0.83, seed=2)], higher_is_better=True)
    assert [(each.rank, each.low, each.high) for each in found] == [(2, 2, 2), (1, 1, 1)]


def test_lower_is_better_turns_the_order():
    found = standings([row(0.80), row(0.90, seed=2)], higher_is_better=False)
    assert [each.rank for each in found] == [1, 2]


def test_a_row_ranks_behind_those_alone_that_are_surely_better():
    best, middle, last = row(0.810, 0.003), row(0.803, 0.003, 2), row(0.796, 0.003, 3)
    assert [each.rank for each in standings([best, middle, last], higher_is_better=True)] == [1, 1, 2]


def test_the_p_of_a_difference_is_that_of_student():
    from scipy import stats

    difference = np.random.default_rng(3).normal(0.0, 1.0, 1000)
    one, other = RowDraws(2.0, 2 + difference, 20, 1), RowDraws(0.0, np.zeros(1000), 20, 1)
    expected = 2 * stats.t.sf(2 / (difference.std() * np.sqrt(20 / 19)), 19)
    assert p_of_difference(one, other) == pytest.approx(expected)


def test_equal_values_and_few_clusters_tell_nothing():
    assert p_of_difference(row(0.8), row(0.8, seed=2)) == 1
    assert p_of_difference(row(0.8, clusters=2), row(0.1, seed=2, clusters=2)) == 1


def test_no_p_is_no_correction():
    assert holm([]) == []


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_p_values_are_adjusted_as_statsmodels_does(n):
    ps = (np.random.default_rng(n).random(n) ** 3).round(2)  # with ties, and above and below what is significant
    assert holm(ps.tolist()) == pytest.approx(multipletests(ps, method="holm")[1].tolist(), rel=1e-15)
