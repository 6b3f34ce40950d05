"""Intervals: wide enough for few clusters, inside the range, none where nothing can be told."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from tumorbench.statistics.intervals import interval, spread_factor


def normal(n=4000, middle=0.0, spread=1.0):
    return stats.norm.ppf((np.arange(n) + 0.5) / n) * spread + middle


def test_of_many_clusters_it_is_the_percentile_interval():
    assert interval(0.0, normal(), 10_000) == pytest.approx((-1.96, 1.96), abs=0.02)


def test_of_few_clusters_it_is_that_of_student():
    reach = stats.t.ppf(0.975, 9) * np.sqrt(10 / 9)
    assert interval(0.0, normal(), 10) == pytest.approx((-reach, reach), abs=0.03)
    assert spread_factor(10) == pytest.approx(reach)


def test_a_value_that_replicates_repeat_with_a_bias_keeps_its_place():
    low, high = interval(5.0, normal(middle=9), 1000)
    assert (low + high) / 2 == pytest.approx(5, abs=0.01)


def test_a_share_has_the_exact_interval_of_as_many_samples_as_give_its_spread():
    spread = np.sqrt(0.9 * 0.1 / 100) / spread_factor(1000) * stats.norm.ppf(0.975)
    found = interval(0.9, normal(middle=0.9, spread=spread), 1000, (0, 1))
    assert found == pytest.approx(proportion_confint(90, 100, method="beta"), abs=2e-4)


def test_a_share_of_all_has_the_exact_interval_of_as_many_samples_as_there_are_clusters():
    assert interval(1.0, np.ones(100), 20, (0, 1)) == pytest.approx(proportion_confint(20, 20, method="beta"))


def test_it_stays_in_the_range_of_the_metric():
    assert interval(0.1, normal(middle=0.1), 1000, (0, np.inf))[0] == 0


@pytest.mark.parametrize(
    ("value", "draws", "clusters"),
    [(None, normal(), 100), (0.0, normal(), 4), (0.0, np.where(np.arange(1000) < 200, np.nan, 0.0), 100)],
    ids=["undefined", "four clusters", "replicates undefined"],
)
def test_where_nothing_can_be_told_there_is_none(value, draws, clusters):
    assert interval(value, draws, clusters) is None


def test_five_folds_lose_a_degree_of_freedom_each():
    assert spread_factor(25, folds=5) == pytest.approx(stats.t.ppf(0.975, 20) * np.sqrt(5 / 4))
