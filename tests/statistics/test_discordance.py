"""McNemar: plain as in statsmodels, clustered where samples go together."""

import numpy as np
import pytest

from tumorbench.statistics.discordance import discordance


def test_samples_of_one_patient_are_not_counted_as_many():
    first = np.array([True] * 30 + [False] * 10 + [True] * 60)
    second = np.array([False] * 30 + [True] * 10 + [True] * 60)
    alone = discordance(first, second, [str(n) for n in range(100)])
    together = discordance(first, second, [str(n // 10) for n in range(100)])
    assert alone.p_plain == together.p_plain < 0.01
    assert alone.p_clustered < 0.01
    assert together.p_clustered > 0.1


def test_the_clustered_test_of_single_samples_is_the_t_test_of_their_differences():
    from scipy import stats

    rng = np.random.default_rng(0)
    first, second = rng.random(80) < 0.8, rng.random(80) < 0.6
    expected = stats.ttest_1samp(first.astype(float) - second, 0).pvalue
    assert discordance(first, second, [str(n) for n in range(80)]).p_clustered == pytest.approx(expected, rel=1e-6)


def test_two_that_agree_throughout_do_not_differ():
    right = np.array([True, False, True])
    found = discordance(right, right, ["a", "b", "c"])
    assert (found.first_only, found.second_only, found.odds_ratio) == (0, 0, None)
    assert (found.p_plain, found.p_clustered) == (1.0, None)


def test_which_one_is_right_alone_is_told_apart():
    found = discordance(np.array([True, True, False]), np.array([False, False, True]), list("abc"))
    assert (found.first_only, found.second_only, found.odds_ratio) == (2, 1, 2.0)
